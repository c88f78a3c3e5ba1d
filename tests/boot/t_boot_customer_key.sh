#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: whether the store of a volume's root keys is down, late or denies, the system reaches multi-user; the volume is closed then and the journal says why; it opens when the store is back, and the timer locks it when it denies later
# by-hand: three boots with a passphrase typed, ten minutes, in make boot-tests
# timeout: 7200
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/../host/lib.sh"
# shellcheck source=tests/host/hsm.sh
. "$here/hsm.sh"
# shellcheck source=tests/boot/lib.sh
. "$here/../boot/lib.sh"

# The installed root's files, and in them a store of keys, a policy, and /home by that policy.
tree=$TMP/tree store=/var/lib/softhsm/tokens
cp -a "$inst/tree" "$tree"
install -D -m 644 "$softhsm" "$tree$softhsm"
install -m 755 "$BUILD/tools/token_key" "$tree/usr/local/bin/"
mkdir -p "$tree/etc/softhsm" "$tree$store"
echo "directories.tokendir = $store" >"$tree/etc/softhsm/softhsm2.conf"
(umask 077 && printf 1234 >"$tree/root/pin")
for token in a b; do
	start_softhsm "$token" acme
done
cp -a "$TMP/softhsm/." "$tree$store/"
cp "$inst/data" "$tree/root/data"
uri() {
	echo "pkcs11:token=$1;object=acme?module-path=$softhsm&pin-source=file:/root/pin"
}
# shellcheck disable=SC2016 # the inner shell expands it
env -i PATH="$PATH" unshare -m sh -euc '
	mount --bind /dev "$1/dev"
	mount -t proc proc "$1/proc"
	mount -t tmpfs tmp "$1/run"
	chroot "$1" fvesetup policy create acme --plain --root-a "$2" --root-b "$3" --availability-key /run/custodian \
		--bound 5 --on-revocation lock
	chroot "$1" fvesetup policy assign acme /root/data --key-file /root/pass
' sh "$tree" "$(uri a)" "$(uri b)"
mv "$tree/root/data" "$TMP/data"
sed -i '/^home /s/ - .*/ customer-key netdev,nofail/' "$tree/etc/fvetab"
echo "/dev/mapper/home /home ext4 nofail,_netdev 0 2" >>"$tree/etc/fstab"
mkdir -p "$tree/etc/systemd/system/timers.target.wants"
ln -s /usr/lib/systemd/system/fve-policy.timer "$tree/etc/systemd/system/timers.target.wants/"
# What waits for multi-user.target must not be a part of it.
mkdir "$tree/etc/systemd/system/fve-test.service.d"
printf '[Service]\nType=simple\n' >"$tree/etc/systemd/system/fve-test.service.d/simple.conf"
mv "$tree$store" "$tree$store.away"
mkdir "$tree$store"

"$here/initramfs" "$tree" "$(basename "$tree"/usr/lib/modules/*)" "$TMP/initrd"
cp --sparse=always "$inst/disk" "$TMP/disk"
size=$((($(stat -c %s "$TMP/disk") >> 20) - 20))
mkfs.ext4 -q -F -b 4096 -U "$(cat "$inst/fs-uuid")" -L root -m 0 -d "$tree" "$TMP/root.ext4" "${size}M"
"$here/fill" "$TMP/disk" "$inst/pass" "$TMP/root.ext4"
disks=(--disk "$TMP/disk" --disk "$TMP/data" "${others[@]:2}")

# start_with TEXT: a boot that waits for multi-user.target, shows the state of /home, and runs TEXT.
start_with() {
	script "
for _ in \$(seq 240); do systemctl is-active -q multi-user.target && break; sleep 0.5; done
echo multi-user is \$(systemctl is-active multi-user.target)
home() { findmnt -no SOURCE /home || echo home is closed; }
home
journalctl -b -u fve-unlock-network --no-pager -o cat
$1
"
	boot 0 --initrd "$TMP/initrd" --script "$TMP/script" "$asked" "type=$pass"
	reported "multi-user is active"
}

mounted="for _ in \$(seq 240); do mountpoint -q /home && break; sleep 0.5; done"

echo "=== the store is down, and comes back later"
start_with "
mv $store.away/* $store
$mounted
echo later: \$(home)
"
reported "home is closed"
reported "key-unreachable"
reported "home stays closed"
reported "later: /dev/mapper/home"

echo "=== it is there; later it denies, which the timer sees within the policy's bound"
roots() {
	echo "for token in a b; do token_key $softhsm \$token 1234 acme $1; done"
}
start_with "
$mounted
echo first: \$(home)
$(roots off)
from=\$SECONDS
while mountpoint -q /home && [ \$((SECONDS - from)) -lt 300 ]; do sleep 1; done
echo later: \$(home)
dmsetup info home >/dev/null 2>&1 || echo the mapping is gone
journalctl -b -u fve-policy --no-pager -o cat
$(roots on)
fvesetup policy resume acme
fvesetup policy show acme
$(roots off)
"
reported "first: /dev/mapper/home"
reported "opened by protector customer-key"
reported "later: home is closed"
reported "the mapping is gone"

echo "=== it denies when the system starts"
start_with "
sleep 40
echo later: \$(home)
"
reported "home is closed"
reported "key-denied"
reported "later: home is closed"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: both roots, of two vendors, are replaced while the volume is mounted and under verified I/O, which writes no data; the old keys are destroyed, and after a reboot either new one opens and all data is there
# group: host services kernel
# by-hand: boots two machines; seen to pass on 6.1, and make soak runs it
# timeout: 1200
#
# Keys, policy and volume are made here; a guest with both tokens rolls, and a second one, which is
# the machine after a reboot, opens.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/hsm.sh
. "$here/hsm.sh"
hsm_namespace "$@"
# shellcheck source=tests/host/policy.sh
. "$here/policy.sh"

vm=$here/../vm
lib=/usr/lib/x86_64-linux-gnu
image=$TMP/volume.img

echo "--- a policy, its keys and those that are to follow them, and a volume"
start_softhsm
start_opencryptoki
make_key "$softhsm" soft 1234 second
make_key "$opencryptoki" ock 24681357 second
expect 0 "$fvesetup" policy create acme --plain --root-a "$uri_softhsm" --root-b "$uri_opencryptoki" \
	--availability-key "$TMP/custodian"
new_image "$image" 80M
format "$image"
expect 0 "$fvesetup" policy assign acme "$image" --key-file "$TMP/pass"
stop_opencryptoki

# What the machine keeps beside the volume: the tokens and the policy. A stream that both can compute.
stream() {
	openssl enc -aes-256-ctr -K "$(printf '%064d' 7)" -iv "$(printf '%032d' 9)" -in /dev/zero 2>/dev/null |
		head -c 8388608
}
mkdir "$TMP/kept"
mv "$TMP/softhsm" "$FVE_STATE" "$TMP/kept/"
cp -a /var/lib/opencryptoki /etc/opencryptoki "$TMP/kept/"
new_image "$TMP/kept.img" 32M
mkfs.ext4 -q -d "$TMP/kept" "$TMP/kept.img"

cat >"$TMP/guest.sh" <<END
# An emulator on a busy machine is slow.
export FVE_ROOT_TIMEOUT=120 FVE_STATE=/kept/state FVE_PROVIDERS=/usr/lib/fve SOFTHSM2_CONF=/root/softhsm.conf
soft=$softhsm ock=$opencryptoki
new_a='${uri_softhsm/object=root/object=second}' new_b='${uri_opencryptoki/object=root/object=second}'
pkcs11_group=$(getent group pkcs11)
$(declare -f stream)
END
cat >>"$TMP/guest.sh" <<'END'
. "$TESTS/vm/lib.sh"

mkdir /kept /etc/opencryptoki /var/lib/opencryptoki /mnt/data
mount /dev/vdb /kept
mount --bind /kept/opencryptoki /var/lib/opencryptoki
echo "directories.tokendir = /kept/softhsm" >$SOFTHSM2_CONF
printf 'version opencryptoki-3.1\nslot 0\n{\nstdll = libpkcs11_sw.so\n}\n' >/etc/opencryptoki/opencryptoki.conf
echo "$pkcs11_group" >>/etc/group
mkdir -p /run/lock/opencryptoki/swtok
mkdir -p /var/log/opencryptoki
ln -sfn /run/lock /var/lock

start_opencryptoki() {
	pkcsslotd
	while [ ! -S /run/pkcsslotd.socket ]; do
		sleep 0.1
	done
}
destroy() { # MODULE TOKEN PIN LABEL
	pkcs11-tool --module "$1" --token-label "$2" --login --pin "$3" --delete-object --type privkey --label "$4"
}
# The whole data area as it is on the disk.
data_hash() {
	sync
	dd if=/dev/vda bs=1M skip=16 iflag=direct status=none | sha256sum
}
io=(fio --name=load --directory=/mnt/data --size=4M --bs=4k --direct=1 --verify=crc32c --verify_fatal=1)
# rolled OPTION URI: while the load goes on, which sees no error.
rolled() {
	kill -0 $load || fail "the load has ended: $(cat /root/fio)"
	assert_status 0 fvesetup policy roll acme "$@" </dev/null
	kill -0 $load || fail "the load has ended: $(cat /root/fio)"
	echo "the load ends"
	kill -INT $load
	wait $load || true # fio ends with 128 then
	assert_match "$(cat /root/fio)" 'err= 0' "the load"
	assert_no_match "$(cat /root/fio)" 'bad|error=' "the load"
}

if [ "$1" = roll ]; then
	step "mounted, with data in it"
	start_opencryptoki
	fvesetup open --target fve /dev/vda data </dev/null
	mkfs.ext4 -q /dev/mapper/data
	mount -o noatime /dev/mapper/data /mnt/data
	stream >/mnt/data/stream || true
	"${io[@]}" --rw=write --do_verify=0 >/root/fio
	sync
	fvesetup header backup /dev/vda /kept/old.header

	step "root a, while all of the load's data is read and verified: no byte of the data area changes"
	mount -o remount,ro /mnt/data
	before=$(data_hash)
	"${io[@]}" --rw=randread --readonly --rate_iops=40 --time_based --runtime=3600 >/root/fio 2>&1 &
	load=$!
	rolled --root-a "$new_a"
	assert_eq "$(data_hash)" "$before" "the data area"
	destroy "$soft" soft 1234 root

	step "root b, while it is written and verified: what is not written does not change"
	mount -o remount,rw,noatime /mnt/data
	place() {
		filefrag -b4096 -v -e /mnt/data/stream | awk '/^ *[0-9]+:/ { gsub("[.:]", " "); print $4, $6 }'
	}
	unwritten_hash() {
		sync
		place | while read -r from blocks; do
			dd if=/dev/vda bs=4096 skip=$((4096 + from)) count="$blocks" iflag=direct status=none
		done | sha256sum
	}
	place
	assert_eq "$(place | awk '{ n += $2 } END { print n }')" 2048 "blocks of the stream"
	before=$(unwritten_hash) all=$(data_hash)
	"${io[@]}" --rw=randrw --verify_backlog=64 --rate_iops=40,40 --time_based --runtime=3600 >/root/fio 2>&1 &
	load=$!
	rolled --root-b "$new_b"
	assert_eq "$(unwritten_hash)" "$before" "the blocks of a file that nobody writes"
	[ "$(data_hash)" != "$all" ] || fail "the load has written nothing"
	destroy "$ock" ock 24681357 root
	fvesetup policy show acme
	"${io[@]}" --rw=write --do_verify=0 >/root/fio
	umount /mnt/data
	fvesetup close data
else
	step "after the reboot: by root a alone, while the other token's daemon is not there"
	fvesetup open --target fve /dev/vda data </dev/null
	mount /dev/mapper/data /mnt/data
	cmp /mnt/data/stream <(stream) || fail "other data"
	"${io[@]}" --rw=read --readonly || fail "the load's data does not verify"
	umount /mnt/data
	fvesetup close data

	step "by root b alone; as it was before the rolls, by nobody"
	start_opencryptoki
	mv /kept/softhsm /kept/away
	mkdir /kept/softhsm
	assert_status 0 fvesetup open --test /dev/vda </dev/null
	rmdir /kept/softhsm
	mv /kept/away /kept/softhsm
	truncate -s 32M /root/old.img
	assert_status 0 fvesetup header restore -q /root/old.img /kept/old.header
	assert_status 2 fvesetup open --test /root/old.img </dev/null
fi
umount /var/lib/opencryptoki
umount /kept
END

machine() { # roll|open
	"$vm/vm" --kernel "$(vm_kernel "${FVE_KERNEL:-6.1}")" --memory 512 --timeout 500 \
		--disk "$image" --disk "$TMP/kept.img" \
		--include "$BUILD/fve-provider-pkcs11:/usr/lib/fve/fve-provider-pkcs11" --include "$softhsm:$softhsm" \
		--include "$opencryptoki:$opencryptoki" --include "$lib/libpkcs11_sw.so:$lib/libpkcs11_sw.so" \
		--include /usr/sbin/pkcsslotd:/usr/sbin/pkcsslotd --include /usr/bin/pkcs11-tool:/usr/bin/pkcs11-tool \
		--include "$TMP/pin.softhsm:$TMP/pin.softhsm" --include "$TMP/pin.opencryptoki:$TMP/pin.opencryptoki" \
		"$TMP/guest.sh" "$1"
}
echo "--- one boot"
machine roll
echo "--- the next"
machine open

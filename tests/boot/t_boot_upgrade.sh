#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: when a kernel package is installed, DKMS builds the module, dracut the initramfs, and the TPM is told: the next boot asks nothing
# by-hand: a compiler, dpkg and dracut under emulation, twenty minutes, in make boot-tests
# timeout: 10800
installation=--upgradable
export FVE_SUITE=bookworm # a Debian 13 would need the headers of another series from its backports
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"

new=$("$here/../vm/kernel" --print release 6.12)
mkdir "$TMP/debs"
(cd "$TMP/debs" && apt-get download -q "linux-image-$new") ||
	{ apt-get update -q && cd "$TMP/debs" && apt-get download -q "linux-image-$new"; }
mkfs.ext4 -q -d "$TMP/debs" "$TMP/debs.img" 150M
truncate -s 150M "$TMP/boot.tar"

own_disk
remove tpm2
remove tpm2-pin
boot_partition "$inst/vmlinuz" "$inst/initrd" "$cmdline"
disks+=(--disk "$TMP/debs.img,read-only=on" --disk "$TMP/boot.tar")
script "
set -eux
fvesetup protector add --key-file /root/pass /dev/vda tpm2
mount -o ro /dev/disk/by-id/virtio-debs.img /mnt
dkms add dm-fve/0.1.0
dpkg -i /mnt/*.deb
dkms status
cat /var/lib/dkms/dm-fve/0.1.0/$new/*/log/make.log || true
modinfo -k $new -n dm-fve
lsinitrd /boot/initrd.img-$new | grep -E 'dm-fve|fvetab|rd.luks' || true
fvesetup tpm status /dev/vda || true
tar -C /boot -c initrd.img-$new vmlinuz-$new >/dev/disk/by-id/virtio-boot.tar
"
FVE_BOOT_TIMEOUT=${FVE_BOOT_TIMEOUT:-3600} boot 0 "${esp[@]}" --script "$TMP/script" \
	"$asked" "type=$pass"
reported "dm-fve/0.1.0, $new, x86_64: installed"
reported "fve: root: the TPM will open it for Linux $new"

tar -C "$TMP" -xf "$TMP/boot.tar"
boot_partition "$TMP/vmlinuz-$new" "$TMP/initrd.img-$new" "$cmdline"
script "
uname -r
journalctl -b -u fve-unlock --no-pager -o cat
dmsetup table root | cut -d ' ' -f 1-3
"
boot 0 "${esp[@]}" --script "$TMP/script"
not_said "assphrase"
reported "$new"
reported "root (/dev/vda) opened by protector tpm2"
grep -qE '^0 [0-9]+ fve$' "$TMP/out" || fail "the root is not open by fve"

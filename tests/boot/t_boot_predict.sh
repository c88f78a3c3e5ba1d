#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: systemd-boot starts a new kernel and initramfs that fve-approve approved: the TPM opens; another command line: refused
# by-hand: three boots, seven minutes, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

# What an upgrade puts into /boot: a kernel that names its builder otherwise, and an initramfs with
# more zeroes at its end.
release=$(basename "$inst"/tree/usr/lib/modules/*)
new=$TMP/new
mkdir "$new"
LC_ALL=C sed '0,/(debian-kernel@/s//(debian-Kernel@/' "$inst/vmlinuz" >"$new/vmlinuz-$release"
! cmp -s "$inst/vmlinuz" "$new/vmlinuz-$release" || fail "the kernel does not name its builder"
{ cat "$inst/initrd" && head -c 4096 /dev/zero; } >"$new/initrd.img-$release"
# fve-approve asks jq, which the installation does not have.
cp "$(command -v jq)" /usr/lib/x86_64-linux-gnu/lib{jq,onig}.so.? "$new/"
mkfs.ext4 -q -d "$new" "$TMP/new.img" 64M

own_disk
remove tpm2
remove tpm2-pin
disks+=(--disk "$TMP/new.img,read-only=on")
boot_partition "$inst/vmlinuz" "$inst/initrd" "$cmdline"
script "
set -e
fvesetup protector add --key-file /root/pass /dev/vda tpm2
sed -i 's/^root .*/&,reseal=auto/' /etc/fvetab
mount -o ro /dev/disk/by-id/virtio-new.img /mnt
export PATH=\$PATH:/mnt LD_LIBRARY_PATH=/mnt FVE_BOOT=/mnt
/usr/lib/fve/fve-approve $release 2>&1
/usr/lib/fve/fve-approve --accept $release 2>&1
"
boot 0 "${esp[@]}" --script "$TMP/script" "$asked" "type=$pass"
reported "fve: WARNING: /mnt/vmlinuz-$release is not what a package has unpacked"
reported "fve: root: the TPM will open it for Linux $release"

boot_partition "$new/vmlinuz-$release" "$new/initrd.img-$release" "$cmdline"
script "
journalctl -b -u fve-unlock --no-pager -o cat
$(attempt)
"
boot 0 "${esp[@]}" --script "$TMP/script"
not_said "assphrase"
reported "root (/dev/vda) opened by protector tpm2"
reported "unseal 2"

boot_partition "$new/vmlinuz-$release" "$new/initrd.img-$release" "$cmdline tampered"
boot 126 "${esp[@]}" "expect=(pcr-mismatch)" "$asked" monitor=quit

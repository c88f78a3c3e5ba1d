#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: one volume through fve and through dm-crypt, by choice or for want of the module, which is said and remembered; suspend wipes the key in both
# runs: uml qemu
# group: vm fvesetup
# disks: 64M
. "$TESTS/vm/lib.sh"

cheap=(--iter-time 1 --pbkdf-memory 32)
printf 'correct horse' >pass

open_data() {
	fvesetup open --key-file pass "$@" /dev/vda data
}

# Read $1 in the background, past the page cache; ends when I/O goes on.
read_behind() {
	dd if="$1" of=read bs=4096 skip=100 count=1 iflag=direct status=none &
	reader=$!
}

# The key is gone from all that userspace can see, and nothing can go on without it.
assert_wiped() {
	local status
	status=$(fvesetup status data)
	assert_match "$status" 'suspended, key wiped' "status"
	assert_no_match "$(cat /proc/keys)" 'fve:' "/proc/keys"
	assert_no_match "$(dmsetup table --showkeys data)" '[0-9a-f]*[1-9a-f][0-9a-f]{60}' "table"
	assert_fails dmsetup resume data
	assert_eq "$(dmsetup info -c --noheadings -o suspended data)" Suspended "after dmsetup resume"
}

# $1 is read before and after: what nobody writes meanwhile. Of a mounted volume that is a file on
# it, for ext4 still clears inode tables of the volume seconds after the mount.
suspend_and_resume() {
	dd if="$1" of=before bs=4096 skip=100 count=1 iflag=direct status=none
	fvesetup suspend data
	assert_wiped
	read_behind "$1"
	assert_status 5 fvesetup suspend data
	assert_status 2 fvesetup resume --key-file /etc/hostname data
	assert_status 2 fvesetup resume data </dev/null
	assert_wiped
	kill -0 "$reader" || fail "I/O went on while the volume was suspended"
	fvesetup resume --key-file pass data
	wait "$reader"
	assert_same before read
	assert_no_match "$(fvesetup status data)" 'suspended' "status"
	assert_status 1 fvesetup resume --key-file pass data
}

fvesetup format -q "${cheap[@]}" --key-file pass --no-recovery /dev/vda

step "fve by default"
open_data
mkfs.ext4 -q /dev/mapper/data
mount /dev/mapper/data /mnt
head -c 4M /dev/urandom >/mnt/file
sync /mnt/file
sum=$(sha256sum </mnt/file)
suspend_and_resume /mnt/file
assert_eq "$(sha256sum </mnt/file)" "$sum" "file after a resume"

step "what fvesetup itself stands on: refused, and with --force no page is missed"
cp "$(command -v fvesetup)" /mnt/
sync
echo 3 >/proc/sys/vm/drop_caches
assert_status 5 /mnt/fvesetup suspend data
/mnt/fvesetup suspend --force data
assert_wiped
fvesetup resume --key-file pass data
umount /mnt

step "what swap stands on"
fvesetup close data
open_data
dd if=/dev/mapper/data of=kept bs=4096 count=16 status=none
mkswap /dev/mapper/data
swapon /dev/mapper/data
assert_status 5 fvesetup suspend data
swapoff /dev/mapper/data
dd if=kept of=/dev/mapper/data conv=fsync status=none
fvesetup close data

step "dm-crypt by choice, with the same data"
assert_status 1 fvesetup open --target other --key-file pass /dev/vda data
echo 1 >/sys/block/vda/queue/rotational
open_data --target crypt 2>said
assert_no_match "$(cat said)" 'module-missing' "what open said"
assert_match "$(dmsetup table data)" '^0 98304 crypt aes-xts-plain64 :64:logon:fve:.* 1 sector_size:4096$' "table"
assert_match "$(dmsetup info -c --noheadings -o uuid data)" '^FVE-[0-9a-f]{32}-data$' "UUID"
assert_match "$(fvesetup status --json data)" '"type": ?"crypt"' "status"
mount /dev/mapper/data /mnt
assert_eq "$(sha256sum </mnt/file)" "$sum" "file through dm-crypt"
cp /mnt/file /mnt/second
umount /mnt
fvesetup close data
echo 0 >/sys/block/vda/queue/rotational
open_data --target crypt --allow-discards
assert_match "$(dmsetup table data)" ' 4 allow_discards no_read_workqueue no_write_workqueue sector_size:4096$' "table on a disk that does not seek"
fvesetup close data
open_data --target fve
mount -o ro /dev/mapper/data /mnt
assert_eq "$(sha256sum </mnt/second)" "$sum" "file written through dm-crypt"
umount /mnt
fvesetup close data

step "no module: fve refuses, auto says so and opens, and the mapping remembers"
rmmod dm-fve
mv /lib/modules/"$(uname -r)"/updates/dm-fve.ko /root/
assert_status 4 open_data --target fve
[ ! -e /dev/mapper/data ] || fail "a mapping was left"
open_data 2>said
cat said
assert_match "$(cat said)" 'module-missing' "what open said"
assert_match "$(fvesetup status data)" 'crypt \(module-missing\)' "status"
suspend_and_resume /dev/mapper/data
assert_match "$(fvesetup status data)" 'crypt \(module-missing\)' "status after a resume"
mv /root/dm-fve.ko /lib/modules/"$(uname -r)"/updates/
modprobe dm-fve
assert_match "$(fvesetup status data)" 'crypt \(module-missing\)' "status, the module being back"
fvesetup close data
open_data
assert_match "$(dmsetup table data)" ' fve ' "table, the module being back"
fvesetup close data

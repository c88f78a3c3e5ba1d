#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a key file is accepted just where its file system stands on encryption, through mappings, and all of it
# runs: uml qemu
# group: vm fvesetup
# kernels: 6.1
# disks: 64M 64M 64M
. "$TESTS/vm/lib.sh"

cheap=(--iter-time 1 --pbkdf-memory 32)
printf 'correct horse' >pass

# add_auto PATH: to the data volume, /dev/vdb
add_auto() {
	fvesetup protector add --key-file pass /dev/vdb "auto,file=$1"
}

fvesetup format -q "${cheap[@]}" --key-file pass --no-recovery /dev/vda
fvesetup format -q "${cheap[@]}" --key-file pass --no-recovery /dev/vdb
mkdir -p /mnt/plain /mnt/open /mnt/stacked /mnt/half

step "a plain disk, and memory"
mkfs.ext4 -q /dev/vdc
mount /dev/vdc /mnt/plain
assert_status 1 add_auto /mnt/plain/key
assert_status 1 add_auto /run/key
[ ! -e /mnt/plain/key ] && [ ! -e /run/key ] || fail "a key file was left"
umount /mnt/plain

step "an fve volume: the data volume opens by itself while it is mounted"
fvesetup open --key-file pass /dev/vda root
mkfs.ext4 -q /dev/mapper/root
mount /dev/mapper/root /mnt/open
add_auto /mnt/open/key
fvesetup open /dev/vdb data </dev/null
fvesetup close data

step "a mapping on it, and a mapping half on it"
umount /mnt/open
dmsetup create stacked --table "0 $(sectors /dev/mapper/root) linear /dev/mapper/root 0"
mount /dev/mapper/stacked /mnt/stacked
add_auto /mnt/stacked/key2
umount /mnt/stacked
dmsetup remove --retry stacked
assert_status 2 fvesetup open /dev/vdb data </dev/null
dmsetup create half <<-END
	0 32768 linear /dev/mapper/root 0
	32768 32768 linear /dev/vdc 0
END
mkfs.ext4 -q /dev/mapper/half
mount /dev/mapper/half /mnt/half
assert_status 1 add_auto /mnt/half/key
umount /mnt/half
dmsetup remove --retry half
fvesetup close root

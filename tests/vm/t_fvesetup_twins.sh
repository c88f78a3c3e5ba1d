#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: boot-unlock opens no volume of which a copy is attached by the same name, and says what to do; a name that tells them apart opens the right one, and the devices of one stack are no copies; boot-finish changes the volume that is open
# runs: uml qemu
# group: vm fvesetup boot
# kernels: 6.12
# disks: 64M 64M 160M 160M
. "$TESTS/vm/lib.sh"

printf 'correct horse' >pass
cheap=(--iter-time 1 --pbkdf-memory 32)
: >cmdline
# table DEVICE [OPTIONS]: what is to be opened.
table() {
	printf 'data %s - %s\n' "$1" "${2-}" >fvetab
}
unlock() {
	fvesetup boot-unlock --fvetab fvetab --kernel-cmdline cmdline --tpm device:/nonexistent "$@" >out 2>&1 </dev/null
}
# opens WHAT [NAME]: boot-unlock maps the volume on that device.
opens() {
	unlock --key-file pass || { cat out; fail "$(cat fvetab) does not open"; }
	assert_eq "$(dmsetup deps -o devname data)" "1 dependencies	: ($1)" "what is open"
	fvesetup close data
}
# refused FIRST SECOND: it names both, and nothing is open.
refused() {
	assert_status 4 unlock --key-file pass
	cat out
	assert_match "$(cat out)" "data: .* is on /dev/($1 and on /dev/$2|$2 and on /dev/$1)," "what it said"
	assert_match "$(cat out)" 'Detach the copy.*fvesetup open DEVICE data' "what to do"
	! dmsetup info data >/dev/null 2>&1 || fail "one of them was opened"
}
copy() {
	dd if="$1" of="$2" bs=1M oflag=direct status=none
	blockdev --rereadpt "$2" 2>/dev/null || true
	udevadm settle
}

step "a volume that is alone is opened by its UUID and by its label"
fvesetup format -q "${cheap[@]}" --key-file pass --label mine --recovery-file rec /dev/vda
udevadm settle
uuid=$(cryptsetup luksUUID /dev/vda)
table "UUID=$uuid"
opens vda
table LABEL=mine
opens vda

step "with a copy beside it neither is, in the initramfs neither, and nobody is asked"
copy /dev/vda /dev/vdb
for name in "UUID=$uuid" LABEL=mine "/dev/disk/by-uuid/$uuid"; do
	table "$name"
	refused vda vdb
done
table "UUID=$uuid" initrd
assert_status 4 unlock --in-initrd --key-file pass
assert_match "$(cat out)" 'is on /dev/vd[ab] and on' "what the initramfs said"
! dmsetup info data >/dev/null 2>&1 || fail "one of them was opened"

step "a path tells them apart"
rm -rf /run/fve
table /dev/vda
opens vda
table /dev/vdb
opens vdb

step "the table's name may lead to a copy that came later: boot-finish is about what is open"
dd if=/dev/zero of=/dev/vdb bs=1M count=16 oflag=direct status=none
udevadm settle
table "UUID=$uuid"
unlock --key-file rec || { cat out; fail "the recovery password does not open"; }
copy /dev/vda /dev/vdb
ln -sf /dev/vdb "/dev/disk/by-uuid/$uuid"
fvesetup boot-finish --fvetab fvetab --kernel-cmdline cmdline --tpm device:/nonexistent 2>out
cat out
assert_match "$(cat out)" 'fvesetup rotate recovery /dev/vda ' "what it said"
fvesetup close data

step "partitions: one copied into another is told apart by PARTUUID; with its whole disk it is not"
dd if=/dev/zero of=/dev/vdb bs=1M count=16 oflag=direct status=none
printf 'label: gpt\nsize=64M\nsize=64M\n' | sfdisk -q /dev/vdc
udevadm settle
copy /dev/vda /dev/vdc1
dd if=/dev/zero of=/dev/vda bs=1M count=16 oflag=direct status=none
copy /dev/vdc1 /dev/vdc2
table "UUID=$uuid"
refused vdc1 vdc2
part=$(blkid -o value -s PART_ENTRY_UUID -p /dev/vdc2)
table "PARTUUID=$part"
opens vdc2
dd if=/dev/zero of=/dev/vdc1 bs=1M count=16 oflag=direct status=none
copy /dev/vdc /dev/vdd
table "PARTUUID=$part"
refused vdc2 vdd2
wipefs -q -a /dev/vdd2 /dev/vdd
blockdev --rereadpt /dev/vdd
udevadm settle

step "the halves of a mirror, a snapshot and its origin are one volume with what stands on them"
copy /dev/vdc2 /dev/vda
wipefs -q -a /dev/vdc2
modprobe raid1
mdadm --create /dev/md0 --quiet --run --level 1 --metadata 1.0 --assume-clean --raid-devices 2 /dev/vda /dev/vdb
dd if=/dev/vda of=/dev/vdb bs=1M count=60 oflag=direct status=none
ln -sf /dev/md0 "/dev/disk/by-uuid/$uuid"
table "UUID=$uuid"
opens md0
mdadm --stop /dev/md0 --quiet
wipefs -q -a /dev/vdb
modprobe dm-snapshot
size=$(sectors /dev/vda)
dmsetup create real --table "0 $size linear /dev/vda 0"
dmsetup create snap --table "0 $size snapshot /dev/mapper/real /dev/vdb N 8"
dmsetup create origin --table "0 $size snapshot-origin /dev/mapper/real"
ln -sf /dev/mapper/origin "/dev/disk/by-uuid/$uuid"
opens origin

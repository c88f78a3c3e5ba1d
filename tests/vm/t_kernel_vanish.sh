#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a disk that is deleted, unplugged or bad under I/O: errors are told, nothing hangs
# runs: qemu: NVMe and SCSI disks that are pulled out
# group: vm kernel
# disks: 64M,device=nvme
# vm: --memory 512
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

# Random direct I/O to /dev/mapper/ours until it fails.
start_load() {
	fio --name=load --filename=/dev/mapper/ours --direct=1 --ioengine=libaio --iodepth=16 \
		--rw=randrw --bsrange=512-128k --time_based --runtime=600 >"$scratch/fio" 2>&1 &
	load=$!
	while [ "$(status ours writes)" -lt 100 ]; do
		kill -0 $load 2>/dev/null || fail "no load: $(<"$scratch/fio")"
	done
}

# The load was told; the target has no errors of its own to count.
load_was_told() {
	! wait $load || fail "the I/O saw no error"
	assert_match "$(cat "$scratch/fio")" "Input/output error|No such device" "what the I/O was told"
	in_error dd if=/dev/mapper/ours of=/dev/null bs=4K count=1 iflag=direct
	in_error dd if=/dev/zero of=/dev/mapper/ours bs=4K count=1 oflag=direct
	assert_eq "$(status ours errors)" 0 "errors of the target itself"
	assert_eq "$(status ours key)" valid "key state"
}

load_fve
make_key key 64
modprobe nvme
udevadm settle
while [ ! -b /dev/nvme0n1 ]; do
	sleep 0.1
done

step "a SCSI disk is deleted under direct I/O"
modprobe scsi_debug dev_size_mb=16 ndelay=200000
udevadm settle
while ! ls /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/sd* >/dev/null 2>&1; do
	sleep 0.1
done
disk=$(basename /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/sd*)
create ours "$(table_line fve "$(sectors "/dev/$disk")" key 0 "/dev/$disk" 0)"
start_load
echo 1 >"/sys/block/$disk/device/delete"
load_was_told
remove ours

step "an NVMe disk is unplugged under a mounted filesystem"
create ours "$(table_line fve "$(sectors /dev/nvme0n1)" key 0 /dev/nvme0n1 0 sector_size:4096)"
mkfs.ext4 -q /dev/mapper/ours
mkdir -p "$scratch/mnt"
mount /dev/mapper/ours "$scratch/mnt"
(
	set +e
	while dd if=/dev/urandom of="$scratch/mnt/file" bs=64K count=16 conv=fsync; do
		:
	done
	exit 1
) >/dev/null 2>"$scratch/dd" &
writer=$!
while [ "$(status ours writes)" -lt 200 ]; do
	sleep 0.05
done
echo 1 >"$(readlink -f /sys/block/nvme0n1/device/device)/remove"
! wait $writer || fail "the writer saw no error"
in_error dd if=/dev/mapper/ours of=/dev/null bs=4K count=1 iflag=direct
umount "$scratch/mnt"
remove ours

step "bad blocks: each I/O that touches them fails, all others are right"
modprobe null_blk nr_devices=0 # and with it configfs
mountpoint -q /sys/kernel/config || mount -t configfs config /sys/kernel/config
disk=/sys/kernel/config/nullb/bad
for irqmode in 0 2; do
	mkdir $disk
	echo 16 >$disk/size
	echo 512 >$disk/blocksize
	echo 1 >$disk/memory_backed
	echo $irqmode >$disk/irqmode
	echo 1 >$disk/power
	udevadm settle
	lower=/dev/$(cd /sys/block && echo nullb*)
	[ -b "$lower" ] || lower=/dev/bad # its name since 6.8
	create ours "$(table_line fve "$(sectors "$lower")" key 0 "$lower" 0)"
	dd if=/dev/urandom of="$scratch/data" bs=1M count=16 status=none
	dd if="$scratch/data" of=/dev/mapper/ours bs=1M oflag=direct status=none
	echo +1000-1003 >$disk/badblocks
	for at in 1000 1003; do
		in_error dd if=/dev/mapper/ours of=/dev/null bs=512 skip=$at count=1 iflag=direct
		in_error dd if=/dev/zero of=/dev/mapper/ours bs=512 seek=$at count=1 oflag=direct
	done
	in_error dd if=/dev/mapper/ours of=/dev/null bs=256K skip=1 count=1 iflag=direct
	assert_same <(dd if=/dev/mapper/ours bs=512 count=1000 iflag=direct status=none) \
		<(head -c 512000 "$scratch/data")
	assert_same <(dd if=/dev/mapper/ours bs=512 skip=1004 count=1000 iflag=direct status=none) \
		<(tail -c +$((1004 * 512 + 1)) "$scratch/data" | dd bs=512 count=1000 iflag=fullblock status=none)
	assert_eq "$(status ours errors)" 0 "errors of the target itself"
	remove ours
	echo 0 >$disk/power
	rmdir $disk
done
modprobe -r null_blk
modprobe -r dm-fve

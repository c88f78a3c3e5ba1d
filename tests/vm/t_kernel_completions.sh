#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: data is right wherever the disk's completion runs: task, softirq, timer, hard interrupt
# runs: qemu: polled NVMe, and completions in hard interrupts of several drivers
# group: vm kernel
# disks: 16M 16M,device=nvme
# vm: --append nvme.poll_queues=1
#
# The module decrypts in the completion where it may and hands over where it may not: each of
# these disks takes another of these ways.
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

# verify NAME DEVICE SECTOR_SIZE [OPTION]
verify() {
	local name=$1 device=$2 sector_size=$3
	shift 3
	create verify "$(table_line fve "$(sectors "$device")" key 0 "$device" 0 \
		"sector_size:$sector_size" "$@")"
	fio_verify /dev/mapper/verify "$sector_size"
	echo "$name, $sector_size${*:+, $*}: $(dmsetup status verify)"
	assert_eq "$(status verify errors)" 0 "errors"
	remove verify
}

load_fve
make_key key 64

# completion_nsec=1: the timer fires at once, so completion races with the submission's return.
for irqmode in 0 1 2; do
	step "null_blk, irqmode=$irqmode (0 in the submitter, 1 in softirq, 2 in a timer)"
	modprobe null_blk nr_devices=1 gb=1 bs=512 memory_backed=1 irqmode=$irqmode \
		completion_nsec=1 queue_mode=2
	udevadm settle
	dmsetup create part --table "0 32768 linear /dev/nullb0 0"
	verify "irqmode=$irqmode" /dev/mapper/part 512
	verify "irqmode=$irqmode" /dev/mapper/part 4096
	remove part
	modprobe -r null_blk
done

step "virtio-blk: hard interrupts"
verify virtio-blk /dev/vda 512
for engine in $(ram=/dev/vda && engines); do
	verify virtio-blk /dev/vda 4096 "engine:$engine"
done

step "NVMe: hard interrupts"
modprobe nvme
udevadm settle
while [ ! -b /dev/nvme0n1 ]; do
	sleep 0.1
done
verify nvme /dev/nvme0n1 512
verify nvme /dev/nvme0n1 4096

step "data units that lie across pages: odd memory through fve, read through dm-crypt"
for sector_size in 512 4096; do
	for device in /dev/vda /dev/nvme0n1; do
		create ours "$(table_line fve "$(sectors $device)" key 0 $device 0 \
			sector_size:$sector_size)"
		create theirs "$(table_line crypt "$(sectors $device)" key 0 $device 0 \
			sector_size:$sector_size)"
		iopair --count 500 --seed "$seed" --align $sector_size --unaligned-memory \
			/dev/mapper/ours /dev/mapper/theirs || fail "wrong data on $device"
		remove ours theirs
	done
done

step "polled I/O on NVMe"
assert_eq "$(cat /sys/block/nvme0n1/queue/io_poll)" 1 "the disk polls"
log_mark
create polled "$(table_line fve "$(sectors /dev/nvme0n1)" key 0 /dev/nvme0n1 0)"
fio --name=polled --filename=/dev/mapper/polled --direct=1 --ioengine=io_uring --hipri=1 \
	--rw=randrw --bs=4k --number_ios=200 --verify=crc32c --randseed="$seed" \
	--output-format=terse >"$scratch/fio" || { cat "$scratch/fio"; fail "polled I/O"; }
# A poller that finds nothing waits for the driver's timeout, and the driver says so.
assert_no_match "$(log_since_mark)" "completion polled" "the kernel log"
remove polled

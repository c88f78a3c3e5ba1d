#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: few segments, gaps, threaded interrupts, odd log buffers, changing buffers: data is right
# runs: qemu: limits of a queue, NVMe, threaded interrupts
# group: vm kernel
# disks: 4M,queue-size=4,seg-max-adjust=on 4M,device=nvme 320M
# vm: --append threadirqs --append slub_debug=ZP
#
# What has broken dm-crypt before, one step each; what needs a test of its own is elsewhere
# (kernel_completions, kernel_races, kernel_zoned, kernel_memory).
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

# agree DEVICE SECTOR_SIZE [IOPAIR_OPTION...]: dm-crypt reads what fve wrote, and the reverse, by each
# engine in turn; of a hundred I/Os each has its share.
agree() {
	local device=$1 sector_size=$2 engine
	shift 2
	create theirs "$(table_line crypt "$(sectors "$device")" key 0 "$device" 0 \
		sector_size:"$sector_size" no_read_workqueue no_write_workqueue)"
	for engine in "${engines[@]}"; do
		create ours "$(table_line fve "$(sectors "$device")" key 0 "$device" 0 \
			sector_size:"$sector_size" "engine:$engine")"
		iopair --seed "$seed" --align "$sector_size" --max-size $((512 << 10)) \
			--unaligned-memory --count $((100 / ${#engines[@]})) "$@" \
			/dev/mapper/ours /dev/mapper/theirs || fail "wrong data on $device by $engine"
		remove ours
	done
	remove theirs
}

load_fve
make_key key 64
mapfile -t engines < <(ram=/dev/vda && engines)
echo "engines: ${engines[*]}"
grep -qw threadirqs /proc/cmdline || fail "no threaded interrupts"

step "a disk that takes $(cat /sys/block/vda/queue/max_segments) segments"
[ "$(cat /sys/block/vda/queue/max_segments)" -le 4 ] || fail "it takes more"
agree /dev/vda 512
# Pieces of memory that hold one data unit and a part of the next.
agree /dev/vda 2048
agree /dev/vda 4096

step "a disk whose segments must not have gaps, completing in a timer"
modprobe null_blk nr_devices=1 gb=1 bs=512 memory_backed=1 virt_boundary=1 irqmode=2 \
	completion_nsec=1
udevadm settle
dmsetup create part --table "0 8192 linear /dev/nullb0 0"
agree /dev/mapper/part 512
agree /dev/mapper/part 4096
remove part
modprobe -r null_blk

step "threaded interrupts: NVMe"
modprobe nvme
udevadm settle
while [ ! -b /dev/nvme0n1 ]; do
	sleep 0.1
done
agree /dev/nvme0n1 4096 --threads 2

step "XFS, whose log buffers lie oddly in memory while slub_debug is on"
modprobe xfs
create ours "$(table_line fve "$(sectors /dev/vdb)" key 0 /dev/vdb 0)"
mkfs.xfs -q -f -s size=512 /dev/mapper/ours
mkdir -p "$scratch/mnt"
mount -t xfs /dev/mapper/ours "$scratch/mnt"
for i in $(seq 30); do
	head -c $((i * 997)) /dev/urandom >"$scratch/mnt/$i"
	sync "$scratch/mnt/$i"
done
rm "$scratch"/mnt/?
(cd "$scratch/mnt" && sha256sum -- *) >"$scratch/sums"
umount "$scratch/mnt"
remove ours
create ours "$(table_line fve "$(sectors /dev/vdb)" key 0 /dev/vdb 0)"
mount -t xfs /dev/mapper/ours "$scratch/mnt"
(cd "$scratch/mnt" && sha256sum --quiet -c "$scratch/sums")
umount "$scratch/mnt"
xfs_repair -n /dev/mapper/ours >"$scratch/repair" 2>&1 || { cat "$scratch/repair"; fail "xfs_repair"; }
remove ours

step "a buffer that changes while it is written: either content, never anything else"
ram_disk 16
for engine in "${engines[@]}"; do
	for sector_size in 512 4096; do
		create ours "$(table_line fve "$ram_sectors" key 0 "$ram" 0 \
			sector_size:$sector_size "engine:$engine")"
		mutate $((70 / ${#engines[@]})) /dev/mapper/ours ||
			fail "$engine: neither content is on the disk"
		remove ours
	done
done

step "hundreds of I/Os of 128 KiB that complete at one time"
modprobe dm-delay
create lower "0 $ram_sectors delay $ram 0 500"
create ours "$(table_line fve "$ram_sectors" key 0 /dev/mapper/lower 0)"
for rw in randwrite randread; do
	fio --name=queue --filename=/dev/mapper/ours --direct=1 --ioengine=libaio --iodepth=250 \
		--numjobs=2 --rw=$rw --bs=128k --norandommap=1 --io_size=32m \
		--output-format=terse >"$scratch/fio" 2>&1 || { cat "$scratch/fio"; fail "fio"; }
done
dmsetup status ours
assert_eq "$(status ours errors)" 0 "errors"
udevadm settle # it probes what was written, each of its reads half a second
remove ours lower
modprobe -r dm-fve

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: the cgroup, its limits, the priority and the write hint of an I/O reach the disk below
# runs: uml qemu
# group: vm kernel
# disks: 16M
# vm: --memory 512
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

group=/sys/fs/cgroup/writer
lower=/dev/vda

# in_group COMMAND...
in_group() {
	(
		echo $BASHPID >$group/cgroup.procs
		exec "$@"
	)
}

load_fve
make_key key 64
number=$(lsblk -dno MAJ:MIN $lower | tr -d ' ')
echo +io >/sys/fs/cgroup/cgroup.subtree_control
mkdir $group

# The cipher of the crypto API sends each write through the worker, a thread of no cgroup.
for engine in "" kapi; do
	create ours "$(table_line fve "$(sectors $lower)" key 0 $lower 0 ${engine:+engine:$engine})"
	step "engine ${engine:-default}: the disk counts the bytes of the writer's cgroup"
	before=$(sed -n "s/^$number .*wbytes=\([0-9]*\).*/\1/p" $group/io.stat)
	in_group dd if=/dev/urandom of=/dev/mapper/ours bs=64K count=16 oflag=direct status=none
	after=$(sed -n "s/^$number .*wbytes=\([0-9]*\).*/\1/p" $group/io.stat)
	[ $((${after:-0} - ${before:-0})) -ge $((1 << 20)) ] ||
		fail "of 1 MiB the cgroup has ${before:-0} to ${after:-0}: $(cat $group/io.stat)"

	step "engine ${engine:-default}: a limit on the disk holds"
	echo "$number wiops=20" >$group/io.max
	start=${EPOCHREALTIME/[.,]/}
	in_group dd if=/dev/urandom of=/dev/mapper/ours bs=4K count=40 oflag=direct status=none
	taken=$(((${EPOCHREALTIME/[.,]/} - start) / 1000))
	echo "40 writes at 20 a second took $taken ms"
	# Two seconds but for the first slice. A slow machine only makes it more.
	[ $taken -ge 1000 ] || fail "the limit does not hold"
	echo "$number wiops=max" >$group/io.max
	remove ours
done

modprobe null_blk nr_devices=1 gb=1 bs=512 memory_backed=1 irqmode=2 completion_nsec=200000000 \
	hw_queue_depth=1
udevadm settle
echo mq-deadline >/sys/block/nullb0/queue/scheduler
for engine in "" kapi; do
	step "engine ${engine:-default}: the priority: mq-deadline below sees a real-time write"
	create ours "$(table_line fve 32768 key 0 /dev/nullb0 0 ${engine:+engine:$engine})"
	udevadm settle
	ionice -c 1 -n 2 dd if=/dev/zero of=/dev/mapper/ours bs=4K count=8 oflag=direct status=none &
	writer=$!
	# Requests in the driver: real-time, best-effort, idle.
	seen="0 0 0"
	while [ "$seen" = "0 0 0" ] && kill -0 $writer 2>/dev/null; do
		seen=$(cat /sys/kernel/debug/block/nullb0/sched/owned_by_driver)
	done
	assert_eq "$seen" "1 0 0" "requests by priority"
	wait $writer
	udevadm settle # it reads the device as slowly
	remove ours
done
modprobe -r null_blk

step "the write hint: a disk with streams gets each write in its own"
modprobe scsi_debug dev_size_mb=16
udevadm settle
stats=/sys/bus/pseudo/drivers/scsi_debug/group_number_stats
if [ -e $stats ]; then
	while ! ls /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/sd* >/dev/null 2>&1; do
		sleep 0.1
	done
	disk=/dev/$(basename /sys/bus/pseudo/drivers/scsi_debug/adapter0/host*/target*/*/block/sd*)
	for engine in "" kapi; do
		create ours "$(table_line fve 32768 key 0 "$disk" 0 ${engine:+engine:$engine})"
		# fio can set the hint of a whole inode only, and that for buffered I/O.
		fio --name=hint --filename=/dev/mapper/ours --rw=write --bs=4k --size=4k --end_fsync=1 \
			--write_hint=long --output-format=terse >"$scratch/fio" 2>&1 ||
			{ cat "$scratch/fio"; fail "fio"; }
		echo 0 >$stats
		dd if=/dev/zero of=/dev/mapper/ours bs=64K count=16 oflag=direct status=none
		cat $stats
		assert_eq "$(awk '$2 > 0 && $1 > 0 { print $2 }' $stats)" 16 "writes with the hint"
		remove ours
	done
else
	echo "this kernel has no write hints below the filesystem (Linux 6.9)"
fi

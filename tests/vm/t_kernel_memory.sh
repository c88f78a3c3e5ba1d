#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: with 128 MiB, swap on fve and a memory cgroup, writes of 1 MiB go on and swap is right
# runs: qemu: User Mode Linux reads wrong data from swap, on a bare disk as well
# group: vm kernel
# disks: 256M 64M
# vm: --memory 128
#
# FVE_MEMORY_ROUNDS: how often (1). The kernel's hung-task watch judges progress: its report fails
# the test.
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

rounds=${FVE_MEMORY_ROUNDS:-1}
group=/sys/fs/cgroup/small

# Holds so many MiB of random data, some of it in swap by then, and reads them all again.
hog() {
	head -c "$1M" /dev/urandom | tee >(sha256sum >"$scratch/in.$2") | tail -c "$1M" |
		sha256sum >"$scratch/out.$2"
}

load_fve
make_key swap 64
make_key data 64
create swap "$(table_line fve "$(sectors /dev/vda)" swap 0 /dev/vda 0 sector_size:4096)"
mkswap /dev/mapper/swap >/dev/null
swapon /dev/mapper/swap
create data "$(table_line fve "$(sectors /dev/vdb)" data 0 /dev/vdb 0)"
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir $group
echo 24M >$group/memory.max
free -m

for ((round = 0; round < rounds; round++)); do
	step "round $round: 128 MiB held in 24, and four writers of 1 MiB pieces"
	hogs=()
	for i in 1 2; do
		(
			echo $BASHPID >$group/cgroup.procs
			hog 64 $i
		) &
		hogs+=($!)
	done
	fio --name=data --filename=/dev/mapper/data --direct=1 --ioengine=libaio --iodepth=4 \
		--numjobs=4 --rw=randwrite --bs=1M --size=16M --offset_increment=16M \
		--verify=crc32c --verify_fatal=1 --randseed=$((seed + round)) --thread \
		--output-format=terse >"$scratch/fio" 2>&1 || { cat "$scratch/fio"; fail "fio"; }
	for pid in "${hogs[@]}"; do
		assert_status 0 wait "$pid"
	done
	for i in 1 2; do
		# tee's other end may be the last to finish.
		while [ ! -s "$scratch/in.$i" ]; do
			sleep 0.1
		done
		assert_same "$scratch/in.$i" "$scratch/out.$i"
	done
	rm "$scratch"/in.* "$scratch"/out.*
done

for device in swap data; do
	echo "$device: $(dmsetup status $device)"
	assert_eq "$(status $device errors)" 0 "errors"
done
[ "$(status swap write_bytes)" -gt $((64 << 20)) ] || fail "nothing was swapped out"
[ "$(status swap read_bytes)" -gt $((64 << 20)) ] || fail "nothing was swapped in"
grep -E 'pswpin|pswpout|allocstall|oom_kill' /proc/vmstat
assert_match "$(cat /proc/vmstat)" "^oom_kill 0$" "what the kernel killed"
swapoff /dev/mapper/swap
remove swap data
modprobe -r dm-fve

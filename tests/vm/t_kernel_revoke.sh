#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: revoke ends all I/O, also while the disk hangs; nothing stays suspended, umount works
# runs: qemu uml: the kernel's own ciphers with SIMD instructions, several processors
# group: vm kernel
# vm: --memory 512 --parallel
#
# FVE_REVOKES: rounds of the last step (5).
# tests/host/t_fault_pages.sh runs it once more where no memory is to be had but the reserve.
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

# Revoke, and wait until the processes have ended, all of them with an error.
revoke_ends() { # NAME PID...
	local name=$1 pid start=${EPOCHREALTIME/[.,]/}
	shift
	dmsetup message "$name" 0 revoke
	echo "revoke returned after $(((${EPOCHREALTIME/[.,]/} - start) / 1000)) ms"
	for pid; do
		! wait "$pid" || fail "process $pid saw no error"
	done
	echo "all I/O had ended after $(((${EPOCHREALTIME/[.,]/} - start) / 1000)) ms"
	not_suspended "$name"
}

not_suspended() {
	assert_eq "$(dmsetup info -c --noheadings -o suspended "$1")" Active "state of $1"
	assert_eq "$(status "$1" key)" revoked "key state of $1"
}

# Waits until the device has taken so many writes.
wait_for_writes() { # NAME COUNT
	while [ "$(status "$1" writes)" -lt "$2" ]; do
		sleep 0.05
	done
}

load_fve
ram_disk 48
make_key key 64
line=$(table_line fve "$ram_sectors" key 0 "$ram" 0 sector_size:4096)

step "direct I/O of all sizes by three processes"
create ours "$line"
pids=()
for job in 1 2 3; do
	fio --name=job$job --filename=/dev/mapper/ours --direct=1 --ioengine=libaio \
		--iodepth=16 --rw=randrw --bsrange=4k-512k --time_based --runtime=600 \
		>"$scratch/fio.$job" 2>&1 &
	pids+=($!)
done
wait_for_writes ours 100
revoke_ends ours "${pids[@]}"
for job in 1 2 3; do
	assert_match "$(cat "$scratch/fio.$job")" "Input/output error" "what a process was told"
done
dmsetup message ours 0 revoke # again: nothing to do
in_error dd if=/dev/mapper/ours of=/dev/null bs=4K count=1 iflag=direct
remove ours

step "a filesystem, written to through the page cache"
create ours "$line"
mkfs.ext4 -q /dev/mapper/ours
mkdir -p "$scratch/mnt"
mount /dev/mapper/ours "$scratch/mnt"
pids=()
for job in 1 2; do
	(
		set +e
		while dd if=/dev/urandom of="$scratch/mnt/$job" bs=64K count=32 conv=fsync; do
			:
		done
		exit 1
	) >/dev/null 2>"$scratch/dd.$job" &
	pids+=($!)
done
wait_for_writes ours 200
revoke_ends ours "${pids[@]}"
umount "$scratch/mnt"
remove ours
create ours "$line"
e2fsck -fy /dev/mapper/ours >/dev/null || [ $? -le 2 ] || fail "e2fsck"
mount /dev/mapper/ours "$scratch/mnt"
umount "$scratch/mnt"
remove ours

step "a slow disk: the I/O ends as soon as the disk has answered"
modprobe dm-delay
create lower "0 $ram_sectors delay $ram 0 200"
create ours "${line/ $ram / /dev/mapper/lower }"
fio --name=slow --filename=/dev/mapper/ours --direct=1 --ioengine=libaio --iodepth=32 \
	--rw=randrw --bs=16k --time_based --runtime=600 >"$scratch/fio" 2>&1 &
pids=($!)
wait_for_writes ours 40
revoke_ends ours "${pids[@]}"
remove ours lower

step "a disk that hangs: revoke returns, new I/O fails, what waited for memory fails"
create lower "0 $ram_sectors linear $ram 0"
create ours "${line/ $ram / /dev/mapper/lower }"
dmsetup suspend --noflush lower
writers=8
: >"$scratch/failed"
for ((i = 0; i < writers; i++)); do
	dd if=/dev/urandom of=/dev/mapper/ours bs=128K count=1 seek=$i oflag=direct iflag=fullblock \
		2>"$scratch/dd.$i" || echo "$i" >>"$scratch/failed" &
	pids[i]=$!
done
dd if=/dev/mapper/ours of="$scratch/late" bs=4K count=1 iflag=direct 2>"$scratch/dd.read" &
reader=$!
wait_for_writes ours $writers
# The reserve is good for two of the largest writes; the others are not encrypted yet.
waiting=0
[ "$(status ours reserve)" -eq 0 ] || waiting=$((writers - 2))
dmsetup message ours 0 revoke
not_suspended ours
in_error dd if=/dev/mapper/ours of=/dev/null bs=4K count=1 iflag=direct
in_error dd if=/dev/zero of=/dev/mapper/ours bs=4K count=1 oflag=direct
while [ "$(wc -l <"$scratch/failed")" -lt $waiting ]; do
	sleep 0.1 # for ever, where a write hangs with the disk
done
echo "$waiting of $writers writes waited for memory and have ended"
dmsetup resume lower
! wait $reader || fail "a read succeeded without a key"
assert_match "$(cat "$scratch/dd.read")" "Input/output error" "what the reader was told"
[ ! -s "$scratch/late" ] || fail "a failed read delivered data"
wait "${pids[@]}" || true # what the disk already had may succeed
remove ours lower

step "a device that is suspended: what waits is told as soon as it is resumed"
create ours "$line"
dmsetup suspend --noflush ours
dd if=/dev/zero of=/dev/mapper/ours bs=64K count=1 oflag=direct 2>"$scratch/dd.0" &
writer=$!
dmsetup message ours 0 revoke
dmsetup resume ours
! wait $writer || fail "a write succeeded without a key"
assert_match "$(cat "$scratch/dd.0")" "Input/output error" "what the writer was told"
not_suspended ours

step "several revoke at once, with reloads in between"
for ((i = 0; i < ${FVE_REVOKES:-5}; i++)); do
	dmsetup reload ours --table "$line"
	dmsetup resume ours
	fio --name=again --filename=/dev/mapper/ours --direct=1 --ioengine=libaio --iodepth=8 \
		--rw=randrw --bsrange=4k-64k --time_based --runtime=600 >"$scratch/fio" 2>&1 &
	pids=($!)
	wait_for_writes ours 20
	for _ in 1 2 3; do
		dmsetup message ours 0 revoke &
		pids+=($!)
	done
	! wait "${pids[0]}" || fail "fio saw no error"
	wait "${pids[@]:1}" || fail "a message failed"
	not_suspended ours
done
remove ours
[ -n "${FVE_MODULE-}" ] || modprobe -r dm-fve

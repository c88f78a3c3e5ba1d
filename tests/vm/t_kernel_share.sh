#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: CPUs share the work on I/O of 64 KiB and more, and only that, with right data and errors
# runs: qemu: several processors
# group: vm kernel
# vm: --parallel
# seconds: 120
#
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

# io NAME RW SIZE DEPTH MIB
io() {
	fio --name=io --filename="/dev/mapper/$1" --direct=1 --ioengine=libaio --rw="$2" \
		--bs="$3" --iodepth="$4" --io_size="$5m" --randseed="$seed" --output-format=terse \
		>"$scratch/fio" 2>&1 || { cat "$scratch/fio"; fail "fio on $1"; }
}

# shared_by COMMAND...: how many I/Os of ours other CPUs have helped with, as $shared.
shared_by() {
	local before
	before=$(status ours shared)
	"$@" || return
	shared=$(($(status ours shared) - before))
	echo "$*: $shared shared, $(dmsetup status ours)"
}

load_fve
ram_disk 32
make_key key 64
# udev would read what was written, and be counted.
udevadm settle
udevadm control --exit
export DM_DISABLE_UDEV=1
create ours "$(table_line fve "$ram_sectors" key 0 "$ram" 0)"
create theirs "$(table_line crypt "$ram_sectors" key 0 "$ram" 0)"

step "large I/O is shared"
for rw in randwrite randread; do
	for size in 64k 128k 1m; do
		shared_by io ours $rw $size 4 64
		[ "$shared" -gt 0 ] || fail "$rw of $size is not shared"
	done
done

step "smaller I/O is not"
for rw in randwrite randread; do
	shared_by io ours $rw 60k 4 8
	assert_eq "$shared" 0 "shared I/Os"
done

step "dm-crypt reads what fve wrote, and the reverse, from buffers that lie anyhow"
for sector_size in 512 4096; do
	remove ours theirs
	create ours "$(table_line fve "$ram_sectors" key 0 "$ram" 0 "sector_size:$sector_size")"
	create theirs "$(table_line crypt "$ram_sectors" key 0 "$ram" 0 "sector_size:$sector_size")"
	shared_by iopair --seed "$seed" --align $sector_size --max-size $((512 << 10)) --count 300 \
		--threads 3 --unaligned-memory /dev/mapper/ours /dev/mapper/theirs ||
		fail "wrong data"
	[ "$shared" -gt 0 ] || fail "nothing was shared"
done

step "completions in softirqs"
modprobe null_blk nr_devices=1 gb=1 bs=512 memory_backed=1 irqmode=2 completion_nsec=1000
create lower "0 65536 linear /dev/nullb0 0"
remove ours theirs
create ours "$(table_line fve 65536 key 0 /dev/mapper/lower 0)"
shared_by fio_verify /dev/mapper/ours 512 --size=32m
[ "$shared" -gt 0 ] || fail "nothing was shared"

step "the key is revoked while work is shared: each I/O is right or fails, and nothing hangs"
for _ in 1 2 3 4 5; do
	: >"$scratch/go"
	for rw in randread randwrite; do
		while [ -e "$scratch/go" ]; do
			fio --name=io --filename=/dev/mapper/ours --direct=1 --ioengine=libaio --rw=$rw \
				--bs=128k --iodepth=4 --size=32m >/dev/null 2>&1 || true
		done &
	done
	sleep 0.5
	dmsetup --noudevsync message ours 0 revoke
	rm "$scratch/go"
	wait
	assert_eq "$(status ours key)" revoked "key"
	in_error dd if=/dev/mapper/ours of=/dev/null bs=128k count=1 iflag=direct
	dmsetup --noudevsync reload ours --table "$(table_line fve 65536 key 0 /dev/mapper/lower 0)"
	dmsetup --noudevsync suspend ours
	dmsetup --noudevsync resume ours
	assert_eq "$(status ours key)" valid "key"
done
remove ours lower
modprobe -r null_blk

step "with one CPU nothing is shared"
create ours "$(table_line fve "$ram_sectors" key 0 "$ram" 0)"
echo 0 >/sys/devices/system/cpu/cpu1/online
for rw in randwrite randread; do
	shared_by io ours $rw 1m 4 16
	assert_eq "$shared" 0 "shared I/Os"
done
echo 1 >/sys/devices/system/cpu/cpu1/online
remove ours
modprobe -r dm-fve

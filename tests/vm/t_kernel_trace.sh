#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: reads allocate nothing, steady writes almost nothing, NOWAIT holds, and the trace points tell
# runs: qemu: allocations are counted by stack traces, NVMe
# group: vm kernel
# disks: 16M,device=nvme
#
# FVE_COUNT: I/Os of each kind whose allocations are counted (1000)
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

count=${FVE_COUNT:-1000}
tracing=/sys/kernel/tracing
allocations=(kmem:mm_page_alloc kmem:kmalloc kmem:kmem_cache_alloc kmem:kmalloc_node
	kmem:kmem_cache_alloc_node)

# trace EVENT... -- COMMAND...: what the command causes, in $scratch/trace.
trace() {
	local event
	echo 0 >$tracing/tracing_on
	echo >$tracing/set_event
	echo >$tracing/trace
	while [ "$1" != -- ]; do
		event=$tracing/events/${1%%:*}/${1#*:}
		# Some have been merged since 6.1.
		[ ! -d "$event" ] || echo 1 >"$event/enable"
		shift
	done
	shift
	echo 1 >$tracing/tracing_on
	"$@"
	echo 0 >$tracing/tracing_on
	cp $tracing/trace "$scratch/trace"
	echo >$tracing/set_event
	assert_no_match "$(head -n 3 "$scratch/trace")" "LOST" "the trace"
}

# traced REGEX: how many events have such a line.
traced() {
	grep -cE -- "$1" "$scratch/trace" || true
}

# The allocations that were made below one of the module's own functions: those whose stack holds
# one of its entries from outside.
by_target() {
	awk '/<stack trace>/ { stack = 1; next }
		stack && /^ => / { if ($2 ~ /^(fve_|end_read$|end_write$|run_bh|run_worker$)/) ours = 1; next }
		{ stack = 0; n += ours; ours = 0 }
		END { print n + ours }' "$scratch/trace"
}

direct() { # read|write BLOCK_SIZE
	local of=/dev/null if=/dev/mapper/traced flag=iflag
	[ "$1" = read ] || of=/dev/mapper/traced if=/dev/zero flag=oflag
	dd if=$if of=$of $flag=direct bs="$2" count="$count" conv=notrunc status=none
}

uring() { # DEVICE RW BLOCK_SIZE COUNT
	fio --name=uring --filename="$1" --direct=1 --ioengine=io_uring --iodepth=8 --rw="$2" --bs="$3" \
		--number_ios="$4" --io_size=1G --output-format=terse \
		>"$scratch/fio" 2>&1 || { cat "$scratch/fio"; fail "fio"; }
}

load_fve
mountpoint -q $tracing || mount -t tracefs tracefs $tracing
echo 16384 >$tracing/buffer_size_kb
echo 1 >$tracing/options/stacktrace
make_key trace 64
ram_disk 16
# Its pages exist from the first write on.
dd if=/dev/zero of="$ram" bs=1M count=16 oflag=direct status=none
count_max=$((ram_sectors / 8))
[ "$count" -le $count_max ] || count=$count_max

step "the control: loading a table allocates, and the trace shows it"
line=$(table_line fve "$ram_sectors" trace 0 "$ram" 0 sector_size:4096)
trace "${allocations[@]}" -- create traced "$line"
[ "$(by_target)" -gt 10 ] || fail "no allocation of the constructor seen: $(by_target)"

step "reads allocate nothing"
for size in 4k 16k; do
	trace "${allocations[@]}" -- direct read $size
	[ "$(traced '(kmalloc|kmem_cache_alloc|mm_page_alloc).*:')" -gt 0 ] || fail "nothing traced"
	echo "$size: $(by_target) of $(traced '<stack trace>') allocations are the target's"
	assert_eq "$(by_target)" 0 "allocations by the target in $count reads of $size"
done

step "writes: pages for the first ones, then less than one in 100"
direct write 4k
# udev reads what was written, and a large read takes a page that the next write would find.
udevadm settle
echo 2 >/proc/sys/vm/drop_caches # takes the bounce pages, too
trace kmem:mm_page_alloc -- direct write 4k
[ "$(by_target)" -gt 0 ] || fail "a write without a page at hand allocates none"
trace "${allocations[@]}" -- direct write 4k
echo "$(by_target) allocations in $count writes"
[ $(($(by_target) * 100)) -lt "$count" ] || fail "$(by_target) allocations in $count writes"
assert_eq "$(status traced deferred)" 0 "deferred I/O on a RAM disk"

step "NOWAIT: io_uring hands no read to a thread of its own"
echo 0 >$tracing/options/stacktrace
create crypt "$(table_line crypt "$ram_sectors" trace 0 "$ram" 0 sector_size:4096)"
trace io_uring:io_uring_queue_async_work -- uring /dev/mapper/crypt randread 4k 100
[ "$(traced io_uring_queue_async_work)" -gt 0 ] || fail "dm-crypt knows NOWAIT by now: no control"
remove crypt
trace io_uring:io_uring_queue_async_work -- uring /dev/mapper/traced randread 4k 10000
assert_eq "$(traced io_uring_queue_async_work)" 0 "reads handed to a thread"

step "a write that would have to be split is refused, and then waited for"
trace fve:fve_again io_uring:io_uring_queue_async_work -- \
	uring /dev/mapper/traced write 256k 10
[ "$(traced 'fve_again: .* bytes=262144 split')" -ge 10 ] || fail "no fve_again"
[ "$(traced io_uring_queue_async_work)" -ge 10 ] || fail "the writes were not tried again"
remove traced

step "completions in hard interrupts: each read is deferred once"
modprobe nvme
udevadm settle
while [ ! -b /dev/nvme0n1 ]; do
	sleep 0.1
done
create traced "$(table_line fve "$(sectors /dev/nvme0n1)" trace 0 /dev/nvme0n1 0)"
udevadm settle
before=$(status traced deferred)
trace fve:fve_read_deferred -- direct read 4k
deferred=$(($(status traced deferred) - before))
grep -m 2 fve_read_deferred "$scratch/trace"
[ "$deferred" -gt 0 ] || fail "NVMe completes in hard interrupts no more: no test"
assert_eq "$(traced 'fve_read_deferred: [0-9:]+ sector=[0-9]+ bytes=4096 hard-irq')" "$deferred" \
	"events of $deferred deferred reads"
remove traced

step "a cipher that has to wait: each write is deferred once"
create traced "$(table_line fve "$ram_sectors" trace 0 "$ram" 0 engine:kapi)"
trace fve:fve_write_deferred -- direct write 4k
# From 6.16 on this cipher never waits. The counter also has the reads of udev.
wanted=$count
[ "$(status traced deferred)" -gt 0 ] || wanted=0
assert_eq "$(traced 'fve_write_deferred: .* bytes=4096 cipher')" "$wanted" \
	"events of $count writes"
remove traced

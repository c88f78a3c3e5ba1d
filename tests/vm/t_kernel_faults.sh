#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: each allocation that fails, one after another, is refused or survived; no I/O is reported as done that was not
# runs: uml: the kernels of Debian have no fault injection
# kernels: 6.12-debug
# group: vm kernel
# vm: --expect-log WARNING:.*kernel/trace/trace_events\.c --expect-log ODEBUG:.Out.of.memory
#
# A module whose load fails while its trace events are registered makes the kernel warn in trace_events.c.
# Where allocations fail, the object debugging's own do, too; it then looks no more, which is no report of a fault.
#
# FVE_SIZES: bytes of the reads and writes whose allocations are failed (4096 1048576, and 4096 for the second
# engine: of each megabyte all 300 fail, one by one, and the pages of both engines are the same code's).
# FVE_FAULT_EVERY: which allocations of a load of the module are failed (every seventh; make soak: each)
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

sizes="4096 1048576"
debug=/sys/kernel/debug
for kind in failslab fail_page_alloc; do
	echo N >$debug/$kind/ignore-gfp-wait
	echo 0 >$debug/$kind/verbose
	echo 0 >$debug/$kind/probability
done
echo 0 >$debug/fail_page_alloc/min-order
echo 0 >$debug/fail_make_request/verbose
# The refusals of some thousand operations.
dmesg -n 1

load_fve
ram_disk 16
make_key key 64
make_key other 64

# A mapping that a fault has left suspended holds up udev, which wants to read it, and with it dmsetup.
pkill systemd-udevd
export DM_DISABLE_UDEV=1

step "the control: device-mapper itself"
# In the numbers below are those of dm, and of libdevmapper's calls.
nth_fault table lower "0 $ram_sectors linear $ram 0"
dmsetup remove --retry lower

# Of our own the widest alone: the others allocate the same.
for engine in $(engines | awk '/^x86/ && own++ { next } { print }'); do
	step "engine $engine: a table"
	line=$(table_line fve "$ram_sectors" key 0 "$ram" 0 allow_discards "engine:$engine")
	nth_fault table ours "$line"
	remove ours
	assert_eq "$(references)" 0 "references to the module"

	step "engine $engine: messages, status, suspend"
	create ours "$line"
	create theirs "$(table_line crypt "$ram_sectors" key 0 "$ram" 0)"
	nth_fault status ours
	nth_fault suspend ours
	dmsetup suspend ours
	nth_fault message ours "key set $(key_of other)" "key set $(key_of key)"
	nth_fault message ours "key wipe" "key set $(key_of key)"
	dmsetup resume ours

	step "engine $engine: I/O"
	for size in ${FVE_SIZES:-$sizes}; do
		echo "$size bytes"
		nth_fault write /dev/mapper/ours "$size"
		nth_fault read /dev/mapper/ours "$size"
		blockdev --flushbufs /dev/mapper/theirs
		assert_same /dev/mapper/ours /dev/mapper/theirs -n "$size"
	done
	nth_fault flush /dev/mapper/ours
	nth_fault discard /dev/mapper/ours 65536

	step "engine $engine: all that does not wait for memory fails: in the submitter, in workers, in completions"
	echo Y | tee $debug/{failslab,fail_page_alloc}/ignore-gfp-wait >/dev/null
	for probability in 30 100; do
		# ignore-gfp-wait Y: an allocation that may wait is let through.
		echo -1 | tee $debug/{failslab,fail_page_alloc}/times >/dev/null
		echo $probability | tee $debug/{failslab,fail_page_alloc}/probability >/dev/null
		fio_verify /dev/mapper/ours 512
		echo 0 | tee $debug/{failslab,fail_page_alloc}/probability >/dev/null
		fio_verify /dev/mapper/ours 512 --verify_only
	done
	echo N | tee $debug/{failslab,fail_page_alloc}/ignore-gfp-wait >/dev/null

	step "engine $engine: every third I/O of the disk below fails"
	echo 1 >"/sys/block/${ram#/dev/}/make-it-fail"
	echo -1 >$debug/fail_make_request/times
	echo 30 >$debug/fail_make_request/probability
	# What was written without an error is read again: with an error or right.
	fio --name=fail --filename=/dev/mapper/ours --direct=1 --rw=randwrite --bsrange=512-64k --blockalign=512 \
		--verify=crc32c --verify_fatal=1 --continue_on_error=io --ioengine=libaio --iodepth=16 \
		--randseed="$seed" >"$scratch/fio" 2>&1 || true
	assert_match "$(cat "$scratch/fio")" "total=[0-9]{3,}, first_error=5/" "the errors that fio counted"
	! grep -E "verify: bad|verify failed" "$scratch/fio" || fail "an error below gave wrong data"
	echo 0 >$debug/fail_make_request/probability
	echo 0 >"/sys/block/${ram#/dev/}/make-it-fail"
	fio_verify /dev/mapper/ours 512

	step "engine $engine: revoke"
	nth_fault message ours revoke
	in_error dd if=/dev/mapper/ours of=/dev/null bs=4096 count=1 iflag=direct
	remove ours theirs
	assert_eq "$(references)" 0 "references to the module"
	sizes=4096
done

step "the module"
module=$(modinfo -n dm-fve)
rmmod dm-fve
# Each vector of the self-test allocates, in each engine: 2400 places, five minutes.
nth_fault --every "${FVE_FAULT_EVERY:-7}" load "$module"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: each ioctl of device-mapper that fails, one after another, is told with a message and a status, or the command did all that it promised; nothing is left half done, and the command can be repeated
# runs: uml qemu
# group: vm fvesetup
# kernels: 6.1
# disks: 64M
#
# FVE_INJECT: of so many ioctls one fails (3; 1 is every one).
# Without FVE_INJECT always the same sites, so that a check fails for what was changed; make soak has them all.
[ -n "${FVE_INJECT-}" ] || export FVE_SEED=235307648
. "$TESTS/vm/lib.sh"

need_command strace
stride=${FVE_INJECT:-3}
errors=(EIO ENOMEM EBUSY EINVAL)
printf 'correct horse' >pass
fvesetup format -q --iter-time 1 --pbkdf-memory 32 --no-recovery --key-file pass /dev/vda
modprobe dm-fve

is_open() {
	[ -b /dev/mapper/data ] && dd if=/dev/mapper/data of=/dev/null bs=4096 count=1 iflag=direct status=none
}
is_closed() {
	! dmsetup info data >/dev/null 2>&1
}
# The key is gone, so that I/O waits: device-mapper says so itself.
is_suspended() {
	[ "$(dmsetup info -c --noheadings -o suspended data)" = Suspended ]
}
is_revoked() {
	! dd if=/dev/mapper/data of=/dev/null bs=4096 count=1 iflag=direct status=none 2>/dev/null
}
is_listed() {
	grep -q '^/dev/vda .* open ' out
}
is_shown() {
	grep -q 'is open' out
}

# What is there before, whatever was there.
reset_to() {
	if ! is_closed && is_suspended; then
		dmsetup wipe_table --noflush data
	fi
	is_closed || dmsetup remove --retry data
	[ "$1" = closed ] || fvesetup open --key-file pass /dev/vda data
	[ "$1" != suspended ] || fvesetup suspend data
}

# operation NAME BEFORE CHECK COMMAND...
found=0 tried=0 failures=0
operation() {
	local name=$1 before=$2 check=$3 at status sites=0
	shift 3
	at=$((stride > 1 ? RANDOM % stride + 1 : 1))
	while :; do
		reset_to "$before"
		error=${errors[RANDOM % ${#errors[@]}]}
		status=0
		strace -qq -e trace=ioctl -o trace -e inject="ioctl:error=$error:when=$at" "$@" >out 2>said </dev/null || status=$?
		grep -q INJECTED trace || break
		sites=$((sites + 1))
		where="$name, ioctl $at, $(grep -m 1 INJECTED trace)"
		if [ "$status" = 0 ]; then
			echo "survived $where: $(cat said)"
			$check || { echo "FAILED: not done: $where" && failures=$((failures + 1)); }
		else
			echo "refused $where: $status $(cat said)"
			[ "$status" -lt 10 ] && [ -s said ] ||
				{ echo "FAILED: status $status, no word: $where" && failures=$((failures + 1)); }
			# Nothing stands in the way of the same command, or it was done.
			"$@" >out 2>said </dev/null || $check || { cat said && echo "FAILED: not again: $where" && failures=$((failures + 1)); }
			$check || { cat out said && echo "FAILED: not done again: $where" && failures=$((failures + 1)); }
		fi
		at=$((at + stride))
	done
	assert_eq "$status" 0 "the command by itself"
	$check || fail "$name does nothing"
	echo "$name: about $((at - 1)) ioctls, $sites failed"
	found=$((found + at - 1)) tried=$((tried + sites))
}

operation open closed is_open fvesetup open --key-file pass /dev/vda data
operation close open is_closed fvesetup close data
operation suspend open is_suspended fvesetup suspend data
operation resume suspended is_open fvesetup resume --key-file pass data
operation status open is_shown fvesetup status data
operation list open is_listed fvesetup list
operation lock open is_closed fvesetup boot-lock --in-initrd --fvetab /dev/null
reset_to closed
echo "about $found ioctls, $tried of them failed"
[ "$failures" = 0 ] || fail "$failures of them"

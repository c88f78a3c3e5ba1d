#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: suspend, reload, message, revoke, remove and create at once under I/O: no crash, no wrong data
# runs: qemu uml: the kernel's own ciphers with SIMD instructions, several processors
# group: vm kernel
# vm: --parallel
#
# kernel_changes has one kind of change at a time and no I/O may fail; here all kinds meet, most of
# them are refused or fail, and what must hold is that the kernel and the data survive.
# FVE_RACES: changes of each kind (6).
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

races=${FVE_RACES:-6}

# repeat COMMAND...: so often, come what may.
repeat() {
	local i
	for ((i = 0; i < races; i++)); do
		"$@" >/dev/null 2>&1 || true
	done
}

# Nobody waits for udev, which may itself be waiting to read a device that is suspended.
dm() { dmsetup --noudevsync "$@"; }
suspend() { dm suspend ours; dm resume ours; }
reload() { dm reload ours --table "$1"; dm resume ours; }
wipe() {
	dm suspend ours
	dm message ours 0 key wipe
	dm message ours 0 key set "$(key_of one)"
	dm resume ours
}
revoke() { dm message ours 0 revoke; dm reload ours --table "$1"; dm resume ours; }
look() { dm status ours; dm table ours; }
recreate() {
	dm remove other
	dm create other --table "$1"
	dd if=/dev/mapper/other of=/dev/null bs=64K count=2 iflag=direct
}

# I/O for as long as there is $scratch/go, whatever it is told.
io() { # NAME RW
	while [ -e "$scratch/go" ]; do
		fio --name="$1" --filename=/dev/mapper/ours --direct=1 --ioengine=libaio \
			--iodepth=8 --rw="$2" --bsrange=512-256k --offset=4m --size=8m \
			--number_ios=50 >/dev/null 2>&1 || true
	done
}

load_fve
ram_disk 16
make_key one 64
make_key two 64
line=$(table_line fve "$ram_sectors" one 0 "$ram" 0)
sized=$(table_line fve "$ram_sectors" one 0 "$ram" 0 sector_size:512)
crypt=$(table_line crypt "$ram_sectors" one 0 "$ram" 0 no_read_workqueue no_write_workqueue)
create ours "$line"
head -c $((4 << 20)) /dev/urandom >"$scratch/data"
dd if="$scratch/data" of=/dev/mapper/ours bs=1M oflag=direct status=none
create other "0 8 zero"

step "$races changes of each kind in parallel"
: >"$scratch/go"
io reader randread &
io writer randwrite &
changes=()
for change in suspend "reload $line" "reload $sized" "reload $crypt" wipe "revoke $line" look \
	"recreate $(table_line fve 8192 two 0 "$ram" 24576)"; do
	case $change in
	*" "*) repeat "${change%% *}" "${change#* }" & ;;
	*) repeat "$change" & ;;
	esac
	changes+=($!)
done
wait "${changes[@]}"
rm "$scratch/go"

step "whatever state that left: a new table, and the device is what it was"
# A suspended device would keep the I/O waiting.
dm reload ours --table "$line"
dm resume ours
wait
udevadm settle
dd if=/dev/mapper/ours bs=1M count=4 iflag=direct status=none | cmp - "$scratch/data" ||
	fail "data that nobody wrote to has changed"
fio_verify /dev/mapper/ours 512 --offset=4m --size=2m
remove ours
[ ! -e /dev/mapper/other ] || remove other
assert_eq "$(references)" 0 "references to the module"
modprobe -r dm-fve

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: errors of the disk below reach whoever asked, and nothing else is lost by them
# runs: uml qemu
# group: vm kernel
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

read_at() { # SECTOR COUNT
	dd if=/dev/mapper/ours of=/dev/null bs=512 skip="$1" count="$2" iflag=direct status=none
}

write_at() {
	dd if=/dev/urandom of=/dev/mapper/ours bs=512 seek="$1" count="$2" oflag=direct status=none
}

load_fve
ram_disk 8
make_key key 64

step "a hole of 64 bad sectors: only I/O that touches it fails"
hole=4096
dmsetup create lower --table "0 $hole linear $ram 0
$hole 64 error
$((hole + 64)) $((ram_sectors - hole - 64)) linear $ram $((hole + 64))"
create ours "$(table_line fve "$ram_sectors" key 0 /dev/mapper/lower 0)"
write_at $((hole - 8)) 8
write_at $((hole + 64)) 8
in_error write_at $hole 1
in_error write_at $((hole + 63)) 1
read_at $((hole - 8)) 8
read_at $((hole + 64)) 8
in_error read_at $hole 1
in_error read_at $((hole + 63)) 1
# One bio over good and bad sectors.
in_error dd if=/dev/mapper/ours of=/dev/null bs=64K skip=$((hole / 128)) count=1 iflag=direct
in_error dd if=/dev/urandom of=/dev/mapper/ours bs=64K seek=$((hole / 128)) count=1 oflag=direct
assert_eq "$(status ours errors)" 0 "errors of the target itself"
remove ours lower

step "a disk that comes and goes"
flaky="0 $ram_sectors flakey $ram 0"
dmsetup create lower --table "$flaky 1 0"
create ours "$(table_line fve "$ram_sectors" key 0 /dev/mapper/lower 0)"
create theirs "$(table_line crypt "$ram_sectors" key 0 /dev/mapper/lower 0)"
for feature in "" " 1 error_writes"; do
	dmsetup reload lower --table "$flaky 1 0"
	dmsetup resume lower
	write_at 0 256
	sum=$(checksum /dev/mapper/theirs)
	dmsetup reload lower --table "$flaky 0 3600$feature"
	dmsetup resume lower
	in_error write_at 0 256
	[ -n "$feature" ] || in_error read_at 0 256
	dmsetup reload lower --table "$flaky 1 0"
	dmsetup resume lower
	assert_eq "$(checksum /dev/mapper/ours)" "$sum" "data after the disk came back"
done

step "a thousand writes to a disk that fails them: no page of the target stays behind"
dmsetup reload lower --table "$flaky 0 3600 1 error_writes"
dmsetup resume lower
fio --name=fail --filename=/dev/mapper/ours --direct=1 --rw=randwrite --bsrange=512-8k \
	--number_ios=1000 --continue_on_error=write --ioengine=libaio --iodepth=16 \
	>"$scratch/fio" 2>&1 || true
assert_match "$(cat "$scratch/fio")" "total=[0-9]{4,}, first_error=5/" "the errors that fio counted"
dmsetup reload lower --table "$flaky 1 0"
dmsetup resume lower
fio_verify /dev/mapper/ours 512
remove ours theirs lower
assert_eq "$(references)" 0 "references to the module"
modprobe -r dm-fve

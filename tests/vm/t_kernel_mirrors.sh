#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: fve works over and under md mirrors and thin pools, and discards go all the way down
# by-hand: seen to pass on 6.1, not yet on 6.12; then it is a part of kernel_stacking again
# group: vm kernel
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

# agree KEY OURS LOWER [OPTION...]: OURS is fve on LOWER; dm-crypt there must read the same.
agree() {
	local key=$1 ours=$2 lower=$3
	shift 3
	create theirs "$(table_line crypt "$(sectors "$lower")" "$key" 0 "$lower" 0 "$@")"
	iopair --count 300 --seed "$seed" --align "$(blockdev --getss "$ours")" \
		"$ours" /dev/mapper/theirs || fail "fve and dm-crypt differ on $lower"
	remove theirs
}

load_fve
ram_disk 16
make_key inner 64
make_key outer 64

step "fve over md, and md over two of fve"
half=$((ram_sectors / 2))
for part in 0 1; do
	dmsetup create part$part --table "0 $half linear $ram $((part * half))"
done
mirror() { # DEVICE...
	mdadm --create /dev/md0 --level=1 --raid-devices=2 --metadata=1.0 --assume-clean --run \
		"$@" 2>"$scratch/mdadm" || fail "mdadm: $(<"$scratch/mdadm")"
}
mirror /dev/mapper/part0 /dev/mapper/part1
create top "$(table_line fve "$(sectors /dev/md0)" inner 0 /dev/md0 0)"
agree inner /dev/mapper/top /dev/md0
remove top
mdadm --stop /dev/md0 2>/dev/null
for part in 0 1; do
	create fve$part "$(table_line fve $half inner 0 /dev/mapper/part$part 0)"
done
mirror /dev/mapper/fve0 /dev/mapper/fve1
fio_verify /dev/md0 512 --number_ios=300
mdadm --stop /dev/md0 2>/dev/null
remove fve0 fve1 part0 part1

step "fve over a thin volume whose pool is on fve: as LVM stacks them; discards go all the way"
modprobe null_blk nr_devices=1 gb=1 bs=512 memory_backed=1 discard=1 irqmode=0
udevadm settle
disk=/dev/nullb0 meta=8192 data=32768
create pool_data "$(table_line fve $data inner 0 $disk $meta allow_discards)"
dmsetup create pool_meta --table "0 $meta linear $disk 0"
dd if=/dev/zero of=/dev/mapper/pool_meta bs=4K count=1 oflag=direct status=none
dmsetup create pool --table \
	"0 $data thin-pool /dev/mapper/pool_meta /dev/mapper/pool_data 128 0"
dmsetup message pool 0 "create_thin 0"
dmsetup create thin --table "0 $data thin /dev/mapper/pool 0"
create top "$(table_line fve $data outer 0 /dev/mapper/thin 0 sector_size:4096 allow_discards)"
agree outer /dev/mapper/top /dev/mapper/thin sector_size:4096
used() { dmsetup status pool | awk '{ sub("/.*", "", $6); print $6 }'; }
# Discarded sectors of this disk read as zeroes; ciphertext does not.
dd_data() { dd if=$disk bs=1M skip=$((meta >> 11)) count=$((data >> 11)) iflag=direct status=none; }
assert_eq "$(used)" $((data / 128)) "blocks of the pool in use"
dd_data >"$scratch/data"
! cmp -s -n 4096 "$scratch/data" /dev/zero || fail "nothing is written"
blkdiscard /dev/mapper/top
assert_eq "$(used)" 0 "blocks of the pool in use after a discard"
dd_data >"$scratch/data"
assert_same "$scratch/data" /dev/zero -n $((data << 9))
remove top thin pool pool_meta pool_data

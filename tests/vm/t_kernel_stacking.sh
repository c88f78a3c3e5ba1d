#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: fve works over and under other block devices, itself included; discards go all the way down
# runs: uml qemu
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

step "fve over a striped map of two, in pieces that split I/O"
half=$((ram_sectors / 2))
dmsetup create striped --table "0 $ram_sectors striped 2 8 $ram 0 $ram $half"
create top "$(table_line fve "$ram_sectors" inner 0 /dev/mapper/striped 0)"
agree inner /dev/mapper/top /dev/mapper/striped
remove top striped

step "two fve targets and a linear one in one table: I/O across their borders"
third=$((ram_sectors / 4))
key=$(key_of inner)
create table "0 $third fve aes-xts-plain64 $key 0 $ram 0
$third $third fve aes-xts-plain64 $key $third $ram $third
$((2 * third)) $third linear $ram $((2 * third))"
create flat "0 $((2 * third)) crypt aes-xts-plain64 $key 0 $ram 0
$((2 * third)) $third linear $ram $((2 * third))"
iopair --count 300 --seed "$seed" /dev/mapper/table /dev/mapper/flat || fail "data across borders"
remove table flat

step "fve over loop"
loop_device 16
create top "$(table_line fve 32768 inner 0 "$loop" 0 sector_size:4096)"
agree inner /dev/mapper/top "$loop" sector_size:4096
step "loop over fve"
upper=$(losetup --find --show /dev/mapper/top)
mkfs.ext4 -q "$upper"
e2fsck -fn "$upper" >/dev/null
losetup --detach "$upper"
remove top
losetup --detach "$loop"

step "fve over fve"
create bottom "$(table_line fve "$ram_sectors" inner 0 "$ram" 0)"
create top "$(table_line fve "$ram_sectors" outer 0 /dev/mapper/bottom 0 sector_size:4096)"
agree outer /dev/mapper/top /dev/mapper/bottom sector_size:4096
fio_verify /dev/mapper/top 4096

step "a filesystem on both: files survive remount and a cold cache"
mkfs.ext4 -q /dev/mapper/top
mkdir -p "$scratch/mnt"
mount /dev/mapper/top "$scratch/mnt"
for i in $(seq 40); do
	head -c $((i * 3001)) /dev/urandom >"$scratch/mnt/$i"
done
(cd "$scratch/mnt" && sha256sum -- [0-9]*) >"$scratch/sums"
umount "$scratch/mnt"
remove top bottom
create bottom "$(table_line fve "$ram_sectors" inner 0 "$ram" 0)"
create top "$(table_line fve "$ram_sectors" outer 0 /dev/mapper/bottom 0 sector_size:4096)"
e2fsck -fn /dev/mapper/top >/dev/null
mount /dev/mapper/top "$scratch/mnt"
(cd "$scratch/mnt" && sha256sum --quiet -c "$scratch/sums")
umount "$scratch/mnt"
remove top bottom

step "swap on fve"
create swap "$(table_line fve "$ram_sectors" inner 0 "$ram" 0 sector_size:4096)"
mkswap /dev/mapper/swap >/dev/null
swapon /dev/mapper/swap
swapoff /dev/mapper/swap
remove swap

step "fve over md, and md over two of fve"
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

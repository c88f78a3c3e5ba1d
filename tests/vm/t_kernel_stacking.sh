#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: fve works over and under other block devices, itself included, and below a filesystem
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

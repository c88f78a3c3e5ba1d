#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: zoned disks work as with dm-crypt: in order, whole, zone append, reset of just our zones
# runs: uml qemu
# group: vm kernel
# vm: --memory 1536
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

zone=8192 # sectors: 4 MiB
conventional=2
disk=/dev/nullb0

zoned_disk() { # NULL_BLK_OPTION...
	modprobe -r null_blk 2>/dev/null || true
	modprobe null_blk nr_devices=1 gb=1 bs=512 memory_backed=1 zoned=1 zone_size=4 \
		zone_nr_conv=$conventional max_sectors=2048 "$@"
	udevadm settle
}

# The zones of a device from sector $2 on, $3 of them: start, write pointer and condition.
zones() {
	blkzone report --offset "$2" --count "$3" "$1" | sed 's/^ *start: *//'
}

# write_zone DEVICE ZONE: as much of the zone as there is, in pieces of random sizes of which some
# must be cut; the data stays in $scratch/zone.
write_zone() {
	local at=0 sectors
	head -c $((zone * 512)) /dev/urandom >"$scratch/zone"
	while [ $at -lt $zone ]; do
		random_below 256
		sectors=$(((1 + REPLY) * 8))
		[ $((at + sectors)) -le $zone ] || sectors=$((zone - at))
		dd if="$scratch/zone" of="$1" bs=$((sectors * 512)) count=1 iflag=skip_bytes \
			skip=$((at * 512)) oflag=direct,seek_bytes seek=$((($2 * zone + at) * 512)) \
			conv=notrunc status=none
		at=$((at + sectors))
	done
}

read_zone() { # DEVICE ZONE
	dd if="$1" bs=1M iflag=direct skip=$(($2 * zone / 2048)) count=$((zone / 2048)) status=none
}

load_fve
make_key key 64
zoned_disk
size=$(sectors $disk)

step "zones are told as they are, and writes are limited to what passes in one piece"
create ours "$(table_line fve "$size" key 0 $disk 0)"
create theirs "$(table_line crypt "$size" key 0 $disk 0)"
assert_eq "$(zones /dev/mapper/ours 0 256)" "$(zones $disk 0 256)" "the report of zones"
dm=$(basename "$(readlink -f /dev/mapper/ours)")
assert_eq "$(cat "/sys/block/$dm/queue/zoned")" host-managed "zoned model"
assert_eq "$(cat "/sys/block/$dm/queue/max_sectors_kb")" 128 "largest write, KiB"

step "one zone through fve, one through dm-crypt, each read through the other"
write_zone /dev/mapper/ours 2
read_zone /dev/mapper/theirs 2 | cmp - "$scratch/zone" || fail "dm-crypt reads something else"
xts_file --key-file "$scratch/key.key" --sector-size 512 --iv-offset $((2 * zone)) \
	< <(read_zone $disk 2) | cmp - "$scratch/zone" || fail "OpenSSL reads something else"
# Each side knows the write pointers of its own writes only; dm-crypt has not touched zone 3.
write_zone /dev/mapper/theirs 3
read_zone /dev/mapper/ours 3 | cmp - "$scratch/zone" || fail "fve reads something else"
write_zone /dev/mapper/ours 1 # conventional
read_zone /dev/mapper/theirs 1 | cmp - "$scratch/zone" || fail "dm-crypt reads something else"
remove theirs

step "a write away from the write pointer fails, and the zone takes the next right one"
in_error dd if=/dev/zero of=/dev/mapper/ours bs=4K count=1 seek=$((4 * zone / 8 + 1)) oflag=direct
zones /dev/mapper/ours $((4 * zone)) 1 >/dev/null # the kernel looks where the pointer is
write_zone /dev/mapper/ours 4
read_zone /dev/mapper/ours 4 | cmp - "$scratch/zone" || fail "zone 4 is wrong"

step "reset and finish reach their zone and no other"
before=$(zones $disk 0 256 | sed "$((2 + 1))d;$((5 + 1))d")
blkzone reset --offset $((2 * zone)) --count 1 /dev/mapper/ours
blkzone finish --offset $((5 * zone)) --count 1 /dev/mapper/ours
assert_match "$(zones $disk $((2 * zone)) 1)" '\(em\)' "zone 2 after a reset"
assert_match "$(zones $disk $((5 * zone)) 1)" '\(fu\)' "zone 5 after a finish"
assert_eq "$(zones $disk 0 256 | sed "$((2 + 1))d;$((5 + 1))d")" "$before" "all other zones"
assert_eq "$(zones /dev/mapper/ours 0 256)" "$(zones $disk 0 256)" "the report of zones"

step "revoke: writes fail; a new table goes on where the zone ends"
dd if=/dev/urandom of=/dev/mapper/ours bs=64K count=1 seek=$((6 * zone / 128)) oflag=direct status=none
dmsetup message ours 0 revoke
in_error dd if=/dev/zero of=/dev/mapper/ours bs=64K count=1 seek=$((6 * zone / 128 + 1)) oflag=direct
assert_fails blkzone reset --offset $((6 * zone)) --count 1 /dev/mapper/ours 2>/dev/null
dmsetup reload ours --table "$(table_line fve "$size" key 0 $disk 0)"
dmsetup resume ours
zones /dev/mapper/ours $((6 * zone)) 1 >/dev/null
dd if=/dev/urandom of=/dev/mapper/ours bs=64K count=1 seek=$((6 * zone / 128 + 1)) oflag=direct status=none
remove ours

step "a part of the disk: places are shifted, a reset of all resets ours alone"
create first "$(table_line fve $((8 * zone)) key 0 $disk 0)"
create part "$(table_line fve $((16 * zone)) key 0 $disk $((8 * zone)) sector_size:4096)"
write_zone /dev/mapper/part 3
read_zone $disk 11 | xts_file --key-file "$scratch/key.key" --sector-size 4096 \
	--iv-offset $((3 * zone)) | cmp - "$scratch/zone" || fail "zone 3 of a part is not zone 11"
head -c $((zone * 512)) /dev/urandom |
	dd of=$disk bs=1M seek=$((30 * zone / 2048)) oflag=direct iflag=fullblock status=none
before=$(zones $disk 0 8; zones $disk $((24 * zone)) 32)
blkzone reset /dev/mapper/part
assert_eq "$(zones $disk 0 8; zones $disk $((24 * zone)) 32)" "$before" "zones of others"
assert_no_match "$(zones $disk $((8 * zone)) 16)" '\(fu\)|\(oi\)|\(cl\)' "our zones after a reset"
remove part first
for line in "$(table_line fve $((8 * zone)) key 0 $disk 8)" "0 8 zero
8 $zone fve aes-xts-plain64 $(key_of key) 0 $disk $((2 * zone))"; do
	assert_fails dmsetup create part --table "$line" 2>/dev/null
done

# The crypto API's public cipher sleeps on these kernels, and a zoned write may. io_uring asks not
# to wait, and what it retries from another thread would be overtaken: one at a time.
for words in "io_uring 1 kapi" "libaio 16"; do
	read -r ioengine depth engine <<<"$words"
	step "writes to zones at depth $depth by $ioengine, verified; engine ${engine:-default}"
	blkzone reset $disk
	create ours "$(table_line fve "$size" key 0 $disk 0 sector_size:4096 \
		${engine:+engine:$engine})"
	fio --name=zoned --filename=/dev/mapper/ours --direct=1 --zonemode=zbd \
		--ioengine="$ioengine" --iodepth="$depth" --rw=write --bsrange=4k-512k \
		--blockalign=4k --offset=$((conventional * zone * 512)) \
		--size=$((3 * zone * 512)) --verify=crc32c --verify_fatal=1 \
		--randseed="$seed" --output-format=terse \
		>"$scratch/fio" 2>&1 || { cat "$scratch/fio"; fail "fio on zones"; }
	dmsetup status ours
	assert_eq "$(status ours errors)" 0 "errors"
	remove ours
done

# Not zonefs: its zone append fails on any disk with 6.1.192, because zonefs_file_dio_append()
# compares with a write pointer that it has moved already.
step "btrfs, whose data is zone appends: written through fve, checked and read through dm-crypt"
blkzone reset $disk
mkdir -p "$scratch/mnt"
create ours "$(table_line fve "$size" key 0 $disk 0 sector_size:4096)"
modprobe btrfs
udevadm settle
mkfs.btrfs -q -f -O zoned -d single -m single /dev/mapper/ours
mount -t btrfs /dev/mapper/ours "$scratch/mnt"
for writer in 1 2 3; do
	for i in 1 2 3 4; do
		head -c $((writer * i * 54321)) /dev/urandom >"$scratch/mnt/$writer.$i"
	done &
	pids[writer]=$!
done
for writer in 1 2 3; do
	assert_status 0 wait "${pids[writer]}"
done
sync -f "$scratch/mnt"
(cd "$scratch/mnt" && sha256sum -- *.*) >"$scratch/sums"
umount "$scratch/mnt"
assert_eq "$(status ours errors)" 0 "errors"
remove ours
create theirs "$(table_line crypt "$size" key 0 $disk 0 sector_size:4096)"
mount -t btrfs /dev/mapper/theirs "$scratch/mnt"
(cd "$scratch/mnt" && sha256sum --quiet -c "$scratch/sums")
btrfs scrub start -B -r "$scratch/mnt" >"$scratch/scrub" || { cat "$scratch/scrub"; fail "scrub"; }
# 6.1 also counts a superblock, which it looks for where only other disks have it.
assert_no_match "$(cat "$scratch/scrub")" "(read|csum|verify|malloc|uncorrectable)=[1-9]" "scrub"
umount "$scratch/mnt"
remove theirs

step "zones that hold less than their size, and few that may be open"
zoned_disk zone_capacity=3 zone_max_open=4
create ours "$(table_line fve "$size" key 0 $disk 0 sector_size:4096)"
fio --name=zoned --filename=/dev/mapper/ours --direct=1 --zonemode=zbd --ioengine=libaio \
	--iodepth=4 --rw=write --bs=64k --offset=$((conventional * zone * 512)) \
	--size=$((2 * zone * 512)) --verify=crc32c --verify_fatal=1 --randseed="$seed" \
	--output-format=terse >"$scratch/fio" 2>&1 || { cat "$scratch/fio"; fail "fio on zones"; }
remove ours
modprobe -r null_blk

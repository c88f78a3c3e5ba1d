#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: discards only on request; flush and FUA reach the disk; zeroes are encrypted; limits hold
# runs: uml qemu
# group: vm kernel
# disks: 32M
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

disk=/dev/vda
mib=$((1 << 20))

# The flushes that a disk has completed: field 16 of Documentation/block/stat.rst.
flushes() {
	awk '{ print $16 }' "/sys/block/$(basename "$1")/stat"
}

queue() { # DEVICE ATTRIBUTE
	cat "/sys/block/$(basename "$(readlink -f "$1")")/queue/$2"
}

load_fve
make_key block 64
size=$(sectors $disk)

step "discards: off unless asked for"
# A loop device over tmpfs discards by punching holes, which read as zeroes.
loop_device 16
create discard "$(table_line fve 32768 block 0 "$loop" 0)"
dd if=/dev/urandom of=/dev/mapper/discard bs=1M oflag=direct status=none 2>/dev/null || true
before=$(checksum "$loop")
assert_eq "$(queue /dev/mapper/discard discard_max_bytes)" 0 "discard_max_bytes"
assert_fails blkdiscard /dev/mapper/discard 2>/dev/null
assert_eq "$(checksum "$loop")" "$before" "data after a refused discard"

step "discards: passed with allow_discards, to the right sectors"
dmsetup reload discard --table "$(table_line fve 30720 block 0 "$loop" 2048 allow_discards)"
dmsetup resume discard
blkdiscard --offset $mib --length $((4 * mib)) /dev/mapper/discard
# One MiB of offset on the device and one within the mapping.
assert_same <(dd if="$loop" bs=1M skip=2 count=4 iflag=direct status=none) \
	<(head -c $((4 * mib)) /dev/zero)
for at in 1 6; do
	! dd if="$loop" bs=1M skip=$at count=1 iflag=direct status=none |
		cmp -s - <(head -c $mib /dev/zero) || fail "a discard reached MiB $at"
done

step "write zeroes: zeroes to who reads through dm-crypt, and none on the disk"
create zeroes "$(table_line crypt 30720 block 0 "$loop" 2048)"
blkdiscard --zeroout --offset $mib --length $((2 * mib)) /dev/mapper/discard
assert_same <(dd if=/dev/mapper/zeroes bs=1M skip=1 count=2 iflag=direct status=none) \
	<(head -c $((2 * mib)) /dev/zero)
assert_eq "$(queue /dev/mapper/discard write_zeroes_max_bytes)" 0 "write_zeroes_max_bytes"
[ "$(dd if="$loop" bs=1M skip=2 count=2 iflag=direct status=none | tr -d '\0' | wc -c)" \
	-gt $mib ] || fail "zeroes reached the disk unencrypted"
remove zeroes discard
losetup --detach "$loop"

step "flush and FUA reach the disk"
create flush "$(table_line fve "$size" block 0 $disk 0)"
assert_eq "$(queue /dev/mapper/flush write_cache)" "write back" "write_cache"
before=$(flushes $disk)
dd if=/dev/urandom of=/dev/mapper/flush bs=4K count=1 oflag=direct conv=fsync status=none
after=$(flushes $disk)
[ "$after" -gt "$before" ] || fail "fsync caused no flush"
# This disk has no FUA: the block layer makes it a write and a flush.
dd if=/dev/urandom of=/dev/mapper/flush bs=4K count=4 oflag=direct,dsync status=none
[ "$(flushes $disk)" -ge $((after + 4)) ] || fail "four FUA writes caused fewer flushes"
remove flush

step "limits: nothing smaller than sector_size, memory as the disk below allows"
for sector_size in 512 1024 2048 4096; do
	create limits "$(table_line fve $((size - 2048)) block 0 $disk 2048 sector_size:$sector_size)"
	for limit in logical_block_size physical_block_size minimum_io_size; do
		assert_eq "$(queue /dev/mapper/limits $limit)" $sector_size "$limit"
	done
	assert_eq "$(queue /dev/mapper/limits dma_alignment)" "$(queue $disk dma_alignment)" \
		"dma_alignment"
	[ $sector_size -eq 512 ] || assert_fails \
		dd if=/dev/mapper/limits bs=512 count=1 iflag=direct of=/dev/null status=none
	remove limits
done

step "the page cache on top, and fallocate on the device"
create cache "$(table_line fve "$size" block 0 $disk 0 sector_size:4096)"
head -c 3000000 /dev/urandom >"$scratch/odd"
dd if="$scratch/odd" of=/dev/mapper/cache bs=7777 seek=12345 oflag=seek_bytes conv=fsync status=none
echo 3 >/proc/sys/vm/drop_caches
assert_same <(dd if=/dev/mapper/cache iflag=skip_bytes,count_bytes skip=12345 count=3000000 \
	status=none) "$scratch/odd"
fallocate --zero-range --offset 4096 --length $mib /dev/mapper/cache
assert_same <(dd if=/dev/mapper/cache bs=4K skip=1 count=256 iflag=direct status=none) \
	<(head -c $mib /dev/zero)
remove cache

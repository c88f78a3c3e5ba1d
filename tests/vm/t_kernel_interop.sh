#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: fve and dm-crypt read each other's data bit for bit; OpenSSL reads it from the raw disk
# runs: qemu uml: the kernel's own ciphers with SIMD instructions, several processors
# group: vm kernel
#
# FVE_COUNT: random I/Os for each combination of sector_size, iv_large_sectors and iv_offset
# (10000).
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

count=${FVE_COUNT:-$(sample 10000)}

# dm-crypt without its queues makes the same data in less time.
reference=(no_read_workqueue no_write_workqueue)

# Two maps of the same sectors, one for each side; then the raw disk through OpenSSL.
# interop KEY SECTOR_SIZE IV_OFFSET OFFSET "OPTIONS" [IOPAIR_OPTION...]
interop() {
	local key=$1 sector_size=$2 iv=$3 offset=$4 options=$5
	local length=$((ram_sectors - offset)) words=() own=() engine xts=(--sector-size "$2" --iv-offset "$3")
	shift 5
	[ "$sector_size" -eq 512 ] || words+=("sector_size:$sector_size")
	[ -z "$options" ] || words+=("$options") xts+=("--${options//_/-}")
	own=("${words[@]}")
	# Our own engines have no short keys.
	if [ "$key" = long ]; then
		engine=${choices[choice++ % ${#choices[@]}]}
		[ -z "$engine" ] || own+=("engine:$engine")
	fi

	step "$(stat -c %s "$scratch/$key.key")-byte key, sector_size $sector_size," \
		"iv_offset $iv, offset $offset ${own[*]} $*"
	create ours "$(table_line "$target" "$length" "$key" "$iv" "$ram" "$offset" "${own[@]}")"
	create theirs "$(table_line crypt "$length" "$key" "$iv" "$ram" "$offset" \
		"${words[@]}" "${reference[@]}")"
	iopair --count "$count" --seed "$seed" --max-size 8192 --align "$sector_size" "$@" \
		/dev/mapper/ours /dev/mapper/theirs || fail "fve and dm-crypt differ"
	assert_eq "$(dd if="$ram" iflag=direct bs=64K iflag=skip_bytes,direct \
		skip=$((offset * 512)) status=none |
		xts_file --key-file "$scratch/$key.key" "${xts[@]}" | sha256sum | cut -d' ' -f1)" \
		"$(checksum /dev/mapper/ours)" "the raw disk, decrypted by OpenSSL"
	remove ours theirs
}

load_fve
ram_disk 2
make_key long 64
make_key short 32
# The default, then each engine by its name, in turn.
mapfile -t choices < <(echo; engines)
choice=0

# plain64 counts 512-byte sectors, with iv_large_sectors those of sector_size. Either way the IV
# passes 2^32, where `plain` and a 32-bit counter would wrap, in the middle of the device.
half=$((ram_sectors / 2))
for sector_size in 512 4096; do
	for options in "" iv_large_sectors; do
		unit=1
		[ -z "$options" ] || unit=$((sector_size / 512))
		for iv in 0 $(((1 << 32) * unit - half)); do
			interop long $sector_size $iv 0 "$options"
		done
	done
done

count=$((count / 20)) # the same code met in other ways, by larger I/Os
interop long 4096 $(((1 << 32) - half)) 0 iv_large_sectors --max-size 65536
interop short 512 0 0 "" --max-size 65536
interop long 1024 0 0 "" --max-size 65536
interop long 2048 16 0 iv_large_sectors --max-size 65536
interop long 512 7 1024 "" --max-size 65536
interop long 4096 8 512 "" --max-size 65536 --unaligned-memory
interop long 512 0 0 "" --max-size 65536 --buffered
interop long 512 0 0 "" --max-size 65536 --threads 4 --unaligned-memory
interop long 512 0 0 "" --max-size $((2 << 20)) --unaligned-memory

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: random I/O of 512 B to 4 MiB, buffered and unaligned direct, 1 to 64 at once, is dm-crypt's
# runs: qemu uml: the kernel's own ciphers with SIMD instructions, several processors
# group: vm kernel
# vm: --memory 768
#
# FVE_RANDOM_IOS: so many in all (1600; `make soak` takes a million), FVE_RANDOM_MIB: size of the
# device (8; all of it is written and compared for each kind of I/O), FVE_USE_ENGINE: that engine
# alone, not each in turn. Each region of the device has one I/O at a time, so 64 regions are depth
# 64; a region's size limits that of its I/Os.
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

total=${FVE_RANDOM_IOS:-$(sample 1600)}
mib=${FVE_RANDOM_MIB:-8}

load_fve
ram_disk "$mib"
make_key key 64
# The default, then each engine by its name, in turn.
mapfile -t choices < <([ -n "${FVE_USE_ENGINE-}" ] || echo; engines)
[ "${#choices[@]}" -gt 0 ] || fail "no such engine"
choice=0
start=$SECONDS
done_ios=0
for sector_size in 512 4096; do
	create theirs "$(table_line crypt "$ram_sectors" key 0 "$ram" 0 sector_size:$sector_size \
		no_read_workqueue no_write_workqueue)"
	for how in --unaligned-memory --buffered; do
		for depth in 1 4 16 64; do
			engine=${choices[choice++ % ${#choices[@]}]}
			create ours "$(table_line "$target" "$ram_sectors" key 0 "$ram" 0 \
				sector_size:$sector_size allow_discards ${engine:+engine:$engine})"
			iopair --count $((total / 16)) --seed $((seed + depth)) --threads $depth \
				--align $sector_size --max-size $((4 << 20)) --mostly-small $how \
				/dev/mapper/ours /dev/mapper/theirs >"$scratch/out" ||
				{ cat "$scratch/out"; fail "fve and dm-crypt differ"; }
			# The random ones, and those that fill and compare the whole device.
			awk -v what="sector_size $sector_size, engine ${engine:-default}, $how, $depth at once" '
				/no difference/ { ios += $3 + $5; bytes += $7 }
				END { printf "%s: %d I/Os, %d MiB, no difference\n", what, ios,
					bytes / 1048576 }' "$scratch/out"
			done_ios=$((done_ios + total / 16))
			[ "$target" != fve ] || dmsetup status ours
			remove ours
		done
	done
	remove theirs
done
echo "$done_ios random I/Os, seed $seed, $((SECONDS - start)) s: no difference"

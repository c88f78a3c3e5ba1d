#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: with no memory but the reserve all writes come through, in order, and revoke ends the wait
# group: host fault kernel
# kernels: all
# timeout: 1200
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

vm=$here/../vm
kernel=$(vm_kernel "${FVE_KERNEL:-6.1}")
module=$BUILD/fault-pages/$("$vm/kernel" --print release "$kernel")/dm-fve.ko
[ -f "$module" ] || fail "no $module: make fault-module-$kernel builds it"
export FVE_MODULE=/root/no-pages.ko

run_with() { # SCRIPT
	expect 0 "$vm/vm" --kernel "$kernel" --timeout 600 --memory 512 \
		--include "$module:$FVE_MODULE" "$1"
}

cat >"$TMP/script.sh" <<'END'
. "$TESTS/vm/lib_kernel.sh"
load_fve
ram_disk 4
make_key key 64

for sector_size in 512 4096; do
	create ours "$(table_line fve "$ram_sectors" key 0 "$ram" 0 sector_size:$sector_size)"
	create theirs "$(table_line crypt "$ram_sectors" key 0 "$ram" 0 sector_size:$sector_size)"
	for options in "--unaligned-memory --threads 4" --buffered; do
		# shellcheck disable=SC2086 # words
		iopair --count 100 --seed "$seed" --align $sector_size --max-size $((1 << 20)) \
			$options /dev/mapper/ours /dev/mapper/theirs || fail "wrong data"
	done
	dmsetup status ours
	assert_eq "$(status ours reserve)" "$(status ours writes)" "writes from the reserve"
	remove ours theirs
done

step "fve on fve on one disk: each waits for its own reserve"
create bottom "$(table_line fve "$ram_sectors" key 0 "$ram" 0)"
create top "$(table_line fve "$ram_sectors" key 0 /dev/mapper/bottom 0)"
fio_verify /dev/mapper/top 512 --number_ios=100
remove top bottom

step "a zoned disk: one writer in each of four zones"
modprobe null_blk nr_devices=1 gb=1 bs=512 memory_backed=1 zoned=1 zone_size=4 max_sectors=2048
udevadm settle
create ours "$(table_line fve "$(sectors /dev/nullb0)" key 0 /dev/nullb0 0)"
fio --name=zoned --filename=/dev/mapper/ours --direct=1 --zonemode=zbd --ioengine=libaio \
	--iodepth=8 --rw=write --bsrange=4k-512k --blockalign=4k --numjobs=4 \
	--offset_increment=4m --size=4m --verify=crc32c --verify_fatal=1 --randseed="$seed" \
	--output-format=terse >"$scratch/fio" 2>&1 || { cat "$scratch/fio"; fail "fio on zones"; }
assert_eq "$(status ours reserve)" "$(status ours writes)" "writes from the reserve"
remove ours
END
run_with "$TMP/script.sh"
run_with "$vm/t_kernel_revoke.sh"
expect_text "6 of 8 writes waited for memory and have ended"

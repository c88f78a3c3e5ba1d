#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a use after free, a lock inversion and a leak in the module fail a test on the debug kernel
# group: host fault
# may-skip: no debug kernel was built
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

vm=$here/../vm
kernel=${DEBUG_KERNEL:-6.12-debug}
"$vm/uml/kernel" --have "$kernel" "$BUILD/kernels/$kernel" || { echo "SKIP: no kernel $kernel"; exit 77; }
release=$("$vm/kernel" --print release "$kernel")

cat >"$TMP/script" <<'END'
. "$TESTS/vm/lib_kernel.sh"
load_fve
ram_disk 4
make_key key 64
for _ in 1 2 3; do
	create ours "$(table_line fve "$ram_sectors" key 0 "$ram" 0)"
	dd if=/dev/urandom of=/dev/mapper/ours bs=64k count=8 oflag=direct status=none
	dd if=/dev/mapper/ours of=/dev/null bs=64k count=8 iflag=direct status=none
	remove ours
done
END
# guest STATUS MODULE
guest() {
	FVE_MODULE=/root/this.ko expect "$1" "$vm/vm" --kernel "$kernel" --timeout 300 --include "$2:/root/this.ko" "$TMP/script"
}

echo "--- the module as it is"
guest 0 "$BUILD/$release/dm-fve.ko"
echo "--- use after free"
guest 125 "$BUILD/fault/use_after_free/$release/dm-fve.ko"
expect_text "BUG: KASAN: slab-use-after-free in __wrap_fve_write_exit"
echo "--- lock inversion"
guest 125 "$BUILD/fault/lock_inversion/$release/dm-fve.ko"
expect_text "WARNING: possible circular locking dependency detected"
echo "--- leak"
guest 125 "$BUILD/fault/leak/$release/dm-fve.ko"
expect_text "unreferenced object"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: the dracut module puts fvesetup, the target and the TPM's library into an initramfs
# group: host fast boot
. "$(dirname "$0")/lib.sh"

kernel=${FVE_KERNEL:-6.1}
top=$here/../..
release=$("$top/tests/vm/kernel" --print release "$kernel")
modules=$TMP/modules/lib/modules/$release

# The machine's own /usr stays as it is: dracut is told of everything that is here.
mkdir -p "$TMP/dracut" "$modules/updates"
cp -as /usr/lib/dracut/. "$TMP/dracut/"
ln -sf "$(realpath "$top/dracut/90fve")" "$TMP/dracut/modules.d/90fve"
cp -as "$("$top/tests/vm/kernel" --print modules "$kernel")/." "$modules/"
cp -f "$BUILD/$release/dm-fve.ko" "$modules/updates/"
depmod -b "$TMP/modules" "$release"

DRACUT_PATH="/usr/sbin /usr/bin $BUILD" dracutbasedir=$TMP/dracut expect 0 \
	dracut --force --no-hostonly --no-compress \
	--no-early-microcode --kmoddir "$modules" --modules "base dm fve" "$TMP/initramfs" "$release"
lsinitrd "$TMP/initramfs" >"$TMP/out"
expect_text /fvesetup
expect_text libtss2-tcti-device.so.0
expect_text libcryptsetup.so
expect_text dm-fve.ko
expect_text aesni-intel.ko

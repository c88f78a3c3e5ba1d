#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: the dracut module puts fvesetup, the target and the TPM's library into an initramfs
# group: host boot
. "$(dirname "$0")/lib.sh"

kernel=${FVE_KERNEL:-6.1}
top=$here/../..
release=$("$top/tests/vm/kernel" --print release "$kernel")
modules=$TMP/modules/lib/modules/$release

# The machine's own /usr stays as it is: dracut is told of everything that is here.
mkdir -p "$TMP/dracut" "$modules/updates"
cp -as /usr/lib/dracut/. "$TMP/dracut/"
for module in 90fve 99zz-fve; do
	ln -sf "$(realpath "$top/dracut/$module")" "$TMP/dracut/modules.d/$module"
done
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

# Stock modules keep what is theirs, and lose what is ours.
export initdir=$TMP/image dracutsysrootdir=$TMP/sysroot
mkdir -p "$initdir/etc/cmdline.d" "$dracutsysrootdir/etc"
echo "root UUID=0a1b-2c - initrd" >"$dracutsysrootdir/etc/fvetab"
echo " rd.luks.uuid=luks-0a1b-2c rd.luks.uuid=luks-77-88 root=/dev/x" >"$initdir/etc/cmdline.d/90crypt.conf"
printf 'luks-a UUID=0a1b-2c none\nluks-b UUID=77-88 none\n' >"$initdir/etc/crypttab"
(. "$top/dracut/90fve/module-setup.sh" && release_from_stock)
cat "$initdir/etc/cmdline.d/90crypt.conf" "$initdir/etc/crypttab" >"$TMP/out"
! grep -q 0a1b-2c "$TMP/out" || fail "our volume was left to the stock module"
expect_text "rd.luks.uuid=luks-77-88 root=/dev/x"
expect_text "luks-b UUID=77-88 none"

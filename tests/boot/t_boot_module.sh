#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: without dm-fve.ko the root boots through dm-crypt and says so; target=fve refuses
# by-hand: two boots, three minutes, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

# make_initrd: without the target.
make_initrd() {
	"$here/initramfs" "$inst/tree" "$(basename "$inst"/tree/usr/lib/modules/*)" "$TMP/initrd" \
		--drivers "$("$here/initramfs" --drivers)" --omit-drivers "dm-fve"
}

cmdline+=" $force"
make_initrd
script "
journalctl -b -u fve-unlock --no-pager -o cat
dmsetup table root | cut -d ' ' -f 1-4
fvesetup status root
"
boot 0 --initrd "$TMP/initrd" --script "$TMP/script" "$asked" "type=$pass" \
	"expect=(module-missing)"
reported " crypt aes-xts-plain64"
reported "module-missing"

sed 's/initrd,timeout/initrd,target=fve,timeout/' "$inst/tree/etc/fvetab" >"$TMP/fvetab"
FVETAB=$TMP/fvetab make_initrd
boot 126 --initrd "$TMP/initrd" "$asked" "type=$pass" "expect=(module-missing)" \
	"${shell[@]:0:1}" monitor=quit

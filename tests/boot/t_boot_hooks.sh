#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: an initramfs without systemd asks on the console, boots, and is capped; so is its shell
# by-hand: two boots, five minutes, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

"$here/initramfs" "$inst/tree" "$(basename "$inst"/tree/usr/lib/modules/*)" "$TMP/initrd" \
	--drivers "$("$here/initramfs" --drivers)" --omit "systemd systemd-initrd dracut-systemd"
script "$(attempt)"
boot 0 --initrd "$TMP/initrd" --script "$TMP/script" "expect=(pcr-mismatch)" "$asked" "type=$pass"
reported "PCR 15 (cap after unlock)"
reported "unseal 2"

echo "=== a shell"
boot 0 --initrd "$TMP/initrd" --append "$cmdline rd.break=pre-udev" "expect=# " \
	"$(pcr15_typed)"
reported_capped

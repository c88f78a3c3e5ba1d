#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a changed command line is refused with its reason; recovery boots, and is capped
# by-hand: one boot, four minutes, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

script "
journalctl -b -u fve-unlock --no-pager -o cat
$(attempt)
"
boot 0 --append "$cmdline tampered" --script "$TMP/script" "expect=(pcr-mismatch)" \
	"expect=PCR 9 (initrd and kernel command line)" "$asked" "type=$recovery"
reported "(pcr-mismatch)"
reported "opened by protector recovery"
reported "unseal 2"
reported "PCR 15 (cap after unlock)"
[ "$(unseals)" = 0 ] || fail "the TPM was asked to unseal"

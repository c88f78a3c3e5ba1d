#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a missing disk ends in a capped shell within the configured time; a slow disk boots
# by-hand: two boots, three minutes, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

echo "=== a missing disk"
disks=()
boot 0 --append "$cmdline rd.fve.timeout=5 $force" "expect=is not there after 5 s" \
	"${shell[@]}" "$(pcr15_typed)"
reported_capped

echo "=== a slow disk"
disks=(--disk "$inst/disk,snapshot=on,bps=4000000" "${others[@]}")
script "journalctl -b -u fve-unlock --no-pager -o cat"
boot 0 --script "$TMP/script"
reported "opened by protector tpm2"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: with TPM and PIN, a wrong PIN is told with the tries left, and the right one opens
# by-hand: one boot, two minutes, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

own_disk
remove tpm2
script "
journalctl -b -u fve-unlock --no-pager -o cat
fvesetup open --test --protector tpm2-pin --pin-file /dev/stdin /dev/vda <<<123456 2>&1
echo unseal \$?
"
boot 0 --script "$TMP/script" "expect=PIN of /dev/vda" type=654321 "expect=(pin-wrong)" \
	"expect=left before the TPM locks" "expect=PIN of /dev/vda" type=123456
reported "(pin-wrong)"
reported "opened by protector tpm2-pin"
reported "unseal 2"

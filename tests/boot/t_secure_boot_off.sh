#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a root sealed under Secure Boot is refused when Secure Boot is switched off, and PCR 7 is named
# by-hand: three boots, three minutes, in make boot-tests
# group: boot secure-boot
# timeout: 3600
. "$(dirname "$0")/lib.sh"

own_disk
remove tpm2
remove tpm2-pin
cmdline+=" $force"
rm "$TMP/vars" # the firmware's snakeoil keys
signed=(--secure-boot --kernel "$("$here/../vm/sign" kernel "$(realpath "$inst/vmlinuz")")")

echo "=== sealed under Secure Boot; the module is not signed, and dm-crypt stands in"
script "
set -e
mokutil --sb-state 2>/dev/null || od -An -tx1 -j4 /sys/firmware/efi/efivars/SecureBoot-*
fvesetup protector add --key-file /root/pass /dev/vda tpm2
"
boot 0 "${signed[@]}" --script "$TMP/script" "$asked" "type=$pass" "expect=(module-missing)"

echo "=== it opens"
script "journalctl -b -u fve-unlock --no-pager -o cat"
boot 0 "${signed[@]}" --script "$TMP/script"
reported "opened by protector tpm2"

echo "=== Secure Boot off: no keys in the firmware"
cp /usr/share/OVMF/OVMF_VARS_4M.fd "$TMP/vars"
boot 0 "${signed[@]}" "expect=(pcr-mismatch)" "${wrong[@]}" "${shell[@]}" "$(journal_typed)"
said "PCR 7 (Secure Boot"
reported "(pcr-mismatch)"
reported "PCR 7 (Secure Boot"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a unified kernel image opens the root by PCR 11, and another command line in it does not
# by-hand: two boots and an enrolment, five minutes, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

# make_uki CMDLINE
make_uki() {
	printf '%s' "$1" >"$TMP/cmdline"
	mkdir -p "$TMP/esp/EFI/BOOT"
	"$here/../host/uki.py" /usr/lib/systemd/boot/efi/linuxx64.efi.stub "$TMP/esp/EFI/BOOT/BOOTX64.EFI" \
		.osrel="$inst/tree/usr/lib/os-release" .cmdline="$TMP/cmdline" .initrd="$inst/initrd" \
		.linux="$inst/vmlinuz"
}

own_disk
remove tpm2
remove tpm2-pin
esp=(--kernel "" --esp "fat:$TMP/esp")
make_uki "$cmdline"
script "
set -e
fvesetup protector add --key-file /root/pass /dev/vda tpm2
fvesetup dump /dev/vda
"
boot 0 "${esp[@]}" --script "$TMP/script" "$asked" "type=$pass"
script "
journalctl -b -u fve-unlock --no-pager -o cat
$(attempt)
"
boot 0 "${esp[@]}" --script "$TMP/script"
reported "opened by protector tpm2"
reported "(capped)"
reported "unseal 2"

make_uki "$cmdline tampered"
boot 126 "${esp[@]}" "expect=(pcr-mismatch)" "expect=PCR 11 (unified kernel image)" "$asked" \
	monitor=quit

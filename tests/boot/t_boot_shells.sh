#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: whoever gets a shell in the initramfs finds the TPM capped: no answer, rd.break
# by-hand: three boots, five minutes, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

echo "=== no PIN, and wrong answers to the question after it"
own_disk
remove tpm2
boot 0 "expect=PIN of /dev/vda" "type=" "${wrong[@]}" "${shell[@]}" \
	"type=(echo 123456 >/pin; fvesetup open --test --protector tpm2-pin --pin-file /pin /dev/vda; echo unseal \$?) >/dev/ttyS1 2>&1; echo status 0 >/dev/ttyS1; $off"
reported "(capped)"
reported "unseal 2"

echo "=== rd.break before anything is unlocked"
disks=(--disk "$inst/disk,snapshot=on" "${others[@]}")
boot 0 --append "$cmdline rd.break=pre-trigger" "${shell[@]}" "$(pcr15_typed)"
reported_capped

echo "=== rd.break after that"
boot 0 --append "$cmdline rd.break=pre-mount" "$asked" "type=$pass" "${shell[@]}" \
	"$(attempt_typed)"
reported "PCR 15 (cap after unlock)"
reported "unseal 2"

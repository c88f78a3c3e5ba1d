#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: each change of the machine is refused with its own reason, on the console and in the journal, and somebody is asked
# by-hand: eight boots, most of them as far as the question, twelve minutes, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

# is_refused REASON [OPTION or STEP...]: on the console, and then the question.
is_refused() {
	echo "=== $1: ${*:2}"
	boot 126 "${@:2}" "expect=($1)" "$asked" monitor=quit
}

# The same, and in the journal, which the booted system has then.
refused_in_journal() {
	echo "=== $1: ${*:2}"
	script "journalctl -b -u fve-unlock --no-pager -o cat"
	boot 0 --script "$TMP/script" "${@:2}" "expect=($1)" "$asked" "type=$pass"
	reported "($1)"
}

# As somebody's other software does: its storage root key at the usual handle.
make_srk() {
	tpm2_createprimary -Q -C o -G ecc -c "$TMP/srk"
	tpm2_evictcontrol -Q -C o -c "$TMP/srk" 0x81000001
}

# As many wrong passwords as the TPM takes.
lock_out() {
	tpm2_createprimary -Q -C o -G ecc -c "$TMP/primary"
	tpm2_flushcontext -t
	echo secret | tpm2_create -Q -C "$TMP/primary" -p right -i - -u "$TMP/pub" -r "$TMP/priv"
	tpm2_flushcontext -t
	tpm2_load -Q -C "$TMP/primary" -u "$TMP/pub" -r "$TMP/priv" -c "$TMP/object"
	for _ in $(seq 40); do
		! tpm2_unseal -Q -c "$TMP/object" -p wrong 2>/dev/null || fail "a wrong password unseals"
		tpm2_flushcontext -t # what a refusal leaves loaded: three fill the TPM
	done
	tpm2_getcap properties-variable | grep -q 'inLockout: *1' || fail "the TPM is not locked"
}

echo "=== another command line; three wrong answers, and the boot goes on: the right one, and the TPM is capped"
script "$(attempt)"
boot 0 --append "$cmdline tampered" --script "$TMP/script" "expect=(pcr-mismatch)" "${wrong[@]}" "${go_on[@]}" \
	"type=$pass"
said "PCR 9 (initrd and kernel command line)"
reported "unseal 2"
reported "(capped)"

echo "=== no TPM"
is_refused tpm-absent --tpm ""

echo "=== a TPM that was cleared"
with_tpm tpm2_clear -Q -c platform
is_refused tpm-cleared

echo "=== another TPM, whose owner uses it"
rm -rf "$TMP/tpm"
mkdir "$TMP/tpm"
swtpm_setup --tpm2 --tpmstate "$TMP/tpm" --pcr-banks sha256 >/dev/null
with_tpm make_srk
is_refused tpm-other
rm -rf "$TMP/tpm"
cp -r "$inst/tpm" "$TMP/tpm"

echo "=== another initrd"
cp "$inst/initrd" "$TMP/initrd"
head -c 512 /dev/zero >>"$TMP/initrd"
is_refused pcr-mismatch --initrd "$TMP/initrd"
said "PCR 9 (initrd and kernel command line)"

echo "=== another kernel"
{ cat "$inst/vmlinuz" && head -c 512 /dev/zero; } >"$TMP/vmlinuz" # the same, so that its modules fit
is_refused pcr-mismatch --kernel "$TMP/vmlinuz"
said "PCR 4 (boot loader and kernel image)"

echo "=== lockout: nobody is asked for a PIN that the TPM would not look at"
own_disk
remove tpm2
with_tpm lock_out
refused_in_journal tpm-locked-out
not_said "PIN of"

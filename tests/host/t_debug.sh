#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: --debug tells what a report of a bug needs (TPM handles, PCRs with their bank, approvals, keyslots tried, reasons), and no secret in any spelling
# group: host tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
printf '13579246' >"$TMP/pin"
start_tpm "$TMP/tpm"
measure_boot
new_image "$image"
debug() {
	local status=$1
	shift
	expect "$status" "$fvesetup" "$@" --debug --tpm "$tpm"
	cat "$TMP/out" >>"$TMP/all"
}

echo "--- every way to make and to open"
printf 'correct horse' >"$TMP/pass"
debug 0 format --batch-mode "${cheap[@]}" --key-file "$TMP/pass" --recovery-file "$image.rec" \
	--protector passphrase --protector tpm2 --protector tpm2-pin --pin-file "$TMP/pin" \
	--protector startup-key --startup-key-file "$TMP/key" "$image"
debug 0 open --test "$image"
for text in "fvesetup $("$fvesetup" --version | cut -d ' ' -f 2) open, Linux" "TPM: swtpm:" 'SRK at handle 0x81000001, Name 000b' \
	'PCR 4, bank sha256: ' 'PCR 15, bank sha256: 0000' 'NV index 0x1' "the volume's counter" \
	'trying protector tpm2' 'approved boots; nearest' 'header MAC right'; do
	expect_text "$text"
done
debug 0 open --test --protector tpm2-pin --pin-file "$TMP/pin" "$image"
debug 2 open --test --protector tpm2-pin --pin-file "$TMP/pass" "$image"
debug 0 open --test --key-file "$image.rec" "$image"
expect_text 'keyslot 3: opened'
debug 0 open --test --key-file "$TMP/pass" "$image"
expect_text ': the secret does not open it' # a passphrase is tried on the recovery password's keyslot last
debug 0 open --test --protector startup-key --startup-key-file "$TMP/key" "$image"
printf 'not this one' >"$TMP/wrong"
debug 2 open --test --key-file "$TMP/wrong" "$image"
measure 9 "another initrd"
debug 2 open --test --protector tpm2 "$image"
expect_text 'of these 0x200 differ'
expect_text pcr-mismatch
debug 0 rotate vmk --key-file "$TMP/pass" "$image"
debug 0 protector add --key-file "$TMP/pass" "$image" tpm2-key --new-key-file "$TMP/second"

echo "--- no key of the volume is in it, as bytes or in hexadecimal digits"
# Each run of such digits as bytes, too, from both parities.
/usr/bin/python3 - "$TMP/all" >"$TMP/bytes" <<'END'
import re, sys
text = open(sys.argv[1], "rb").read()
sys.stdout.buffer.write(text)
for run in re.findall(rb"[0-9a-fA-F]{16,}", text):
    for digits in run, run[1:]:
        sys.stdout.buffer.write(b"\n" + bytes.fromhex(digits[:len(digits) // 2 * 2].decode()))
END
expect 0 /usr/bin/python3 "$here/fve_keys.py" --pin "$TMP/pin" "$image" "$TMP/pass" "$TMP/all" "$TMP/bytes"
for secret in "$(cat "$TMP/pass")" "$(cat "$TMP/pin")" "$(cat "$TMP/wrong")" "$(cat "$image.rec")" \
	"$(cut -d - -f 1,2 "$image.rec")" "$(xxd -p -c 64 "$TMP/key")" "$(xxd -p -c 64 "$TMP/second")"; do
	! grep -qF -- "$secret" "$TMP/all" || fail "a secret is in the output of --debug"
done
echo "--- positive control: a key in digits is found"
{
	cat "$TMP/bytes"
	/usr/bin/python3 "$here/fve_keys.py" --pin "$TMP/pin" "$image" "$TMP/pass" |
		awk '/^VMK/ { print $NF }' | head -n 1 | xxd -r -p
} >"$TMP/with"
expect 1 /usr/bin/python3 "$here/fve_keys.py" --pin "$TMP/pin" "$image" "$TMP/pass" "$TMP/with"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: status of a closed volume tells whether the TPM would release its key now, the tries left, and what the header shows of its MAC
# group: host fast tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
printf '13579246' >"$TMP/pin"

# One value of the status, by the jq filter $1.
status() {
	"$fvesetup" status --json --tpm "$tpm" "$image" | jq -r "$1"
}

start_tpm "$TMP/tpm"
measure_boot
new_image "$image"
format "$image" --tpm "$tpm" --protector tpm2 --protector tpm2-pin --pin-file "$TMP/pin" --label mine
before=$(sha256sum <"$image")

echo "--- as approved"
expect 0 "$fvesetup" status --tpm "$tpm" "$image"
expect_text 'is closed'
expect_text 'would release its key now; 32 of 32 tries left'
[ "$(status '.state, .name, .label, .mac' | paste -s -d ' ')" = "closed null mine present" ] || fail "other values"
[ "$(status '[.protectors[] | select(.kind | startswith("tpm2")).tpm_would_release] | all')" = true ] ||
	fail "the TPM would not release"
[ "$(status '.protectors[] | select(.kind == "passphrase").tpm_would_release')" = null ] || fail "not null"

echo "--- a wrong PIN is seen; asking costs no try"
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$TMP/pass" "$image"
[ "$(status '.protectors[] | select(.kind == "tpm2-pin").tries_left')" = 31 ] || fail "other tries"
[ "$(status '.protectors[] | select(.kind == "tpm2-pin").tries_left')" = 31 ] || fail "status cost a try"

echo "--- another boot, and no TPM"
measure 9 "another initrd"
[ "$(status '.protectors[] | select(.kind == "tpm2") | .tpm_would_release, .reason' | paste -s -d ' ')" = \
	"false pcr-mismatch" ] || fail "other verdict"
expect 0 "$fvesetup" status --tpm device:/nonexistent "$image"
expect_text tpm-absent
[ "$before" = "$(sha256sum <"$image")" ] || fail "status changed the image"

echo "--- the header's MAC: missing, and a protector that cannot be read"
mac=$(cryptsetup luksDump --dump-json-metadata "$image" | jq -r '.tokens | to_entries[] | select(.value.type == "fve-mac").key')
cryptsetup token remove --token-id "$mac" "$image"
[ "$(status .mac)" = missing ] || fail "a missing MAC is not seen"
expect 4 "$fvesetup" status "$TMP/pass"
expect 4 "$fvesetup" status no-such-name

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: status of a closed volume begins with its protection and tells whether the TPM would release its key now, the tries left, and what the header shows of its MAC
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
[ "$(head -n 1 "$TMP/out")" = 'Protection:     On' ] || fail "it does not begin with the protection"
expect_text '4.0 MiB, from 16.0 MiB on'
[ "$(status '.protection, .protection_boots_left, .size, .data_offset, .sector_size' | paste -s -d ' ')" = \
	"on null 4194304 16777216 4096" ] || fail "other values"
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

echo "--- an image file by its bare name, as all other actions take it"
cd "$TMP"
expect 0 "$fvesetup" status --tpm "$tpm" volume.img
expect_text 'volume.img is closed'
expect 4 "$fvesetup" status no-such.img
expect_text 'no open volume no-such.img'

echo "--- who is not root is told what could not be seen, and sees the rest"
chmod 755 "$TMP"
chmod 644 volume.img
# A copy, since what leads to the build directory may be closed to others.
cp "$fvesetup" "$TMP/fvesetup"
anybody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$TMP/fvesetup" "$@"
}
expect 0 anybody list
expect 0 anybody list --json
jq -e '.volumes and .unseen' "$TMP/out" >/dev/null || fail "list: no JSON"
expect 0 anybody status
expect 0 anybody status --tpm device:/nonexistent volume.img
expect_text 'Protection:     On'


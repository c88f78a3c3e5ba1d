#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a startup key opens alone where it is a protector of its own, and with the TPM only where both are asked for
# group: host fast tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/unseal.sh
. "$here/unseal.sh"

image=$TMP/volume.img

# Open with startup key file $1, by protector $2 or any; nobody is there to ask.
key_open() {
	"$fvesetup" open --test --tpm "$tpm" --startup-key-file "$1" ${2:+--protector "$2"} \
		"$image" </dev/null
}

start_tpm "$TMP/tpm"
measure_boot

echo "--- format makes the file, and only once"
new_image "$image"
format "$image" --protector startup-key,label=stick --startup-key-file "$TMP/key"
[ "$(stat -c '%s %a' "$TMP/key")" = '32 600' ] || fail "the key is not 32 bytes for its owner only"
before=$(sha256sum <"$image")
expect 5 "$fvesetup" protector add --key-file "$TMP/pass" --new-key-file "$TMP/key" "$image" startup-key
expect_text 'exists'
expect 5 "$fvesetup" format -q --protector startup-key --startup-key-file "$TMP/key" "$image"
expect 1 "$fvesetup" format -q --protector startup-key "$image"
expect_text '--startup-key-file goes with'
expect 1 "$fvesetup" protector add --key-file "$TMP/pass" "$image" tpm2-key
expect_text 'needs --new-key-file'
expect 4 "$fvesetup" protector add --tpm device:/nonexistent --key-file "$TMP/pass" \
	--new-key-file "$TMP/unused" "$image" tpm2-key
[ ! -e "$TMP/unused" ] || fail "a startup key was left that opens nothing"
[ "$before" = "$(sha256sum <"$image")" ] || fail "a refusal changed the image"

echo "--- it opens here, and with stock cryptsetup"
expect 0 key_open "$TMP/key"
expect 0 "$fvesetup" open --test --key-file "$TMP/key" "$image"
expect 0 cryptsetup open --test-passphrase --key-file "$TMP/key" "$image"
slot=$("$fvesetup" protector list --json "$image" |
	jq -r '.protectors[] | select(.kind == "startup-key").keyslot')
cryptsetup luksDump --dump-json-metadata "$image" |
	jq -e ".keyslots[\"$slot\"].kdf | .type == \"pbkdf2\" and .iterations == 1000" >/dev/null ||
	fail "a random key is stretched"

echo "--- absent, short, and wrong keys are told, and others may open"
expect 2 key_open /nonexistent
expect_text 'cannot open the key file'
head -c 31 "$TMP/key" >"$TMP/short"
expect 2 key_open "$TMP/short"
expect_text 'is no startup key'
head -c 32 /dev/urandom >"$TMP/wrong"
expect 2 key_open "$TMP/wrong"
expect_text secret-wrong
expect 0 "$fvesetup" open --test --startup-key-file "$TMP/wrong" "$image" <"$TMP/pass"

echo "--- tpm2-key: both are needed, no try is counted, no prompt is made"
expect 0 "$fvesetup" protector add --tpm "$tpm" --startup-key-file "$TMP/key" \
	--new-key-file "$TMP/both" "$image" tpm2-key
expect 0 key_open "$TMP/both" tpm2-key
expect 2 key_open "$TMP/wrong" tpm2-key
expect_text secret-wrong
expect 2 key_open "$TMP/key" tpm2-key
expect_text secret-wrong
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-key "$image" </dev/null
expect_text key-absent
expect 2 "$fvesetup" open --test --tpm device:/nonexistent --protector tpm2-key \
	--startup-key-file "$TMP/both" "$image" </dev/null
expect_text tpm-absent
expect 2 cryptsetup open --test-passphrase --key-file "$TMP/both" "$image"
[ $(($(tpm2_getcap properties-variable | sed -n 's/^TPM2_PT_LOCKOUT_COUNTER: *//p'))) = 0 ] ||
	fail "a wrong startup key counted as a try"

echo "--- a second reader, tpm2-tools: the same KEK from policy, authValue and half, as documented"
token=$("$fvesetup" protector list --json "$image" |
	jq '.protectors[] | select(.kind == "tpm2-key").token')
cryptsetup token export --token-id "$token" "$image" >"$TMP/token"
expect 0 /usr/bin/python3 "$here/fve_keys.py" --startup-key "$TMP/both" "$image" "$TMP/pass"
cp "$TMP/out" "$TMP/keys"
same_kek "$image" "$TMP/token" "$TMP/keys"

echo "--- the TPM's own refusals stay"
stop_tpm
start_tpm "$TMP/tpm"
measure_boot "another command line"
expect 2 key_open "$TMP/both" tpm2-key
expect_text pcr-mismatch

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: after "rotate vmk" with nobody present every protector opens, the old VMK does not, and no sealed key changed; "rotate recovery" kills the old password only when the new one is in somebody's hands
# group: host tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
printf '13579246' >"$TMP/pin"

json() {
	cryptsetup luksDump --dump-json-metadata "$image"
}

# The VMK, as the second reader finds it, into file $1.
vmk() {
	/usr/bin/python3 "$here/fve_keys.py" "$image" "$TMP/pass" | sed -n 's/^VMK //p' | xxd -r -p >"$1"
	[ "$(stat -c %s "$1")" = 32 ] || fail "no VMK was found"
}

# Everything opens, and the second reader agrees on keys and MAC.
all_open() {
	expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$image" </dev/null
	expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$TMP/pin" "$image"
	expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-key \
		--startup-key-file "$TMP/key" "$image" </dev/null
	expect 0 cryptsetup open --test-passphrase --key-file "$TMP/pass" "$image"
	expect 0 cryptsetup open --test-passphrase --key-file "$TMP/rec" "$image"
	expect 0 /usr/bin/python3 "$here/fve_keys.py" "$image" "$TMP/pass"
	expect 0 /usr/bin/python3 "$here/fve_keys.py" --mac "$image" "$TMP/pass"
}

start_tpm "$TMP/tpm"
measure_boot
new_image "$image"
format "$image" --tpm "$tpm" "${cheap[@]}" --protector tpm2 --protector tpm2-pin \
	--pin-file "$TMP/pin" --protector tpm2-key --startup-key-file "$TMP/key"
cp "$image.rec" "$TMP/rec"
all_open

echo "--- the VMK, authenticated by the TPM alone"
vmk "$TMP/vmk1"
expect 0 cryptsetup open --test-passphrase --key-file "$TMP/vmk1" "$image"
sealed=$(json | jq -c '.tokens[] | [.public, .private | strings]')
persons=$(json | jq -c '[.keyslots[] | select(.kdf.type == "argon2id")]')
expect 0 "$fvesetup" rotate vmk --tpm "$tpm" "$image" </dev/null
expect_text 'generation 2'
all_open
expect 2 cryptsetup open --test-passphrase --key-file "$TMP/vmk1" "$image"
vmk "$TMP/vmk2"
expect 0 cryptsetup open --test-passphrase --key-file "$TMP/vmk2" "$image"
[ "$(json | jq '[.tokens[] | select(.generation) | .generation] | unique == [2]')" = true ] ||
	fail "a token is left behind"
[ "$sealed" != "$(json | jq -c '.tokens[] | [.public, .private | strings]')" ] ||
	fail "the policy key is not wrapped again"
[ "$(jq -c 'select(length == 2)' <<<"$sealed")" = \
	"$(json | jq -c '.tokens[] | [.public, .private | strings] | select(length == 2)')" ] ||
	fail "a sealed key changed"
[ "$persons" = "$(json | jq -c '[.keyslots[] | select(.kdf.type == "argon2id")]')" ] ||
	fail "a person's keyslot changed"

echo "--- the policy key approves and the next generation follows"
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2,label=more
expect 0 "$fvesetup" rotate vmk --key-file "$TMP/pass" "$image"
all_open

echo "--- the recovery password, to a file"
expect 0 "$fvesetup" rotate recovery --recovery-file "$TMP/rec2" --key-file "$TMP/rec" "$image"
expect 2 cryptsetup open --test-passphrase --key-file "$TMP/rec" "$image"
mv "$TMP/rec2" "$TMP/rec"
all_open

echo "--- printed: nothing is removed before somebody has it"
before=$(sha256sum <"$image")
expect 1 "$fvesetup" rotate recovery --key-file "$TMP/rec" "$image" </dev/null
expect_text 'nobody can be asked'
[ "$before" = "$(sha256sum <"$image")" ] || fail "a refusal changed the image"
expect 1 /usr/bin/python3 "$here/typist.py" no -- \
	"$fvesetup" rotate recovery --key-file "$TMP/rec" "$image"
expect_text 'the old one still opens'
grep -oE '([0-9]{6}-){7}[0-9]{6}' "$TMP/out" | tr -d '\n' >"$TMP/rec2"
[ -s "$TMP/rec2" ] || fail "no password was printed"
expect 2 cryptsetup open --test-passphrase --key-file "$TMP/rec2" "$image"
all_open
expect 0 /usr/bin/python3 "$here/typist.py" YES -- \
	"$fvesetup" rotate recovery --key-file "$TMP/rec" "$image"
cp "$TMP/rec" "$TMP/rec.old"
grep -oE '([0-9]{6}-){7}[0-9]{6}' "$TMP/out" | tr -d '\n' >"$TMP/rec"
expect 2 cryptsetup open --test-passphrase --key-file "$TMP/rec.old" "$image"
all_open

echo "--- which, where there are several"
expect 0 "$fvesetup" protector add --recovery-file "$TMP/rec3" --key-file "$TMP/pass" "$image" recovery
expect 1 "$fvesetup" rotate recovery --recovery-file "$TMP/rec4" --key-file "$TMP/pass" "$image"
expect_text 'say which'
[ ! -e "$TMP/rec4" ] || fail "a password was written that opens nothing"
id=$("$fvesetup" protector list --json "$image" |
	jq -r '[.protectors[] | select(.kind == "recovery").id][1]')
expect 0 "$fvesetup" rotate recovery --recovery-file "$TMP/rec4" --key-file "$TMP/pass" "$image" "$id"
expect 0 cryptsetup open --test-passphrase --key-file "$TMP/rec4" "$image"
expect 1 "$fvesetup" rotate recovery --recovery-file "$TMP/rec5" --key-file "$TMP/pass" "$image" \
	"$("$fvesetup" protector list --json "$image" | jq -r '[.protectors[] | select(.kind == "passphrase").id][0]')"

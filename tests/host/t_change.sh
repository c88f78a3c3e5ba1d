#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a changed secret opens and the old one does not, nothing else changes, and "protector test" tells which opens
# group: host tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
printf '13579246' >"$TMP/pin"
printf '24681357' >"$TMP/pin2"
printf 'battery staple' >"$TMP/pass2"

# The id of the protector of kind $1.
id_of() {
	"$fvesetup" protector list --json "$image" |
		jq -r --arg kind "$1" '.protectors[] | select(.kind == $kind).id'
}

# change KIND OPTION...: unlocked by the recovery password.
change() {
	local kind=$1
	shift
	"$fvesetup" protector change "${cheap[@]}" --tpm "$tpm" --key-file "$TMP/rec" "$@" \
		"$image" "$(id_of "$kind")"
}

# The verdict on the protector of kind $1, in $TMP/out from "protector test --json".
verdict() {
	jq -r --arg kind "$1" '.protectors[] | select(.kind == $kind).verdict' "$TMP/out"
}

start_tpm "$TMP/tpm"
measure_boot
new_image "$image"
format "$image" --tpm "$tpm" "${cheap[@]}" --protector tpm2 --protector tpm2-pin,label=desk \
	--pin-file "$TMP/pin" --protector startup-key --startup-key-file "$TMP/key"
cp "$image.rec" "$TMP/rec"

echo "--- test: what opens by itself opens, what needs a secret says so, and no try is taken"
expect 0 "$fvesetup" protector test --tpm "$tpm" --json "$image"
[ "$(verdict tpm2) $(verdict tpm2-pin) $(verdict passphrase) $(verdict startup-key)" = \
	"opens ready untested untested" ] || fail "other verdicts"
expect 0 "$fvesetup" protector test --tpm "$tpm" --startup-key-file "$TMP/key" --json "$image"
[ "$(verdict startup-key)" = opens ] || fail "the startup key is not tested"
expect 2 "$fvesetup" protector test --tpm device:/nonexistent "$image"
expect_text 'refused'
expect_text 'tpm-absent'
expect 0 "$fvesetup" protector test --pin-file "$TMP/pin" --tpm "$tpm" "$image" "$(id_of tpm2-pin)"
expect_text opens
expect 2 "$fvesetup" protector test --pin-file "$TMP/pin2" --tpm "$tpm" "$image" "$(id_of tpm2-pin)"
expect_text pin-wrong
expect 0 "$fvesetup" protector test --key-file "$TMP/pass" "$image" "$(id_of passphrase)"
expect 2 "$fvesetup" protector test --key-file "$TMP/pass" "$image" "$(id_of recovery)"
expect 4 "$fvesetup" protector test "$image" deadbeef

echo "--- what cannot be changed is refused, and nothing changes"
before=$(sha256sum <"$image")
expect 1 change tpm2
expect_text 'no secret that could be changed'
expect 1 change tpm2-pin --new-key-file <(printf 12345)
expect 1 change startup-key
expect_text 'needs --new-key-file'
expect 5 change startup-key --new-key-file "$TMP/key"
expect 2 "$fvesetup" protector change --key-file "$TMP/pass2" --new-key-file "$TMP/pass2" "$image" \
	"$(id_of passphrase)"
expect 4 "$fvesetup" protector change --key-file "$TMP/pass" "$image" deadbeef
[ "$before" = "$(sha256sum <"$image")" ] || fail "a refusal changed the image"

echo "--- passphrase"
expect 0 change passphrase --new-key-file "$TMP/pass2"
expect 0 "$fvesetup" open --test --key-file "$TMP/pass2" "$image"
expect 2 "$fvesetup" open --test --key-file "$TMP/pass" "$image"

echo "--- PIN, with its label, and unlocked by the old one"
expect 0 "$fvesetup" protector change "${cheap[@]}" --tpm "$tpm" --protector tpm2-pin \
	--pin-file "$TMP/pin" --new-key-file "$TMP/pin2" "$image" "$(id_of tpm2-pin)"
expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$TMP/pin2" "$image"
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$TMP/pin" "$image"
expect_text pin-wrong
"$fvesetup" protector list "$image" | grep -q 'tpm2-pin.*desk$' || fail "the label is gone"

echo "--- recovery password and startup key"
expect 0 change recovery --recovery-file "$TMP/rec2"
expect 2 "$fvesetup" open --test --key-file "$TMP/rec" "$image"
mv "$TMP/rec2" "$TMP/rec"
expect 0 "$fvesetup" open --test --key-file "$TMP/rec" "$image"
expect 0 change startup-key --new-key-file "$TMP/key2"
expect 0 "$fvesetup" open --test --key-file "$TMP/key2" "$image"
expect 2 "$fvesetup" open --test --key-file "$TMP/key" "$image"
[ "$("$fvesetup" protector list --json "$image" | jq '.protectors | length')" = 5 ] ||
	fail "another number of protectors than before"

echo "--- a change approves no boot state, and is refused in one that is not approved"
tpm2_shutdown --clear
stop_tpm
start_tpm "$TMP/tpm"
measure_boot "another command line"
before=$(sha256sum <"$image")
expect 2 change tpm2-pin --new-key-file "$TMP/pin"
expect_text pcr-mismatch
[ "$before" = "$(sha256sum <"$image")" ] || fail "a refusal changed the image"

echo "--- in a boot that is capped, as a running system is, the new PIN is good from the next one"
tpm2_shutdown --clear
stop_tpm
start_tpm "$TMP/tpm"
measure_boot
measure 15 cap
expect 0 change tpm2-pin --new-key-file "$TMP/pin"
expect_text 'first tried at the next boot'
tpm2_shutdown --clear
stop_tpm
start_tpm "$TMP/tpm"
measure_boot
expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$TMP/pin" "$image"

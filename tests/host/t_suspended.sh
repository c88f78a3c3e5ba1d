#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: suspended protection opens in so many boots and no more, however the machine boots, without a key in the clear on disk
# group: host tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
new_image "$image"
format "$image"
printf '13579246' >"$TMP/pin"

suspended_open() {
	"$fvesetup" open --test --tpm "$tpm" --protector suspended "$image"
}

disable() {
	"$fvesetup" protector disable --tpm "$tpm" --key-file "$TMP/pass" "$@" "$image"
}

left() {
	("$fvesetup" tpm status --json --tpm "$tpm" "$image" || true) |
		jq -r '.protectors[] | select(.kind == "suspended") | .boots_left // .reason'
}

# boot TEXT: off and on again, by a power cut as often as not.
boot() {
	((RANDOM % 2)) && tpm2_shutdown --clear
	stop_tpm
	start_tpm "$TMP/tpm"
	measure_boot "$@"
}

RANDOM=${FVE_SEED:-1}
start_tpm "$TMP/tpm"
measure_boot
expect 0 "$fvesetup" protector add "${cheap[@]}" --tpm "$tpm" --key-file "$TMP/pass" \
	--new-key-file "$TMP/pin" "$image" tpm2-pin

echo "--- refused: more boots than BitLocker allows, and it is no kind to be added"
expect 1 disable --boots 16
expect 1 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" suspended
expect 4 "$fvesetup" protector enable --key-file "$TMP/pass" "$image"
expect_text 'not suspended'

boots=$((RANDOM % 3 + 1))
echo "--- suspended for $boots boots: they open, each with another boot chain and without the PIN"
expect 0 disable --boots "$boots"
[ "$(left)" = "$boots" ] || fail "$(left) boots left at first"
for i in $(seq "$boots"); do
	boot "update $i"
	expect 0 suspended_open
	expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" </dev/null
	[ "$(left)" = $((boots - i)) ] || fail "$(left) boots left after $i of $boots"
	measure 15 cap
	expect 2 suspended_open
	expect_text capped
done

echo "--- nothing in the image opens it: no VMK, no KEK, no FVEK"
expect 0 /usr/bin/python3 "$here/fve_keys.py" --pin "$TMP/pin" "$image" "$TMP/pass" "$image"
expect_text 'for 7 keys' # FVEK, VMK, two KEKs, PIN, authValue, half
echo "--- positive control: the search finds a VMK in an image"
{ cat "$image"; /usr/bin/python3 "$here/fve_keys.py" --pin "$TMP/pin" "$image" "$TMP/pass" |
	awk '/^VMK/ { print $NF }' | head -n 1 | xxd -r -p; } >"$TMP/with"
expect 1 /usr/bin/python3 "$here/fve_keys.py" --pin "$TMP/pin" "$image" "$TMP/pass" "$TMP/with"
expect_text 'windows of VMK'

echo "--- one boot more: refused, and said; the PIN and the recovery password open"
boot "one too many"
expect 2 suspended_open
expect_text suspend-expired
[ "$(left)" = suspend-expired ] || fail "status says: $(left)"
expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" <"$image.rec"
boot
expect 2 suspended_open
expect_text suspend-expired
expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$TMP/pin" "$image"

echo "--- again: the expired one is replaced; resumed: gone"
expect 0 disable
[ "$("$fvesetup" protector list --json "$image" | jq '[.protectors[] | select(.kind == "suspended")] | length')" = 1 ] ||
	fail "there is not exactly one"
boot "another"
expect 0 suspended_open
expect 0 "$fvesetup" protector enable --key-file "$TMP/pass" "$image"
expect 4 suspended_open

echo "--- another TPM, and a cleared one"
expect 0 disable --boots 3
stop_tpm
start_tpm "$TMP/other"
expect 2 suspended_open
expect_text tpm-cleared
stop_tpm
start_tpm "$TMP/tpm"
tpm2_clear
expect 2 suspended_open
expect_text tpm-cleared
echo "all as expected"

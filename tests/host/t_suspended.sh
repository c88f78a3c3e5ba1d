#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: suspended protection opens in so many boots and no more, however the machine boots and the TPM sleeps before, without a key in the clear on disk
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

# seal_as_before: put what an older version sealed in the token's place: its key under a policy
# that asks for no number of restarts.
seal_as_before() {
	local dir=$TMP/before
	mkdir -p "$dir"
	/usr/bin/python3 "$here/fve_keys.py" --pin "$TMP/pin" "$image" "$TMP/pass" |
		sed -n "s/^KEK $(token_member id) //p" | xxd -r -p >"$dir/kek"
	tpm2_startauthsession -S "$dir/session"
	tpm2_policypcr -S "$dir/session" -l sha256:15
	tpm2_policycountertimer -S "$dir/session" -L "$dir/policy" --ule \
		resets="$(token_member reset_limit)"
	tpm2_flushcontext "$dir/session"
	tpm2_create -C 0x81000001 -a 'fixedtpm|fixedparent|adminwithpolicy|noda' -L "$dir/policy" \
		-i "$dir/kek" -u "$dir/public" -r "$dir/private"
	/usr/bin/python3 "$here/luks2_edit.py" "$image" json "
import base64
t = [t for t in h['tokens'].values() if t['type'] == 'fve-suspended'][0]
t.pop('restart_limit', None)
for name in 'public', 'private':
    t[name] = base64.b64encode(open('$dir/' + name, 'rb').read()).decode()"
}

token_member() {
	cryptsetup luksDump --dump-json-metadata "$image" |
		jq -r -e ".tokens[] | select(.type == \"fve-suspended\").$1"
}

# protection WANTED: what status begins with.
protection() {
	local said
	said=$("$fvesetup" status --tpm "${2:-$tpm}" "$image" | head -n 1)
	[ "$said" = "Protection:     $1" ] || fail "status begins with: $said"
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

add() {
	"$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" "$1"
}

echo "--- refused: more boots than BitLocker allows, or what is no number of them, in either spelling"
expect 1 disable --boots 16
for boots in 0 16 -1 1x ''; do
	expect 1 add "suspended,boots=$boots"
	expect_text 'does not take boots'
done
expect 1 add suspended,pcrs=7
expect 1 add tpm2,boots=2
expect 1 "$fvesetup" format --batch-mode --protector suspended "$TMP/none.img"
expect_text 'goes with protector add'
expect 4 "$fvesetup" protector enable --key-file "$TMP/pass" "$image"
expect_text 'not suspended'

boots=$((RANDOM % 3 + 1))
echo "--- suspended for $boots boots: they open, each with another boot chain and without the PIN"
protection On
expect 0 disable --boots "$boots"
[ "$(left)" = "$boots" ] || fail "$(left) boots left at first"
protection "Off ($boots $([ "$boots" = 1 ] && echo boot || echo boots) left)"
protection 'Off (the TPM that counts the boots is not here)' device:/nonexistent
[ "$("$fvesetup" status --json --tpm "$tpm" "$image" | jq -r '"\(.protection) \(.protection_boots_left)"')" = "off $boots" ] ||
	fail "other JSON"
for i in $(seq "$boots"); do
	boot "update $i"
	expect 0 suspended_open
	expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" </dev/null
	[ "$(left)" = $((boots - i)) ] || fail "$(left) boots left after $i of $boots"
	[ "$i" != "$boots" ] || protection 'Off (until the next boot)'
	measure 15 cap
	[ "$i" != "$boots" ] || protection On # capped in the last boot: for good
	expect 2 suspended_open
	expect_text capped
done

echo "--- nothing in the image opens it: no VMK, no KEK, no FVEK"
expect 0 /usr/bin/python3 "$here/fve_keys.py" --pin "$TMP/pin" "$image" "$TMP/pass" "$image"
expect_text 'for 8 keys' # FVEK, VMK, two KEKs, PIN, authValue, half, lockoutAuth
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
protection On
expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" <"$image.rec"
boot
expect 2 suspended_open
expect_text suspend-expired
expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$TMP/pin" "$image"

echo "--- again, as a protector that is added: the expired one is replaced; resumed: gone"
expect 0 add suspended,boots=2,label=update
expect_text 'suspended for the next 2 boots'
[ "$(left)" = 2 ] || fail "$(left) boots left of 2"
[ "$("$fvesetup" protector list --json "$image" | jq -r '.protectors[] | select(.kind == "suspended").label')" = update ] ||
	fail "its label is not kept"
expect 0 add suspended
[ "$(left)" = 1 ] || fail "$(left) boots left of one"
[ "$("$fvesetup" protector list --json "$image" | jq '[.protectors[] | select(.kind == "suspended")] | length')" = 1 ] ||
	fail "there is not exactly one"
boot "another"
expect 0 suspended_open
expect 0 "$fvesetup" protector enable --key-file "$TMP/pass" "$image"
expect 4 suspended_open

echo "--- boots that are no reset of the TPM, after TPM2_Shutdown(STATE): not counted, and refused"
expect 0 disable --boots 1
for i in $(seq 5); do
	tpm2_shutdown
	stop_tpm
	start_tpm "$TMP/tpm"
	measure_boot "uncounted $i"
	expect 2 suspended_open
	expect_text tpm-restarted
done
[ "$(left)" = 1 ] || fail "status says: $(left)"
echo "--- suspended in such a boot: from the next on; and the counted one opens"
expect 0 disable --boots 1
boot "counted"
expect 0 suspended_open
echo "--- as an older version sealed it, without a limit of restarts: it still opens"
[ "$(token_member restart_limit)" = 0 ]
seal_as_before
expect 1 token_member restart_limit
expect 0 "$fvesetup" header accept -q --key-file "$TMP/pass" "$image"
expect 0 suspended_open
boot "and the last"
expect 2 suspended_open
expect_text suspend-expired

echo "--- another TPM, and a cleared one"
expect 0 disable --boots 3
stop_tpm
start_tpm "$TMP/other"
expect 2 suspended_open
expect_text tpm-cleared
stop_tpm
start_tpm "$TMP/tpm"
tpm2_clear -c platform
expect 2 suspended_open
expect_text tpm-cleared
echo "all as expected"

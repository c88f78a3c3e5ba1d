#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: the PIN is a factor of its own: only the TPM judges it, each wrong one costs one try, and nothing on disk or bus tells it
# group: host tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/unseal.sh
. "$here/unseal.sh"

image=$TMP/volume.img
new_image "$image"
format "$image"
printf '13579246' >"$TMP/pin"
printf '24681357' >"$TMP/wrong"

# Open by PIN file $1 alone.
pin_open() {
	"$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$1" "$image"
}

add_pin() {
	"$fvesetup" protector add "${cheap[@]}" --tpm "$tpm" --key-file "$TMP/pass" \
		--new-key-file "$1" "$image" "tpm2-pin${2:-}"
}

# The TPM's count of failed tries.
failed() {
	echo $(($(tpm2_getcap properties-variable | sed -n 's/^TPM2_PT_LOCKOUT_COUNTER: *//p')))
}

# As whoever knows the volume's lockoutAuth may.
lockout() {
	tpm2_dictionarylockout "$@" --auth "hex:$(/usr/bin/python3 "$here/fve_keys.py" "$image" "$TMP/pass" |
		sed -n 's/^lockoutAuth //p')"
}

# As a kernel reboots; without the shutdown command the TPM takes its last use for a wrong try.
reboot() {
	tpm2_shutdown --clear
	stop_tpm
	start_tpm "$TMP/tpm"
	measure_boot "$@"
}

start_tpm "$TMP/tpm"
measure_boot

echo "--- refused before anything changes: too short, or known to the disk"
before=$(sha256sum <"$image")
printf '12345' >"$TMP/short"
expect 1 add_pin "$TMP/short"
expect_text 'at least 6'
printf '\303\244\303\266\303\274' >"$TMP/umlauts" # six bytes, three characters
expect 1 add_pin "$TMP/umlauts"
expect_text 'at least 6'
for end in '\n' '\r\n' '\0'; do
	# shellcheck disable=SC2059 # the format is what ends the file
	printf "13579246$end" >"$TMP/ended"
	expect 1 add_pin "$TMP/ended"
	expect_text 'nobody could type the PIN'
done
printf '\360\237\220\216%.0s' {1..5} >"$TMP/horses" # twenty bytes, five characters
expect 1 add_pin "$TMP/horses"
expect_text 'at least 6'
for odd in '123\xff456' '1234\t567' '12345\xe2\x80\x8b' '\xe2\x80\xae123456'; do
	printf '%b' "$odd" >"$TMP/odd"
	expect 1 add_pin "$TMP/odd"
	expect_text 'nobody could type the PIN'
done
expect 1 add_pin "$TMP/pass"
expect_text 'already a passphrase'
[ "$before" = "$(sha256sum <"$image")" ] || fail "a refusal changed the image"

echo "--- enrol: lockout of 32 tries and 10 minutes is set where nobody owns it"
expect 0 add_pin "$TMP/pin" ,label=laptop
tpm2_getcap properties-variable >"$TMP/properties"
grep -q 'TPM2_PT_MAX_AUTH_FAIL: 0x20$' "$TMP/properties" || fail "not 32 tries"
grep -q 'TPM2_PT_LOCKOUT_INTERVAL: 0x258$' "$TMP/properties" || fail "not 600 s"
[ -z "$(tpm2_getcap handles-transient)$(tpm2_getcap handles-loaded-session)" ] ||
	fail "something was left in the TPM"

echo "--- the object counts tries, takes no password, and its policy ends in PolicyAuthValue"
token=$("$fvesetup" protector list --json "$image" | jq '.protectors[] | select(.kind == "tpm2-pin").token')
cryptsetup token export --token-id "$token" "$image" >"$TMP/token"
jq -r .public "$TMP/token" | base64 -d >"$TMP/public"
tpm2_print -t TPM2B_PUBLIC "$TMP/public" >"$TMP/object"
grep -q 'value: fixedtpm|fixedparent|adminwithpolicy$' "$TMP/object" || fail "$(cat "$TMP/object")"
jq -e '.kdf.type == "argon2id" and .kdf.time >= 3 and (.kdf.salt | length) == 64' "$TMP/token" \
	>/dev/null || fail "the token's kdf is not as documented"

echo "--- the right PIN opens, from a file and from standard input, after a reboot too"
expect 0 pin_open "$TMP/pin"
expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" <<<"$(cat "$TMP/pin")"
reboot
expect 0 pin_open "$TMP/pin"
[ "$(failed)" = 0 ] || fail "right PINs cost $(failed) tries"

echo "--- a wrong PIN costs one try, and says how many are left"
expect 2 pin_open "$TMP/wrong"
expect_text pin-wrong
expect_text '31 tries left'
[ "$(failed)" = 1 ] || fail "one wrong PIN cost $(failed) tries"

echo "--- what cannot open is not asked for and costs nothing"
expect 0 "$fvesetup" open --test --tpm "$tpm" --key-file "$TMP/pass" "$image"
expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" < <(echo; cat "$TMP/pass")
reboot "another command line"
expect 2 pin_open "$TMP/pin"
expect_text pcr-mismatch
expect 2 pin_open "$TMP/wrong"
expect_text pcr-mismatch
reboot
measure 15 cap
expect 2 pin_open "$TMP/pin"
expect_text capped
reboot
tries=$(failed)
[ "$tries" = 1 ] || fail "tries were taken where no PIN could open: $tries"

echo "--- lockout: the right PIN is refused too, the reason says so; a recovery password opens"
lockout --setup-parameters --max-tries=$((tries + 1)) --recovery-time=600 \
	--lockout-recovery-time=86400
expect 2 pin_open "$TMP/wrong"
expect_text pin-wrong
expect_text 'in at most 10 min'
expect 2 pin_open "$TMP/pin"
expect_text tpm-locked-out
expect_text 'in at most 10 min'
expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" <"$image.rec"
expect_text tpm-locked-out
# Whoever has the recovery password need not wait.
expect_text 'has forgotten'
[ "$(failed)" = 0 ] || fail "$(failed) tries count after a recovery"
expect 0 pin_open "$TMP/pin"

echo "--- ten crashes, each after the right PIN: not locked out"
lockout --setup-parameters --max-tries=32 --recovery-time=600 \
	--lockout-recovery-time=86400
for _ in $(seq 10); do
	expect 0 pin_open "$TMP/pin" >/dev/null
	kill -9 "${swtpm_pids[-1]}"
	wait "${swtpm_pids[-1]}" 2>/dev/null || true
	unset 'swtpm_pids[-1]'
	start_tpm "$TMP/tpm"
	measure_boot
done
echo "$(failed) tries count after ten crashes"
expect 0 pin_open "$TMP/pin"
lockout --clear-lockout

echo "--- asking again after a wrong PIN leaves the last four tries alone"
lockout --setup-parameters --max-tries=6 --recovery-time=600 \
	--lockout-recovery-time=86400
expect 2 /usr/bin/python3 "$here/typist.py" wrong1 wrong2 wrong3 wrong4 wrong5 wrong6 -- \
	"$fvesetup" open --test --tries 100 --protector tpm2-pin --tpm "$tpm" "$image"
expect_text '4 tries left'
[ "$(failed)" = 2 ] || fail "$(failed) tries were taken, and 2 may be"
lockout --clear-lockout
expect 0 /usr/bin/python3 "$here/typist.py" wrong1 "$(cat "$TMP/pin")" -- \
	"$fvesetup" open --test --tpm "$tpm" "$image"
lockout --clear-lockout

echo "--- a second reader, tpm2-tools: the same KEK from policy, authValue and half, as documented"
expect 0 /usr/bin/python3 "$here/fve_keys.py" --pin "$TMP/pin" "$image" "$TMP/pass"
cp "$TMP/out" "$TMP/keys"
same_kek "$image" "$TMP/token" "$TMP/keys"

echo "--- the disk alone holds nothing that tells a right PIN"
jq -e 'has("kdf") and has("vmk") and has("kek") and (keys | length) == 13' "$TMP/token" >/dev/null ||
	fail "the token holds something that is not documented: $(jq -c keys "$TMP/token")"
cryptsetup luksDump --dump-json-metadata "$image" >"$TMP/json"
jq -e '[.keyslots[] | select(.kdf.type == "argon2id")] | length == 1' "$TMP/json" >/dev/null ||
	fail "there is a keyslot beside the passphrase's that stretches something"
expect 2 cryptsetup open --test-passphrase --key-file "$TMP/pin" "$image"

echo "--- the bus: nothing of the PIN, of both halves, or of the keys"
export TCTI_PCAP_FILE=$TMP/pin.pcap
expect 0 "$fvesetup" open --test --tpm "pcap:$tpm" --protector tpm2-pin --pin-file "$TMP/pin" "$image"
[ -s "$TMP/pin.pcap" ] || fail "nothing was captured"
expect 0 /usr/bin/python3 "$here/fve_keys.py" --pin "$TMP/pin" "$image" "$TMP/pass" "$TMP/pin.pcap"
expect_text 'for 7 keys' # FVEK, VMK, KEK, PIN, authValue, half, lockoutAuth

echo "--- a protector before it finds the header changed: the PIN is not asked for, a passphrase is"
expect 0 "$fvesetup" protector add "${cheap[@]}" --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2
cryptsetup config --batch-mode --priority ignore --key-slot 1 "$image"
expect 0 /usr/bin/python3 "$here/typist.py" "$(cat "$TMP/pass")" -- "$fvesetup" open --test --tpm "$tpm" "$image"
expect_text header-mac
! grep -q "PIN of" "$TMP/out" || fail "somebody was asked for the PIN"
expect 0 "$fvesetup" header accept -q --key-file "$TMP/pass" "$image"

echo "--- a damaged kdf is refused, not computed"
cryptsetup token export --token-id "$token" "$image" >"$TMP/token"
cryptsetup token remove --token-id "$token" "$image"
jq '.kdf.memory = 5000000' "$TMP/token" | cryptsetup token import --token-id "$token" "$image"
expect 2 pin_open "$TMP/pin"
expect_text token-corrupt

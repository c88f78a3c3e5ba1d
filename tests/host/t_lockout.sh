#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: no other system lifts the limit of wrong PINs, whoever recovers does, and where the TPM allows more than before no PIN is asked for
# group: host tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img second=$TMP/second.img
printf '13579246' >"$TMP/pin"
printf '24681357' >"$TMP/wrong"

add_pin() { # IMAGE
	"$fvesetup" protector add "${cheap[@]}" --tpm "$tpm" --key-file "$TMP/pass" \
		--new-key-file "$TMP/pin" "$1" tpm2-pin
}
remove_pin() { # IMAGE
	"$fvesetup" protector remove --tpm "$tpm" --key-file "$TMP/pass" "$1" \
		"$("$fvesetup" protector list --json "$1" | jq -r '.protectors[] | select(.kind == "tpm2-pin").id')"
}
pin_open() { # IMAGE PIN_FILE
	"$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$2" "$1"
}
recover() { # IMAGE
	"$fvesetup" open --test --tpm "$tpm" --protector recovery "$1" <"$1.rec"
}
set_up() { # IMAGE
	"$fvesetup" tpm lockout --tpm "$tpm" --key-file "$TMP/pass" "$1"
}
property() {
	echo $(($(tpm2_getcap properties-variable | sed -n "s/^TPM2_PT_$1: *//p")))
}
owned() {
	tpm2_getcap properties-variable | grep -q 'lockoutAuthSet: *1'
}
auth_of() { # IMAGE
	echo "hex:$(/usr/bin/python3 "$here/fve_keys.py" "$1" "$TMP/pass" | sed -n 's/^lockoutAuth //p')"
}
# What another system tries; with the lockoutAuth that it knows.
more_tries() { # NUMBER [AUTH]
	tpm2_dictionarylockout --setup-parameters --max-tries="$1" --recovery-time=600 \
		--lockout-recovery-time=0 ${2:+--auth "$2"}
}

start_tpm "$TMP/tpm"
measure_boot
for volume in "$image" "$second"; do
	new_image "$volume"
	format "$volume"
	cheap_digest "$volume"
done

echo "--- the first PIN sets lockoutAuth, and another system changes nothing"
expect 0 add_pin "$image"
owned || fail "lockoutAuth is empty"
for attack in "more_tries 4000000000" "tpm2_dictionarylockout --clear-lockout" "tpm2_clear -c lockout"; do
	! $attack || fail "another system can: $attack"
done
[ "$(property MAX_AUTH_FAIL),$(property LOCKOUT_INTERVAL)" = 32,600 ] || fail "the numbers changed"
# A wrong lockoutAuth disables it for a day, or with 0 until the machine is switched off.
tpm2_shutdown --clear
stop_tpm
rm -r "$TMP/tpm"
start_tpm "$TMP/tpm"
measure_boot
expect 0 "$fvesetup" protector remove --force --tpm "$tpm" --key-file "$TMP/pass" "$image" \
	"$("$fvesetup" protector list --json "$image" | jq -r '.protectors[] | select(.kind == "tpm2-pin").id')"
expect 0 add_pin "$image"

echo "--- who has the recovery password clears the count, after a rotation of the VMK too"
expect 2 pin_open "$image" "$TMP/wrong"
[ "$(property LOCKOUT_COUNTER)" = 1 ] || fail "a wrong PIN does not count"
expect 0 recover "$image"
expect_text 'has forgotten the 1 wrong'
[ "$(property LOCKOUT_COUNTER)" = 0 ] || fail "the count was not cleared"
auth=$(auth_of "$image")
[ ${#auth} = 68 ] || fail "no lockoutAuth of 32 bytes: $auth"
expect 0 "$fvesetup" rotate vmk --key-file "$TMP/pass" "$image"
[ "$(auth_of "$image")" = "$auth" ] || fail "the rotation lost lockoutAuth"
expect 2 pin_open "$image" "$TMP/wrong"
expect 0 recover "$image"
expect_text 'has forgotten the 1 wrong'
expect 0 pin_open "$image" "$TMP/pin"

echo "--- a second volume leaves it alone, says so, and cannot clear the count"
expect 0 add_pin "$second"
expect_text 'set up by somebody else'
expect 0 pin_open "$second" "$TMP/pin"
expect 2 pin_open "$second" "$TMP/wrong"
expect 0 recover "$second"
[ "$(property LOCKOUT_COUNTER)" = 1 ] || fail "it cleared the count all the same"
expect 2 set_up "$second"
expect_text lockout-owned
expect 0 recover "$image"

echo "--- power went before the TPM had the value: it is still the volume's, and is set"
tpm2_changeauth -c lockout -p "$auth"
! owned || fail "lockoutAuth is still set"
expect 0 set_up "$image"
owned || fail "lockoutAuth is empty"
[ "$(auth_of "$image")" = "$auth" ] || fail "another lockoutAuth"
tpm2_dictionarylockout --clear-lockout --auth "$auth"

echo "--- as an older version left it, empty: the PIN opens, until another system lifts the limit"
tpm2_changeauth -c lockout -p "$auth"
/usr/bin/python3 "$here/luks2_edit.py" "$image" json "
for t in h['tokens'].values():
    for name in [name for name in t if name.startswith('lockout_')]:
        del t[name]"
expect 0 "$fvesetup" header accept -q --key-file "$TMP/pass" "$image"
expect 0 "$fvesetup" tpm status --tpm "$tpm" "$image"
expect_text lockout-open
expect 0 pin_open "$image" "$TMP/pin"
more_tries 4
expect 0 pin_open "$image" "$TMP/pin" # stricter is nobody's attack
more_tries 4000000000
expect 2 /usr/bin/python3 "$here/typist.py" "$(cat "$TMP/pin")" -- \
	"$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin "$image"
expect_text lockout-changed
! grep -q 'PIN of' "$TMP/out" || fail "somebody was asked for the PIN"
expect 2 pin_open "$image" "$TMP/pin"
expect 0 recover "$image"

echo "--- one command sets it up"
expect 0 set_up "$image"
owned || fail "lockoutAuth is empty"
[ "$(property MAX_AUTH_FAIL)" = 32 ] || fail "the numbers are not back"
expect 0 pin_open "$image" "$TMP/pin"
expect 0 "$fvesetup" tpm status --tpm "$tpm" "$image"
! grep -q lockout-open "$TMP/out" || fail "it is open still"

echo "--- what is on the bus meanwhile: t_bus. With the last protector, or a release, it is empty again"
expect 0 remove_pin "$image"
! owned || fail "nobody knows lockoutAuth any more"
expect 0 add_pin "$image"
owned
expect 0 "$fvesetup" release --batch-mode --tpm "$tpm" --key-file "$TMP/pass" "$image"
! owned || fail "nobody knows lockoutAuth any more"

echo "--- somebody else's lockout is left alone, told, and noted: then a change is noticed"
expect 0 remove_pin "$second"
tpm2_changeauth -c lockout owned
tpm2_dictionarylockout --setup-parameters --max-tries=5 --recovery-time=60 \
	--lockout-recovery-time=86400 --auth owned
expect 0 add_pin "$second"
expect_text 'set up by somebody else'
expect_text 'after 5 wrong PINs'
[ "$(property MAX_AUTH_FAIL)" = 5 ] || fail "the lockout of another owner was changed"
expect 0 pin_open "$second" "$TMP/pin"
more_tries 6 owned
expect 2 pin_open "$second" "$TMP/pin"
expect_text lockout-changed
expect 2 set_up "$second"
expect 0 pin_open "$second" "$TMP/pin"

echo "--- an erased volume's is known to nobody, which is said"
tpm2_changeauth -c lockout -p owned
expect 0 set_up "$second"
expect 0 "$fvesetup" erase --batch-mode --tpm "$tpm" "$second"
expect_text 'lockoutAuth'
owned

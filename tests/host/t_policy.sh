#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: root keys of two vendors open a volume, either alone; a denial suspends and never falls back; an outage does not
# group: host services
# timeout: 900
#
# FVE_OUTAGES: random combinations of what the roots answer (6); the figure is 100.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/hsm.sh
. "$here/hsm.sh"
hsm_namespace "$@"
# shellcheck source=tests/host/policy.sh
. "$here/policy.sh"

image=$TMP/volume.img

echo "--- two vendors, one of them far away"
start_softhsm
start_opencryptoki
start_p11_server "$softhsm" soft
make_key_with_id "$softhsm" soft 1234
make_key_with_id "$opencryptoki" ock 24681357
uri_a="pkcs11:token=soft;id=%01?module-path=$p11_client&pin-source=file:$TMP/pin.softhsm"
uri_b="pkcs11:token=ock;id=%01?module-path=$opencryptoki&pin-source=file:$TMP/pin.opencryptoki"

echo "--- what no policy may be"
make_key "$softhsm" soft 1234 small 2048
make_key "$softhsm" soft 1234 second
pkcs11_tool "$softhsm" --token-label soft --login --pin 1234 --keypairgen --key-type rsa:3072 \
	--label loose --usage-decrypt --extractable
other() {
	echo "pkcs11:token=soft;object=$1?module-path=$softhsm&pin-source=file:$TMP/pin.softhsm"
}
create() { # URI URI [OPTION...]: a policy "acme"
	local a=$1 b=$2
	shift 2
	"$fvesetup" policy create acme --plain --root-a "$a" --root-b "$b" --availability-key "$TMP/custodian" "$@"
}
expect 1 "$fvesetup" policy create acme --plain --root-a "$uri_a" --root-b "$uri_b"
expect_text --availability-key
expect 1 create "$uri_a" "$(other second)"
expect_text 'both roots lie in'
expect 1 create "$uri_a" "$(other acme)"
expect_text 'same key'
expect 1 create "$(other small)" "$uri_b"
expect_text 'shorter than 3072'
expect 1 create "$(other loose)" "$uri_b"
expect_text 'taken out of its token'
expect 1 create "${uri_a%%pin-source*}pin-value=1234" "$uri_b"
expect_text 'holds a PIN'
expect 2 create "$(other none)" "$uri_b"
expect_text absent
expect 1 "$fvesetup" policy create ../acme --plain --root-a "$uri_a" --root-b "$uri_b" --availability-key "$TMP/custodian"
expect_text 'no name for a policy'
printf x >"$TMP/exists"
expect 5 "$fvesetup" policy create acme --plain --root-a "$uri_a" --root-b "$uri_b" --availability-key "$TMP/exists"
expect 1 create "$uri_a" "$uri_b" --availability sometimes
[ ! -e "$TMP/custodian" ] || fail "a refusal left an availability key"
[ ! -e "$FVE_STATE/policies/acme.json" ] || fail "a refusal left a policy"

echo "--- made, valid, shown"
expect 0 create "$uri_a" "$uri_b" --on-revocation lock --bound 60
[ "$(stat -c %a "$TMP/custodian")" = 600 ] || fail "the custodian's file is for others, too"
expect 5 "$fvesetup" policy create acme --plain --root-a "$uri_a" --root-b "$uri_b" --availability-key "$TMP/another"
[ ! -e "$TMP/another" ] || fail "a refusal left an availability key"
expect 0 "$fvesetup" policy validate acme
expect 0 "$fvesetup" policy list
expect_text acme
expect 0 "$fvesetup" policy show acme
expect_text registered
! grep -q "PRIVATE" -r "$FVE_STATE" || fail "the machine kept the availability key"
expect 4 "$fvesetup" policy show none

echo "--- assigned with both roots away: public keys are enough"
new_image "$image"
format "$image"
stop_p11_server
stop_opencryptoki
expect 0 "$fvesetup" policy assign acme "$image" --key-file "$TMP/pass"
[ "$(policy_json .volumes[0].state)" = current ] || fail "the volume is not current"
expect 2 open_alone
expect_text key-unreachable
[ "$(policy_json .state)" = registered ] || fail "an outage changed the policy's state"
expect 0 "$fvesetup" open --test --key-file "$TMP/pass" "$image"

echo "--- either alone opens"
start_opencryptoki
expect 0 open_alone
expect 0 "$fvesetup" rotate vmk "$image" </dev/null
expect 0 open_alone
records() { # EVENT ROOT
	"$fvesetup" audit show --json | jq "[.records[] | select(.type == \"$1\" and .root == \"$2\")] | length"
}
expect 3 "$fvesetup" policy check acme
expect_text degraded
before=$(records root-unreachable a)
[ "$before" -gt 0 ] || fail "no record of an outage"
since=$(policy_json .roots[0].since)
sleep 1
expect 3 "$fvesetup" policy check acme
[ "$(records root-unreachable a)" = "$before" ] || fail "each check is a record, not each change"
[ "$(policy_json '.roots[0].outcome, .roots[1].outcome' | paste -sd ' ')" = 'unreachable ok' ] || fail "outcomes are not kept"
[ "$(policy_json .roots[0].since)" = "$since" ] || fail "it has been so since another time"
[ "$(policy_json .roots[0].checked)" != "$since" ] || fail "not checked since"
expect 0 "$fvesetup" policy list
grep -qE '^acme +registered +unreachable +ok ' "$TMP/out" || fail "the list has no outcomes"
"$fvesetup" audit show --json | jq -e '[.records[] | select(.type == "root-unreachable")][-1].key | test("^[0-9a-f]{64}$")' ||
	fail "the record does not name the key"
start_p11_server "$softhsm" soft
stop_opencryptoki
expect 0 open_alone
start_opencryptoki
expect 0 "$fvesetup" policy check acme --json
[ "$(jq -r '.policies[0].state' "$TMP/out")" = registered ] || fail "both roots are there"
expect 0 "$fvesetup" protector test "$image" --json
[ "$(jq -r '.protectors[] | select(.kind == "customer-key").verdict' "$TMP/out")" = opens ] ||
	fail "another verdict"

echo "--- the custodian's key opens on an order; another key does not"
expect 0 "$fvesetup" open --test --availability-key "$TMP/custodian" "$image"
expect 0 "$fvesetup" audit show
expect_text availability-key-used
expect_text "by order"
openssl genrsa -out "$TMP/foreign" 3072 2>/dev/null
expect 2 "$fvesetup" open --test --availability-key "$TMP/foreign" "$image"
expect_text secret-wrong
expect 1 "$fvesetup" open --test --availability-key "$TMP/pass" "$image"

echo "--- a header that somebody changed is not opened, by either"
cp "$image" "$TMP/kept.img"
echo '{"type":"fve-unknown","keyslots":[]}' | cryptsetup token import "$image"
expect 2 open_alone
expect_text header-mac
expect 2 "$fvesetup" open --test --availability-key "$TMP/custodian" "$image"
expect_text header-mac
mv "$TMP/kept.img" "$image"

echo "--- a denial, and the other root away: suspended, and nothing opens until it is resumed"
stop_opencryptoki
forbid_key "$softhsm" soft 1234 acme
expect 2 open_alone
expect_text key-denied
[ "$(policy_json .state)" = suspended ] || fail "a denial did not suspend the policy"
start_opencryptoki
expect 0 "$fvesetup" audit show --json
[ "$(jq -r '[.records[] | select(.type == "policy-suspended").why] | join(" ")' "$TMP/out")" = key-denied ] ||
	fail "not one record of the denial"
expect 2 open_alone
expect_text policy-suspended
expect 2 "$fvesetup" open --test --availability-key "$TMP/custodian" "$image"
expect_text policy-suspended
expect 2 "$fvesetup" policy recover acme --availability-key "$TMP/custodian" --root-a "$uri_a" --root-b "$uri_b"
expect 2 "$fvesetup" policy roll acme --root-a "$uri_a"
expect 2 "$fvesetup" policy refresh acme
expect 2 "$fvesetup" policy assign acme "$image" --key-file "$TMP/pass"
stop_opencryptoki
expect 2 "$fvesetup" policy resume acme
expect_text 'stays suspended'
allow_key "$softhsm" soft 1234 acme
expect 0 "$fvesetup" policy resume acme
expect 0 open_alone
expect 1 "$fvesetup" policy resume acme
start_opencryptoki

echo "--- revoked by hand"
expect 0 "$fvesetup" policy revoke acme
expect 2 open_alone
expect 2 "$fvesetup" policy check
expect_text 'root a: unasked'
expect 0 "$fvesetup" policy resume acme

echo "--- random combinations of what two roots answer"
tell() { # ROOT ANSWER: have it answer so from now on
	case $1$2 in
	aok | bok) ;;
	aunreachable) stop_p11_server ;;
	bunreachable) stop_opencryptoki ;;
	adenied) forbid_key "$softhsm" soft 1234 acme ;;
	bdenied) printf 11111111 >"$TMP/pin.opencryptoki" ;;
	aabsent) renumber_key "$softhsm" soft 1234 01 02 ;;
	babsent) renumber_key "$opencryptoki" ock 24681357 01 02 ;;
	esac
}
restore() {
	case $1$2 in
	aok | bok) ;;
	aunreachable) start_p11_server "$softhsm" soft ;;
	bunreachable) start_opencryptoki ;;
	adenied) allow_key "$softhsm" soft 1234 acme ;;
	bdenied)
		printf 24681357 >"$TMP/pin.opencryptoki"
		# The token counts wrong PINs, and forgets them at a right one.
		pkcs11_tool "$opencryptoki" --token-label ock --login --pin 24681357 --list-objects
		;;
	aabsent) renumber_key "$softhsm" soft 1234 02 01 ;;
	babsent) renumber_key "$opencryptoki" ock 24681357 02 01 ;;
	esac
}
random_answers "${FVE_OUTAGES:-6}"
[ "$(grep -c '"type":"root-denied"' "$FVE_STATE/audit.log")" -gt 0 ] || fail "no record of a denial"

echo "--- unassigned: the roots open it no more"
expect 0 "$fvesetup" policy unassign acme "$image" --key-file "$TMP/pass"
expect 2 open_alone
[ "$(policy_json '.volumes | length')" = 0 ] || fail "the volume is still listed"

echo "--- a policy file that is damaged keeps its volumes closed, and says so"
expect 0 "$fvesetup" policy assign acme "$image" --key-file "$TMP/pass"
sed -i 's/"version":1/"version":2/' "$FVE_STATE/policies/acme.json"
expect 2 open_alone
expect_text 'damaged or of a newer version'

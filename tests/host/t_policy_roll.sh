#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a root is replaced with no data written, and a roll that is killed anywhere leaves roots that open and is finished later
# group: host services
# seconds: 60
# timeout: 1200
#
# FVE_KILLS: how often a roll is killed (5); the figure is 50.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/hsm.sh
. "$here/hsm.sh"
hsm_namespace "$@"
# shellcheck source=tests/host/policy.sh
. "$here/policy.sh"

# The data, and all else that is no header.
data_hash() {
	tail -c +16777217 "$1" | sha256sum
}

# members of the customer-key token of a volume
token_json() {
	local number
	number=$("$fvesetup" protector list --json "$1" |
		jq -r '.protectors[] | select(.kind == "customer-key").token')
	cryptsetup token export --token-id "$number" "$1" | jq -r "$2"
}

soft() {
	echo "pkcs11:token=soft;object=$1?module-path=$softhsm&pin-source=file:$TMP/pin.softhsm"
}

start_softhsm
start_opencryptoki
for key in second third; do
	make_key "$softhsm" soft 1234 $key
done
make_key "$opencryptoki" ock 24681357 fourth
expect 0 "$fvesetup" policy create acme --plain --root-a "$uri_softhsm" --root-b "$uri_opencryptoki" \
	--availability-key "$TMP/custodian"
for i in 1 2; do
	new_image "$TMP/$i.img"
	format "$TMP/$i.img"
	expect 0 "$fvesetup" policy assign acme "$TMP/$i.img" --key-file "$TMP/pass"
done
image=$TMP/1.img
before=$(data_hash "$image")

echo "--- refused: both at once, none, the other's key, a key that is not there"
state=$(sha256sum "$FVE_STATE/policies/acme.json" "$image")
expect 1 "$fvesetup" policy roll acme --root-a "$(soft second)" --root-b "$(soft third)"
expect 1 "$fvesetup" policy roll acme
expect 1 "$fvesetup" policy roll acme --root-a "$uri_opencryptoki"
expect_text 'same key'
expect 2 "$fvesetup" policy roll acme --root-a "$(soft none)"
forbid_key "$softhsm" soft 1234 second
expect 2 "$fvesetup" policy roll acme --root-a "$(soft second)"
expect_text denied
allow_key "$softhsm" soft 1234 second
[ "$state" = "$(sha256sum "$FVE_STATE/policies/acme.json" "$image")" ] || fail "a refusal changed something"

echo "--- root a: every wrap is new, and no byte of data; the old key is destroyed, and both volumes open"
id=$(token_json "$image" .id)
wraps=$(token_json "$image" '.a.wrap, .b.wrap, .availability.wrap, .vmk, .kek' | sort)
expect 0 "$fvesetup" policy roll acme --root-a "$(soft second)"
[ "$before" = "$(data_hash "$image")" ] || fail "a roll wrote data"
[ "$id" = "$(token_json "$image" .id)" ] || fail "the protector has another id"
[ -z "$(comm -12 <(echo "$wraps") <(token_json "$image" '.a.wrap, .b.wrap, .availability.wrap, .vmk, .kek' | sort))" ] ||
	fail "a wrap stayed"
destroy_key "$softhsm" soft 1234 root
stop_opencryptoki
for image in "$TMP/1.img" "$TMP/2.img"; do
	expect 0 open_alone
done
[ "$(policy_json .generation)" = 2 ] || fail "not the second generation"

echo "--- root b, while only root a of the old ones is there"
start_opencryptoki
make_key "$opencryptoki" ock 24681357 fifth
fourth="pkcs11:token=ock;object=fourth?module-path=$opencryptoki&pin-source=file:$TMP/pin.opencryptoki"
expect 0 "$fvesetup" policy roll acme --root-b "$fourth"
destroy_key "$opencryptoki" ock 24681357 root
forbid_key "$softhsm" soft 1234 second
expect 0 open_alone
allow_key "$softhsm" soft 1234 second
expect 0 "$fvesetup" policy validate acme

echo "--- a volume that is away stays with its old roots, and is listed"
mv "$TMP/2.img" "$TMP/away.img"
expect 4 "$fvesetup" policy roll acme --root-a "$(soft third)"
expect_text 'policy refresh acme'
[ "$(policy_json '[.volumes[].state] | join(" ")')" = 'current away' ] || fail "other states"
mv "$TMP/away.img" "$TMP/2.img"
[ "$(policy_json '.state, .volumes[1].state' | paste -sd ' ')" = 'rolling behind' ] || fail "other states"
expect 0 open_alone
expect 5 "$fvesetup" policy roll acme --root-a "$(soft second)"
expect_text 'not finished'
expect 0 "$fvesetup" policy refresh acme
[ "$(policy_json .state)" = registered ] || fail "another state"

echo "--- killed anywhere: something opens both volumes, and it can be finished"
names=(second third)
preload nth_call

# preloaded NAME=VALUE... ARGUMENT...: fvesetup as it is built for users, with what befalls it.
preloaded() {
	env FVE_PROVIDERS="$BUILD" LD_PRELOAD="$TMP/nth_call.so" "$1" "$BUILD/fvesetup" "${@:2}"
}

# Where it fell: before the policy has the new key; with a volume behind, in the middle of a change of
# a header or not; or with both done.
where_it_fell() {
	local image
	if [ "$(policy_json .generation)" = "$generation" ]; then
		echo before
		return
	fi
	for image in "$TMP/1.img" "$TMP/2.img"; do
		case $("$fvesetup" header verify --json --key-file "$TMP/pass" "$image" 2>/dev/null | jq -r .mac) in
		interrupted)
			echo inside
			return
			;;
		esac
	done
	case $(policy_json '[.volumes[].state] | join(" ")') in
	'current current') echo 'done' ;;
	*) echo behind ;;
	esac
}

# How many calls one roll makes that leave anything behind, and what it takes in ms.
expect 0 preloaded FVE_CALL_COUNT="$TMP/calls" policy roll acme --root-a "$(soft second)"
calls=$(<"$TMP/calls")
expect 0 "$fvesetup" policy roll acme --root-a "$(soft third)"
start=${EPOCHREALTIME/[.,]/}
expect 0 "$BUILD/fvesetup" policy roll acme --root-a "$(soft second)"
took=$(((${EPOCHREALTIME/[.,]/} - start) / 1000))
cut=0
declare -A fell=()
for ((i = 0; i < ${FVE_KILLS:-5}; i++)); do
	next=${names[(i + 1) % 2]} status=0 generation=$(policy_json .generation)
	if [ $((i % 4)) = 3 ]; then
		after=$((RANDOM * RANDOM % took))
		where="after $after of $took ms"
		timeout -s KILL "$(printf '%d.%03d' $((after / 1000)) $((after % 1000)))" \
			"$BUILD/fvesetup" policy roll acme --root-a "$(soft "$next")" >/dev/null 2>&1 || status=$?
	else
		at=$((RANDOM % calls + 1))
		where="before call $at of $calls"
		preloaded FVE_CALL_AT=$at policy roll acme --root-a "$(soft "$next")" >/dev/null 2>&1 || status=$?
	fi
	case $status in
	0) ;;
	137) cut=$((cut + 1)) ;;
	*) fail "a roll ended with $status, killed $where" ;;
	esac
	place=$(where_it_fell)
	fell[$place]=$((${fell[$place]-0} + 1))
	echo "$i: killed $where: $status, $place, $(policy_json '[.volumes[].state] | join(" ")')"
	# Each root alone, of whichever generation each volume has.
	for image in "$TMP/1.img" "$TMP/2.img"; do
		expect 0 open_alone
		stop_opencryptoki
		expect 0 open_alone
		start_opencryptoki
	done
	expect 0 "$fvesetup" policy refresh acme
	[ "$(policy_json '[.state, .volumes[].state] | join(" ")')" = 'registered current current' ] ||
		fail "not finished"
	[ "$(policy_json '.roots[0].uri')" = "$(soft "$next")" ] ||
		expect 0 "$fvesetup" policy roll acme --root-a "$(soft "$next")"
done
[ $cut -gt 0 ] || fail "no roll was cut"
echo "$cut rolls cut: before the policy ${fell[before]-0}, a volume behind ${fell[behind]-0}," \
	"inside the change of a header ${fell[inside]-0}, all done ${fell['done']-0}"

echo "--- both roots are lost: the custodian's key puts two others in their place"
for key in second third; do
	destroy_key "$softhsm" soft 1234 $key
done
destroy_key "$opencryptoki" ock 24681357 fourth
expect 2 open_alone
expect_text key-absent
make_key "$softhsm" soft 1234 new
fifth=${fourth/fourth/fifth}
expect 2 "$fvesetup" policy roll acme --root-a "$(soft new)"
openssl genrsa -out "$TMP/foreign" 3072 2>/dev/null
expect 2 "$fvesetup" policy recover acme --availability-key "$TMP/foreign" --root-a "$(soft new)" --root-b "$fifth"
expect 0 "$fvesetup" policy recover acme --availability-key "$TMP/custodian" --root-a "$(soft new)" --root-b "$fifth"
for image in "$TMP/1.img" "$TMP/2.img"; do
	expect 0 open_alone
done
[ "$before" = "$(data_hash "$TMP/1.img")" ] || fail "data was written"
[ "$(grep -c availability-key-used "$FVE_STATE/audit.log")" = 2 ] || fail "not one record for each use"

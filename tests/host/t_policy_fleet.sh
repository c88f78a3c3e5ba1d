#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: one signed order makes and rolls a key policy on many machines, killed anywhere; stale, forged and foreign ones change nothing
# group: host services
# seconds: 50
# timeout: 3600
#
# FVE_MACHINES: how many there are (4), and FVE_KILLS: how often one is killed (12); the figures are
# 200 and 500.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/hsm.sh
. "$here/hsm.sh"
# shellcheck source=tests/host/policy.sh
. "$here/policy.sh"

machines=${FVE_MACHINES:-4}
kills=${FVE_KILLS:-12}
export FVE_CONFIG=$TMP/etc
origin=$TMP/origin
orders=$TMP/orders
mkdir -p "$FVE_CONFIG" "$orders" "$origin"

# person NAME: a key and a certificate for it.
person() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" \
		-keyout "$TMP/$1.key" -out "$TMP/$1.pem" 2>/dev/null
}

# on MACHINE COMMAND...: with that machine's state.
on() {
	local state=$1
	shift
	FVE_STATE=$state "$@"
}

# What a machine knows, and its volumes, but for the log and for when roots were asked last.
state_of() {
	local file
	for file in "$1"/policies/*.json; do
		[ ! -e "$file" ] || jq -S 'del(.proved)' "$file"
	done
	cat "$1"/*.img 2>/dev/null | sha256sum
}

# The machine's last refusal, as the audit log has it.
refusal() {
	on "$1" "$fvesetup" audit show --json | jq -r '[.records[] | select(.type == "policy-order-refused")][-1].why'
}

refusals() {
	on "$1" "$fvesetup" audit show --json | jq '[.records[] | select(.type == "policy-order-refused")] | length'
}

# refuses MACHINE FILE WHY: refused, recorded, and nothing changed.
refuses() {
	local before number
	before=$(state_of "$1")
	number=$(refusals "$1")
	expect 2 on "$1" "$fvesetup" policy apply "$2" --json
	[ "$(sed -n '/^{/,$p' "$TMP/out" | jq -r '[.changed, .orders[0].result, .orders[0].why] | join(" ")')" = "false refused $3" ] ||
		fail "refused in another way than $3"
	[ "$(refusal "$1")" = "$3" ] || fail "no record of it: $(refusal "$1")"
	[ "$(refusals "$1")" = $((number + 1)) ] || fail "not one record of it"
	[ "$before" = "$(state_of "$1")" ] || fail "a refusal changed something"
}

# applies MACHINE FILE RESULT
applies() {
	local changed=true
	[ "$3" != unchanged ] || changed=false
	expect 0 on "$1" "$fvesetup" policy apply "$2" --json
	[ "$(sed -n '/^{/,$p' "$TMP/out" | jq -r '[.changed, .orders[-1].result] | join(" ")')" = "$changed $3" ] || fail "not $3"
}

start_softhsm a root second third
start_softhsm b root second
person fleet
person mallory

echo "--- exported: what is common to all machines, and nothing of this one; openssl reads it"
a1=$(softhsm_uri a root) a2=$(softhsm_uri a second) b1=$(softhsm_uri b root) b2=$(softhsm_uri b second)
expect 0 on "$origin" "$fvesetup" policy create acme --plain --root-a "$a1" --root-b "$b1" \
	--availability-key "$TMP/custodian" --on-revocation lock --bound 30
# export FILE [NAME]: the order as it is now.
export_order() {
	on "$origin" "$fvesetup" policy export "${2:-acme}" --sign "$TMP/fleet.key" --signer "$TMP/fleet.pem" >"$1"
}
export_order "$orders/1.policy"
openssl cms -verify -binary -inform PEM -in "$orders/1.policy" -certfile "$TMP/fleet.pem" -noverify \
	-out "$TMP/order.json" 2>/dev/null
[ "$(jq -r 'keys | join(" ")' "$TMP/order.json")" = "a approvers availability b bound generation name on_revocation purge_days type uuid version" ] ||
	fail "an order has other members"
[ "$(jq -r '.a | keys | join(" ")' "$TMP/order.json")" = "alg public token uri" ] || fail "a root has other members"
expect 1 on "$origin" "$fvesetup" policy export acme --sign "$TMP/fleet.key"
expect 1 on "$origin" "$fvesetup" policy export acme --sign "$TMP/mallory.key" --signer "$TMP/fleet.pem"
expect_text 'cannot sign'
start_tpm "$TMP/tpm" # for the lease
expect 0 on "$origin" "$fvesetup" policy create here --plain --root-a "$a1" --root-b "$b1" --availability transient \
	--availability-key "$TMP/custodian.here" --tpm "$tpm"
stop_tpm
expect 1 export_order "$TMP/none" here
expect_text 'lies on this machine'

echo "--- three generations of it, and what is none of ours"
expect 0 on "$origin" "$fvesetup" policy roll acme --root-a "$a2"
export_order "$orders/2.policy"
expect 0 on "$origin" "$fvesetup" policy roll acme --root-b "$b2"
export_order "$orders/3.policy"
on "$origin" "$fvesetup" policy export acme --sign "$TMP/mallory.key" --signer "$TMP/mallory.pem" >"$TMP/foreign.policy"
sed '5s/./A/30' "$orders/3.policy" >"$TMP/forged.policy"
cmp -s "$TMP/forged.policy" "$orders/3.policy" && sed '5s/./B/30' "$orders/3.policy" >"$TMP/forged.policy"
# signed JQ: what our own people would sign by mistake.
signed() {
	openssl cms -verify -binary -inform PEM -in "$orders/3.policy" -certfile "$TMP/fleet.pem" -noverify 2>/dev/null |
		jq -c "$1" | openssl cms -sign -binary -nodetach -outform PEM -signer "$TMP/fleet.pem" -inkey "$TMP/fleet.key"
}
signed '.generation = 4 | .more = 1' >"$TMP/member.policy"
signed '.a = .b | .generation = 4' >"$TMP/twice.policy"
signed '.a.public = .b.public | .generation = 4' >"$TMP/another.policy"
signed '.bound = 99' >"$TMP/differs.policy"
signed '.name = "other" | .generation = 4' >"$TMP/name.policy"
signed '.availability = .a.public | .generation = 4' >"$TMP/key.policy"
signed '.uuid = "00000000-0000-4000-8000-000000000000"' >"$TMP/taken.policy"

echo "--- no signers here: no order is taken, and policies are made by hand as ever"
m=$TMP/first
mkdir "$m"
expect 4 on "$m" "$fvesetup" policy apply "$orders/1.policy"
expect_text policy-signers.pem
[ ! -e "$m/policies" ] || fail "an order was taken"

echo "--- made, and made once; without a root it is tried again later"
cat "$TMP/fleet.pem" >"$FVE_CONFIG/policy-signers.pem"
mv "$TMP/softhsm" "$TMP/softhsm.away"
mkdir "$TMP/softhsm"
expect 4 on "$m" "$fvesetup" policy apply "$orders/1.policy"
[ ! -e "$m/policies/acme.json" ] || fail "made without a root"
[ ! -e "$m/audit.log" ] || fail "an outage was recorded as a refusal"
rmdir "$TMP/softhsm"
mv "$TMP/softhsm.away" "$TMP/softhsm"
applies "$m" "$orders/1.policy" made
applies "$m" "$orders/1.policy" unchanged
[ "$(jq -r '[.uuid, .bound, .on_revocation, .availability.public] | join(" ")' "$m/policies/acme.json")" = \
	"$(jq -r '[.uuid, .bound, .on_revocation, .availability] | join(" ")' "$TMP/order.json")" ] || fail "not what was ordered"
expect 0 on "$m" "$fvesetup" audit show --json
jq -e '.records[0] | .type == "policy-created" and (.detail | test("by order of CN=fleet")) and (.key_a | length == 64)' "$TMP/out" ||
	fail "the record is another"

echo "--- by hand only with --local, and the record says so"
expect 2 on "$m" "$fvesetup" policy create own --plain --root-a "$a1" --root-b "$b1" --availability-key "$TMP/own"
expect_text --local
expect 2 on "$m" "$fvesetup" policy roll acme --root-a "$a2"
expect 2 on "$m" "$fvesetup" policy recover acme --root-a "$a1" --root-b "$b1" --availability-key "$TMP/custodian"
expect 0 on "$m" "$fvesetup" policy create own --plain --local --root-a "$a1" --root-b "$b1" --availability-key "$TMP/own"
on "$m" "$fvesetup" audit show --json | jq -e '.records[-1] | .type == "policy-created" and .detail == "--local"' ||
	fail "--local is not in the record"

echo "--- volumes of each machine"
mkdir "$TMP/base"
for i in 1 2; do
	new_image "$TMP/base/$i.img"
	format "$TMP/base/$i.img"
	cheap_digest "$TMP/base/$i.img"
done
# add_volumes MACHINE: two, of its policy acme.
add_volumes() {
	local i
	for i in 1 2; do
		cp --sparse=always "$TMP/base/$i.img" "$1/$i.img"
		on "$1" "$BUILD/fvesetup" policy assign acme "$1/$i.img" --key-file "$TMP/pass" >"$TMP/out" 2>&1 ||
			fail "assign: $(cat "$TMP/out")"
	done
}
# Every volume of a machine opens by a root that is there.
opens() {
	local i
	for i in 1 2; do
		on "$1" "$BUILD/fvesetup" open --test "$1/$i.img" </dev/null >"$TMP/out" 2>&1 ||
			fail "$1/$i.img does not open: $(cat "$TMP/out")"
	done
}
add_volumes "$m"
opens "$m"

echo "--- refused: stale, forged, foreign, malformed, and what nobody should have signed"
refuses "$m" "$TMP/foreign.policy" foreign
refuses "$m" "$TMP/forged.policy" foreign
refuses "$m" "$TMP/pass" damaged
refuses "$m" "$TMP/member.policy" damaged
refuses "$m" "$TMP/name.policy" name
refuses "$m" "$TMP/key.policy" availability-key
refuses "$m" "$TMP/taken.policy" name
before=$(state_of "$m")
expect 1 on "$m" "$fvesetup" policy apply "$TMP/twice.policy"
expect_text 'same key'
expect 2 on "$m" "$fvesetup" policy apply "$TMP/another.policy"
expect_text 'another key here'
[ "$before" = "$(state_of "$m")" ] || fail "a refusal changed something"

echo "--- the next generation is a roll, and an older one is stale then"
applies "$m" "$orders/2.policy" rolled
opens "$m"
refuses "$m" "$orders/1.policy" stale
applies "$m" "$orders/3.policy" rolled
refuses "$m" "$orders/1.policy" stale
refuses "$m" "$TMP/differs.policy" differs
[ "$(on "$m" "$fvesetup" policy show acme --json | jq -r '[.generation, .state, .volumes[].state] | join(" ")')" = \
	"3 registered current current" ] || fail "not rolled to its end"

echo "--- a directory: the newest of each, whatever else lies there; a bad one does not hold the others up"
m=$TMP/second
mkdir "$m"
cp "$orders/1.policy" "$TMP/some.policy"
applies "$m" "$orders" made
[ "$(jq -r '[.orders[].result] | join(" ")' "$TMP/out")" = "superseded superseded made" ] || fail "other results"
applies "$m" "$orders" unchanged
m=$TMP/third
mkdir "$m"
cp "$TMP/foreign.policy" "$orders/0.policy"
expect 2 on "$m" "$fvesetup" policy apply "$orders"
[ "$(on "$m" "$fvesetup" policy show acme --json | jq .generation)" = 3 ] || fail "the others were not applied"
m=$TMP/fourth
mkdir "$m"
head -c 70000 /dev/zero >"$orders/0.policy"
expect 4 on "$m" "$fvesetup" policy apply "$orders"
[ "$(on "$m" "$fvesetup" policy show acme --json | jq .generation)" = 3 ] || fail "the others were not applied"
rm "$orders/0.policy"

echo "--- retired: only without volumes, and no old order brings it back"
expect 5 on "$TMP/first" "$fvesetup" policy retire acme
expect_text 'still has 2 volumes'
expect 0 on "$m" "$fvesetup" policy retire acme
expect 4 on "$m" "$fvesetup" policy show acme
refuses "$m" "$orders/3.policy" stale
signed '.generation = 4' >"$TMP/again.policy"
applies "$m" "$TMP/again.policy" made
on "$m" "$fvesetup" audit show --json | jq -e 'any(.records[]; .type == "policy-retired")' || fail "no record of it"

echo "--- suspended here: an order does not end that"
expect 0 on "$m" "$fvesetup" policy revoke acme
applies "$m" "$TMP/again.policy" unchanged
signed '.generation = 5' >"$TMP/after.policy"
expect 2 on "$m" "$fvesetup" policy apply "$TMP/after.policy"
expect_text 'policy resume'

echo "--- $machines machines, three generations in any order, $kills kills"
list=()
for i in $(seq "$machines"); do
	mkdir "$TMP/m$i"
	list+=("$TMP/m$i")
	applies "$TMP/m$i" "$orders/1.policy" made >/dev/null
	add_volumes "$TMP/m$i"
done
generation() {
	jq .generation "$1/policies/acme.json"
}
start=${EPOCHREALTIME/[.,]/}
on "$TMP/m1" "$BUILD/fvesetup" policy apply "$orders/2.policy" >/dev/null 2>&1
took=$(((${EPOCHREALTIME/[.,]/} - start) / 1000))
echo "a roll of two volumes takes $took ms"

# try MACHINE FILE DELAY_MS: apply, and kill it then; counts what came of it.
declare -A count=([killed]=0 [done]=0 [stale]=0)
try() {
	local pid status=0 before='' at want
	at=$(generation "$1")
	want=$(basename "$2" .policy)
	[ "$want" -ge "$at" ] || before=$(state_of "$1")
	FVE_STATE=$1 "$BUILD/fvesetup" policy apply "$2" >"$TMP/try" 2>&1 &
	pid=$!
	if [ -n "$3" ]; then
		sleep "$(printf '%d.%03d' $(($3 / 1000)) $(($3 % 1000)))"
		kill -KILL "$pid" 2>/dev/null || true
	fi
	wait "$pid" 2>/dev/null || status=$?
	case $status in
	137) count[killed]=$((count[killed] + 1)) ;;
	0) count[done]=$((count[done] + 1)) ;;
	2) count[stale]=$((count[stale] + 1)) ;;
	*) fail "exit status $status: $(cat "$TMP/try")" ;;
	esac
	if [ "$want" -lt "$at" ]; then
		[ "$status" != 0 ] || fail "a stale order was taken"
		[ "$before" = "$(state_of "$1")" ] || fail "a stale order changed something"
	elif [ $status = 2 ]; then
		fail "refused: $(cat "$TMP/try")"
	fi
	opens "$1"
}
# storm LAST N: orders up to generation LAST at random machines in random order, until N were killed.
storm() {
	local until=$((count[killed] + $2)) tries=0 one order most
	while [ "${count[killed]}" -lt "$until" ]; do
		one=$(random_of "${list[@]}")
		order=$((RANDOM % $1 + 1))
		# What has nothing to do is soon over.
		most=$took
		[ "$(generation "$one")" -lt $order ] || most=$((took / 10))
		try "$one" "$orders/$order.policy" $((RANDOM % (most + 1)))
		tries=$((tries + 1))
		[ $tries -lt $((20 * $2 + 100)) ] || fail "hardly anything is killed"
	done
}
# settle GENERATION: what is still behind is finished, as the path unit does; then all are there.
settle() {
	local one
	for one in "${list[@]}"; do
		[ "$(generation "$one")" -gt "$1" ] || try "$one" "$orders/$1.policy" ''
		[ "$(on "$one" "$BUILD/fvesetup" policy show acme --json | jq -r '[.volumes[].state] | join(" ")')" = "current current" ] ||
			[ "$(generation "$one")" -gt "$1" ] || fail "$one is not at its end"
	done
}
# gone TOKEN KEY: it is destroyed, everything opens all the same, and no header has anything for it.
gone() {
	local one i digest
	digest=$(jq -r ".$1.public" "$TMP/order.json" | base64 -d | sha256sum | cut -d ' ' -f 1)
	destroy_key "$softhsm" "$1" 1234 "$2"
	for one in "${list[@]}"; do
		opens "$one"
		for i in 1 2; do
			! cryptsetup luksDump --dump-json-metadata "$one/$i.img" | grep -q "$digest" ||
				fail "$one/$i.img still has a wrap for the root that is gone"
		done
	done
}
storm 2 $((kills / 2))
settle 2
gone a root
storm 3 $((kills - kills / 2))
settle 3
gone b root
echo "${count[killed]} killed, ${count[done]} done, ${count[stale]} stale"
[ "${count[stale]}" -gt 0 ] || fail "nothing was stale"

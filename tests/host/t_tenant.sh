#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a tenant opens by its policy's roots and this TPM alone; a create that fails leaves nothing, and one that is killed is done again; a purge takes two approvers, time and a withdrawal, and reaches every old copy
# group: host services
# seconds: 50
# timeout: 900
#
# FVE_KILLS: how often a create is killed (3).
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/hsm.sh
. "$here/hsm.sh"
hsm_namespace "$@"
# shellcheck source=tests/host/policy.sh
. "$here/policy.sh"

start_softhsm
start_opencryptoki
start_tpm "$TMP/tpm"

approver() { # NAME: a key and a certificate of NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=$1" \
		-keyout "$TMP/$1.key" -out "$TMP/$1.pem" 2>/dev/null
}
sign() { # NAME: sign the request
	openssl cms -sign -binary -nodetach -outform PEM -in "$TMP/request" \
		-signer "$TMP/$1.pem" -inkey "$TMP/$1.key" -out "$TMP/$1.cms"
}
for name in alice bob mallory; do
	approver "$name"
done

exec </dev/null
opens() { # the volume of tenant $1 by its policy's roots
	"$fvesetup" open --test --tpm "$tpm" "$TMP/$1.img" </dev/null
}
state_of() {
	"$fvesetup" tenant list --json | jq -r ".tenants[] | select(.name == \"$1\").state"
}
create() {
	"$fvesetup" tenant create "$1" "$TMP/$1.img" --policy "$2" --size 20M --tpm "$tpm" --force "${@:3}"
}

echo "--- two policies on the same roots, one without approvers"
policy() { # NAME [OPTION...]
	local name=$1
	shift
	"$fvesetup" policy create "$name" --plain --root-a "$uri_softhsm" --root-b "$uri_opencryptoki" \
		--availability-key "$TMP/custodian.$name" --tpm "$tpm" "$@"
}
expect 1 policy acme --approver "$TMP/alice.pem"
expect_text '2 approvers'
expect 1 policy acme --approver "$TMP/alice.pem" --approver "$TMP/alice.pem"
expect_text twice
openssl req -x509 -key "$TMP/alice.key" -days 30 -subj /CN=carol -out "$TMP/carol.pem"
expect 1 policy acme --approver "$TMP/alice.pem" --approver "$TMP/carol.pem"
expect_text twice
expect 1 policy acme --approver "$TMP/alice.key" --approver "$TMP/bob.pem"
expect_text 'no certificate'
expect 0 policy acme --approver "$TMP/alice.pem" --approver "$TMP/bob.pem"
expect 0 policy other --purge-days 7

echo "--- refused, with nothing made"
expect 1 "$fvesetup" tenant create a "$TMP/a.img" --size 20M --tpm "$tpm" --force
expect 4 "$fvesetup" tenant create a "$TMP/a.img" --policy none --size 20M --tpm "$tpm" --force
expect 2 "$fvesetup" tenant create a "$TMP/a.img" --policy acme --size 20M --tpm "$tpm"
expect_text 'not lie on an encrypted volume'
expect 1 "$fvesetup" tenant create a/b "$TMP/a.img" --policy acme --size 20M --tpm "$tpm" --force
expect 4 "$fvesetup" tenant create a "$TMP/a.img" --policy acme --tpm "$tpm" --force
expect 1 "$fvesetup" tenant create a "$TMP/a.img" --policy acme --size 20X --tpm "$tpm" --force
expect 4 "$fvesetup" tenant create a "$TMP/a.img" --policy acme --size 20M --tpm "swtpm:path=$TMP/none" --force
[ ! -e "$TMP/a.img" ] && [ ! -e "$FVE_STATE/tenants/a.json" ] || fail "a refusal left something"

echo "--- a create that fails, or is killed anywhere, the first of all in this TPM: nothing is left of it"
preload cut_write
preload nth_call
# preloaded LIBRARY NAME=VALUE...: the same as create, with what befalls it.
preloaded() {
	local library=$1
	shift
	env FVE_PROVIDERS="$BUILD" LD_PRELOAD="$TMP/$library.so" "$@" "$BUILD/fvesetup" tenant create k "$TMP/k.img" \
		--policy acme --size 20M --tpm "$tpm" --force
}
# Tenants that have a factor: the table's size tells (docs/on-disk.md).
factors() {
	[ -e "$FVE_STATE/factors" ] || { echo 0 && return; }
	echo $((($(base64 -d "$FVE_STATE/factors" | wc -c) - 51 - 28 - 4) / 68))
}
listed() {
	"$fvesetup" policy show acme --json | jq '.volumes | length'
}
# from N: with no tenant before it and no table in the TPM (0), or with one (1).
from() {
	stop_tpm
	rm -rf "$FVE_STATE" "$TMP/tpm" "$TMP/k.img"
	cp -a "$TMP/state.$1" "$FVE_STATE"
	cp -a "$TMP/tpm.$1" "$TMP/tpm"
	start_tpm "$TMP/tpm"
}
keep() {
	stop_tpm
	cp -a "$FVE_STATE" "$TMP/state.$1"
	cp -a "$TMP/tpm" "$TMP/tpm.$1"
	start_tpm "$TMP/tpm"
}
keep 0
expect 0 create z acme
keep 1
from 0
expect 0 preloaded nth_call FVE_CALL_COUNT="$TMP/calls"
calls=$(<"$TMP/calls")
declare -A fell=()
for ((i = 0; i < ${FVE_KILLS:-3}; i++)); do
	others=$((i % 2)) status=0 at=$((RANDOM % calls + 1))
	from $others
	preloaded nth_call FVE_CALL_AT=$at >"$TMP/out" 2>&1 || status=$?
	case $status in 0 | 137) ;; *) cat "$TMP/out" && fail "status $status" ;; esac
	tpm2_flushcontext -t && tpm2_flushcontext -l && tpm2_flushcontext -s
	state=$(state_of k)
	echo "$i: $others before it, killed before call $at of $calls: $status, ${state:-no record}"
	fell[${state:-none}]=$((${fell[${state:-none}]-0} + 1))
	case $state in
	closed) ;;
	creating)
		expect 2 "$fvesetup" tenant open k --tpm "$tpm"
		expect_text 'tenant create k'
		expect 0 create k acme
		;;
	*)
		rm -f "$TMP/k.img"
		expect 0 create k acme
		;;
	esac
	expect 0 opens k
	[ "$(state_of k) $(factors) $(listed)" = "closed $((others + 1)) $((others + 1))" ] ||
		fail "k is $(state_of k), $(factors) factors, $(listed) volumes listed"
	[ $others = 0 ] || expect 0 opens z
done
echo "killed: without a record ${fell[none]-0}, creating ${fell[creating]-0}, created ${fell[closed]-0}"
from 0
expect 0 preloaded cut_write FVE_CUT_FILE="$TMP/k.img" FVE_CUT_COUNT="$TMP/writes"
writes=$(<"$TMP/writes")
for others in 0 1; do
	from $others
	# Once where the header is made, and once where it gets its protector.
	status=0 at=$((others ? writes - RANDOM % 6 : RANDOM % 20 + 1))
	preloaded cut_write FVE_CUT_FILE="$TMP/k.img" FVE_CUT_ERROR=28 FVE_CUT_AT=$at >"$TMP/out" 2>&1 ||
		status=$?
	echo "no space from write $at of $writes on: $status"
	cat "$TMP/out"
	[ $status != 0 ] || fail "a create without space succeeded"
	[ -z "$(state_of k)" ] && [ ! -e "$TMP/k.img" ] && [ "$(listed)" = $others ] && [ "$(factors)" = $others ] ||
		fail "a create that failed left something"
	expect 0 create k acme
	expect 0 opens k
done
from 0

echo "--- made: nobody's secret opens them"
expect 1 create a acme --availability own
expect_text --availability-key
expect 1 create a acme --availability own --availability-key "$TMP/custodian.a"
expect_text --custodian
expect 1 create a acme --availability sometimes
[ ! -e "$TMP/custodian.a" ] && [ ! -e "$TMP/a.img" ] || fail "a refusal left something"
expect 0 "$fvesetup" tenant create room "$TMP/room.img" --policy acme --size 15T --tpm "$tpm" --force
expect_text 'There is room for '
expect 0 create a acme --availability own --availability-key "$TMP/custodian.a" --plain
expect 0 create b acme
! grep -q 'room' "$TMP/out" || fail "20 MiB are said to have no room"
expect 0 create e acme --availability none
expect 0 create c other
expect 5 create a acme
expect 0 opens a
expect 0 opens b
expect 0 opens c
"$fvesetup" protector list "$TMP/a.img" --json | jq -e '.protectors | length == 1 and .[0].kind == "customer-key"' >/dev/null ||
	fail "more than one protector"
[ "$(state_of a)" = closed ] || fail "state of a: $(state_of a)"
cmp -s "$TMP/custodian.acme" "$TMP/custodian.other" && fail "two policies have one availability key"

echo "--- not by the roots without this TPM, but by the custodian's key there"
good=$tpm
start_tpm "$TMP/blank"
blank=$tpm
expect 2 opens a
expect_text 'tpm-'
by_key() { # KEY IMAGE: on the machine whose TPM is $tpm; the other one has a log of its own
	local state=$FVE_STATE
	[ "$tpm" != "$blank" ] || state=$TMP/elsewhere
	FVE_STATE=$state "$fvesetup" open --test --tpm "$tpm" --availability-key "$1" "$2"
}
expect 0 by_key "$TMP/custodian.acme" "$TMP/b.img"
expect 2 by_key "$TMP/custodian.other" "$TMP/b.img"
expect 0 by_key "$TMP/custodian.a" "$TMP/a.img"
expect 2 by_key "$TMP/custodian.acme" "$TMP/a.img"
expect 2 by_key "$TMP/custodian.acme" "$TMP/e.img"
tpm=$good
expect 0 opens e
expect 2 by_key "$TMP/custodian.acme" "$TMP/e.img"

echo "--- roll a root, move to another policy: the factor goes along"
make_key "$softhsm" soft 1234 second
expect 0 "$fvesetup" policy roll acme --root-a "${uri_softhsm/object=root/object=second}" --tpm "$tpm"
expect 0 opens a
expect 0 "$fvesetup" tenant assign b --policy other --tpm "$tpm"
expect 0 opens b
"$fvesetup" protector list "$TMP/b.img" --json | jq -e '.protectors | length == 1' >/dev/null || fail "two policies on b"
expect 0 by_key "$TMP/custodian.a" "$TMP/a.img"
expect 2 by_key "$TMP/custodian.acme" "$TMP/a.img"
expect 0 "$fvesetup" tenant assign e --policy other --tpm "$tpm"
expect 0 opens e
expect 2 by_key "$TMP/custodian.other" "$TMP/e.img"
expect 2 by_key "$TMP/custodian.acme" "$TMP/e.img"
expect 0 "$fvesetup" tenant assign b --policy acme --tpm "$tpm"

echo "--- copies are taken"
cp "$TMP/a.img" "$TMP/a.snapshot"
"$fvesetup" header backup "$TMP/a.img" "$TMP/a.header"
cp -a "$FVE_STATE" "$TMP/state.snapshot"

echo "--- a purge, refused for each thing that is missing"
execute() {
	"$fvesetup" tenant purge a --certificate "$TMP/certificate" --tpm "$tpm"
}
expect 4 "$fvesetup" tenant purge nobody --request "$TMP/request.c"
[ "$(wc -l <"$TMP/out")" = 1 ] || fail "more is said than that there is no such tenant"
expect 2 "$fvesetup" tenant purge c --request "$TMP/request.c"
expect_text 'no approvers'
expect 1 execute
expect 1 "$fvesetup" tenant purge a --approval "$TMP/alice.pem"
expect 0 "$fvesetup" tenant purge a --request "$TMP/request"
[ "$(state_of a)" = purge-pending ] || fail "state of a: $(state_of a)"
own=$(openssl pkey -in "$TMP/custodian.a" -pubout -outform DER | sha256sum | cut -d ' ' -f 1)
jq -e --arg own "$own" '.tenant == "a" and .policy == "acme" and .availability_key_sha256 == $own and
	(.statement | contains("Its own availability key"))' "$TMP/request" >/dev/null || fail "the request says: $(cat "$TMP/request")"
expect 2 execute
expect_text '0 of 2 approvals'
expect 0 "$fvesetup" tenant purge a --cancel --tpm "$tpm"
expect 1 "$fvesetup" tenant purge a --cancel --tpm "$tpm"
[ "$(state_of a)" = closed ] || fail "state of a: $(state_of a)"
expect 5 "$fvesetup" tenant purge a --request "$TMP/request"
rm "$TMP/request"
expect 0 "$fvesetup" tenant purge a --request "$TMP/request" --tpm "$tpm"
sign mallory
expect 2 "$fvesetup" tenant purge a --approval "$TMP/mallory.cms"
expect_text 'registered approver'
sign alice
expect 0 "$fvesetup" tenant purge a --approval "$TMP/alice.cms"
expect 5 "$fvesetup" tenant purge a --approval "$TMP/alice.cms"
expect_text 'approved already'
sed 's/"a"/"b"/' "$TMP/request" >"$TMP/request.other"
openssl cms -sign -binary -nodetach -outform PEM -in "$TMP/request.other" -signer "$TMP/bob.pem" -inkey "$TMP/bob.key" -out "$TMP/bob.cms"
expect 2 "$fvesetup" tenant purge a --approval "$TMP/bob.cms"
expect_text 'not the request'
expect 2 execute
expect_text '1 of 2 approvals'
sign bob
expect 0 "$fvesetup" tenant purge a --approval "$TMP/bob.cms"
expect 2 execute
expect_text 'not to be purged before'
# The waiting time passes: the file is root's, who could set the clock as well.
jq '.purge.until = "2026-01-01T00:00:00Z"' "$FVE_STATE/tenants/a.json" >"$TMP/edited"
cp "$TMP/edited" "$FVE_STATE/tenants/a.json"
expect 2 execute
expect_text 'still answers'
forbid_key "$softhsm" soft 1234 second
expect 2 execute
expect_text 'root b'
stop_opencryptoki
expect 4 execute
expect_text 'cannot be asked'
start_opencryptoki
forbid_key "$opencryptoki" ock 24681357 root
[ ! -e "$TMP/certificate" ] || fail "a certificate of a purge that was refused"

echo "--- done, and certified"
expect 0 execute
openssl cms -verify -binary -inform PEM -in "$TMP/certificate" -certfile "$FVE_STATE/machine.pem" -noverify -out "$TMP/content" 2>/dev/null ||
	fail "openssl does not verify the certificate"
jq -e '.tenant == "a" and .header == "erased, too" and (.approved_by | length) == 2' "$TMP/content" >/dev/null || fail "the certificate says: $(cat "$TMP/content")"
[ "$(state_of a)" = purged ] || fail "state of a: $(state_of a)"
expect 2 "$fvesetup" tenant open a --tpm "$tpm"
expect_text 'was purged'
expect 2 execute

echo "--- both roots allowed again and every copy restored: a stays closed, b opens"
allow_key "$softhsm" soft 1234 second
allow_key "$opencryptoki" ock 24681357 root
for policy in acme other; do
	"$fvesetup" policy resume "$policy" || true
done
cp "$TMP/a.snapshot" "$TMP/a.img"
expect 2 opens a
expect_text factor-erased
cp "$FVE_STATE/factors" "$TMP/factors"
cp "$TMP/state.snapshot/factors" "$FVE_STATE/factors"
expect 2 opens a
expect_text 'erased its key'
cp "$TMP/factors" "$FVE_STATE/factors"
truncate -s 0 "$TMP/a.img"
truncate -s 20M "$TMP/a.img"
"$fvesetup" header restore --batch-mode "$TMP/a.img" "$TMP/a.header"
expect 2 opens a
expect_text factor-erased
expect 0 opens b
expect 0 opens c

echo "--- with the policy's availability key at hand a stays closed, whatever the TPM, and b opens: no key of the fleet has to go"
for tpm in "$good" "$blank"; do
	expect 2 by_key "$TMP/custodian.acme" "$TMP/a.snapshot"
	expect 2 by_key "$TMP/custodian.acme" "$TMP/a.img"
	expect 0 by_key "$TMP/custodian.acme" "$TMP/b.img"
done
tpm=$good

echo "--- all of it is in the audit log"
expect 0 "$fvesetup" audit verify --tpm "$tpm"
for event in tenant-created tenant-assigned purge-requested purge-approved tenant-purged; do
	grep -q "\"$event\"" "$FVE_STATE/audit.log" || fail "no record of $event"
done

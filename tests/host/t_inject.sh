#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: every write, sync, rename and command to the TPM that fails, one after another, is told with a message and a status, or the command did all that it promised; nothing is lost, and the command can be repeated
# group: host tpm services
# seconds: 25
# timeout: 36000
#
# FVE_INJECT: of so many calls one fails (47; 1 is every one). FVE_INJECT_OPERATIONS: only these operations.
# Without FVE_INJECT always the same sites, so that a check fails for what was changed; make soak has them all.
[ -n "${FVE_INJECT-}" ] || export FVE_SEED=899377658
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
in_memory
preload quick_kdf
export LD_PRELOAD=$TMP/quick_kdf.so
# shellcheck source=tests/host/changes.sh
. "$here/changes.sh"

stride=${FVE_INJECT:-47}
failures=0
# All the sites are tried; the test fails in the end.
fail() {
	echo "FAILED: $*"
	failures=$((failures + 1))
}

# It said that it was done.
finished() {
	must_open "${kept[@]}"
	must_not_open "${gone[@]}"
	case $operation in
	add_recovery | rotate_recovery) must_open new ;;
	add_passphrase | change) must_open pass3 ;;
	approve) must_open tpm2 ;;
	add_tpm2)
		[ "$("$fvesetup" protector list "$image" | grep -c ' tpm2 ')" = 2 ] || fail "no second protector: $where"
		;;
	adopt) claimed || fail "not adopted: $where" ;;
	release) ! claimed || fail "not released: $where" ;;
	esac
	[ "$operation" = release ] ||
		[ "$("$fvesetup" header verify --json --key-file "$TMP/pass" "$image" | jq -r .mac)" = valid ] ||
		fail "the MAC is not valid: $where"
}

# inject AT: call number AT of $command fails; sets status and failed, what was met.
inject() {
	local how
	case $((RANDOM % 2)) in
	0) how="FVE_CALL_ERROR=5 FVE_CALL_RC=0x101" ;; # EIO, TPM_RC_FAILURE
	1) how="FVE_CALL_ERROR=28 FVE_CALL_RC=0x922 FVE_CALL_TIMES=5" ;; # ENOSPC, TPM_RC_RETRY until ESAPI gives up
	esac
	status=0
	# shellcheck disable=SC2086 # words
	env LD_PRELOAD="$TMP/nth_call.so:$LD_PRELOAD" FVE_CALL_COUNT="$TMP/calls" FVE_CALL_AT="$1" $how \
		"$fvesetup" "${command[@]}" >"$TMP/said.out" 2>"$TMP/said" </dev/null || status=$?
	read -r _ failed <"$TMP/calls" || failed=''
	where="$operation, call $1, $failed, $how"
}

# What is no change of a header that is there. Each has NAME_before, the command, and NAME_done.
singles=(format restore backup erase by_tpm by_pass policy_create policy_assign)
# only ARRAY: those that are wanted.
only() {
	local -n all=$1
	local name kept=()
	for name in "${all[@]}"; do
		[[ " ${wanted[*]} " != *" $name "* ]] || kept+=("$name")
	done
	all=("${kept[@]}")
}

if [ -n "${FVE_INJECT_OPERATIONS:-}" ]; then
	read -ra wanted <<<"$FVE_INJECT_OPERATIONS"
	only operations
	only singles
fi

format_before() {
	rm -f "$TMP/new" "$TMP/new.key"
	new_image "$image"
	command=(format -q "${cheap[@]}" --tpm "$tpm" --key-file "$TMP/pass" --recovery-file "$TMP/new"
		--startup-key-file "$TMP/new.key" --protector passphrase --protector tpm2
		--protector startup-key "$image")
}
format_done() {
	local who
	for who in pass new new.key tpm2; do
		opens "$who" || return 1
	done
}
# The backup was made by one that is not failed.
restore_before() {
	cp --sparse=always "$TMP/approved" "$image"
	command=(header restore -q "$image" "$TMP/backup")
}
restore_done() {
	must_open pass rec tpm2
	[ "$("$fvesetup" dump --json "$image" | jq '.approvals | length')" = 1 ]
}
backup_before() {
	cp --sparse=always "$TMP/base" "$image"
	rm -f "$TMP/copy"
	command=(header backup "$image" "$TMP/copy")
}
backup_done() {
	cmp -s "$TMP/copy" "$TMP/backup"
}
erase_before() {
	cp --sparse=always "$TMP/base" "$image"
	command=(erase -q --tpm "$tpm" "$image")
}
erase_done() {
	! opens pass && ! opens rec && ! opens tpm2
}
by_tpm_before() {
	cp --sparse=always "$TMP/base" "$image"
	command=(open --test --tpm "$tpm" --protector tpm2 "$image")
}
by_tpm_done() {
	must_open "${kept[@]}"
}
by_pass_before() {
	cp --sparse=always "$TMP/base" "$image"
	command=(open --test --key-file "$TMP/pass" "$image")
}
by_pass_done() {
	must_open "${kept[@]}"
}
policy_create_before() {
	rm -rf "$FVE_STATE" "$TMP/custodian"
	command=(policy create acme --root-a "$(uri a)" --root-b "$(uri b)" --availability-key "$TMP/custodian" --plain)
}
policy_create_done() {
	"$fvesetup" policy validate acme >"$TMP/out" 2>&1 && [ -s "$TMP/custodian" ]
}
policy_assign_before() {
	rm -rf "$FVE_STATE"
	cp -r "$TMP/policies" "$FVE_STATE"
	cp --sparse=always "$TMP/base" "$image"
	command=(policy assign acme "$image" --key-file "$TMP/pass" --tpm "swtpm:path=$TMP/none")
}
policy_assign_done() {
	must_open "${kept[@]}"
	"$fvesetup" open --test --tpm "$tpm" --protector customer-key "$image" >"$TMP/out" 2>&1 </dev/null
}

# Two tokens, a key in each.
uri() {
	echo "pkcs11:token=$1;object=acme?module-path=$module&pin-source=file:$TMP/pin"
}
start_roots() {
	module=/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so
	export SOFTHSM2_CONF=$TMP/softhsm.conf FVE_PROVIDERS=$BUILD
	mkdir "$TMP/tokens"
	echo "directories.tokendir = $TMP/tokens" >"$SOFTHSM2_CONF"
	(umask 077 && printf 1234 >"$TMP/pin")
	for token in a b; do
		softhsm2-util --init-token --free --label "$token" --so-pin 5678 --pin 1234 >/dev/null
		pkcs11-tool --module "$module" --token-label "$token" --login --pin 1234 --keypairgen \
			--key-type rsa:3072 --label acme --usage-decrypt >/dev/null 2>&1
		"$BUILD/tools/token_key" "$module" "$token" 1234 acme keep
	done
	policy_create_before
	"$fvesetup" "${command[@]}"
	cp -r "$FVE_STATE" "$TMP/policies"
}

# It was told with status 0 rightly: a record that is not written undoes nothing, nor does a time
# of a root's last answer that is not kept.
is_record() {
	grep -qE 'cannot write to the audit log|policies/acme.json' "$TMP/said"
}

# What the command said of the failure.
judge() {
	kinds[$failed]=$((${kinds[$failed]-0} + 1))
	if [ "$status" = 0 ]; then
		echo "survived $where: $(tr '\n' ' ' <"$TMP/said")"
	else
		echo "refused $where: $status $(tr '\n' ' ' <"$TMP/said")"
		[ "$status" -lt 10 ] || fail "status $status: $where"
		[ -s "$TMP/said" ] || fail "status $status without a word: $where"
	fi
	[ "$failed-$status" != tpm-0 ] || ! grep -q 'tpm-error\|tpm-absent' "$TMP/said" || fail "an error of the TPM ends in status 0: $where"
	[ "$failed-$status" != fsync-0 ] || is_record || fail "a disk that does not sync was not told of: $where"
}

count_sites() {
	local n
	[ "$status" = 0 ] || { cat "$TMP/said"; fail "$operation fails by itself"; }
	n=$(<"$TMP/calls")
	echo "$operation: $n sites, $sites tried"
	found=$((found + n)) tried=$((tried + sites))
}

# The message says which file a person has to take away before.
again() {
	case $operation in
	format) rm -f "$TMP/new" "$TMP/new.key" ;;
	backup) rm -f "$TMP/copy" ;;
	policy_create) rm -f "$TMP/custodian" ;;
	esac
	echo "a file was left: $(cat "$TMP/out"): $where"
	"$fvesetup" "${command[@]}" >"$TMP/out" 2>&1 </dev/null || { cat "$TMP/out"; fail "cannot be repeated: $where"; }
}

found=0 tried=0
declare -A kinds=()
for operation in "${operations[@]}"; do
	at=$((stride > 1 ? RANDOM % stride + 1 : 1)) sites=0
	while :; do
		restart
		inject "$at"
		[ -n "$failed" ] || break
		sites=$((sites + 1))
		judge
		[ "$status" != 0 ] || finished
		examine
		at=$((at + stride))
	done
	count_sites
done
case " ${singles[*]} " in
*' policy'*) start_roots ;;
esac
[ " ${singles[*]} " = '  ' ] || {
	cp --sparse=always "$TMP/base" "$image"
	"$fvesetup" header backup "$image" "$TMP/backup"
}
for operation in "${singles[@]}"; do
	at=$((stride > 1 ? RANDOM % stride + 1 : 1)) sites=0
	unset FVE_CALL_FILE
	case $operation in by_*) export FVE_CALL_FILE=$image ;; esac
	moved=1
	while :; do
		# What was formatted or erased before has left its mark in the TPM.
		case $operation in format | erase) moved=1 ;; esac
		restart
		"${operation}_before"
		inject "$at"
		tpm2_flushcontext -t && tpm2_flushcontext -l && tpm2_flushcontext -s
		[ -n "$failed" ] || break
		sites=$((sites + 1))
		judge
		case $operation in
		backup | policy_assign | by_*) must_open "${kept[@]}" ;;
		esac
		[ "$status" != 0 ] || "${operation}_done" || fail "it was not done: $where"
		[ "$status" = 0 ] || "$fvesetup" "${command[@]}" >"$TMP/out" 2>&1 </dev/null || again
		"${operation}_done" || { cat "$TMP/out"; fail "it was not done when repeated: $where"; }
		at=$((at + stride))
	done
	count_sites
done
echo "$found sites, $tried of them failed:" "$(for kind in "${!kinds[@]}"; do echo "$kind ${kinds[$kind]}"; done | sort | paste -s -d ,)"
[ "$failures" = 0 ] || exit 1

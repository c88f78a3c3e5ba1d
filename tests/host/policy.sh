# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What tests of key policies share: sourced after lib.sh and hsm.sh.

export FVE_STATE=$TMP/state
RANDOM=$((${FVE_SEED:-1} % 32768))

# Nobody is there to ask. $image is the volume.
# shellcheck disable=SC2120 # some tests have options
open_alone() {
	"${fvesetup:?}" open --test "$@" "${image:?}" </dev/null
}

# A member of policy acme.
policy_json() {
	"${fvesetup:?}" policy show acme --json | jq -r "$1"
}

random_of() {
	local words=("$@")
	echo "${words[RANDOM % $#]}"
}

# make_key_with_id MODULE TOKEN PIN: a key "acme" with the id 01, which can be renumbered.
make_key_with_id() {
	pkcs11_tool "$1" --token-label "$2" --login --pin "$3" --keypairgen --key-type rsa:3072 \
		--label acme --id 01 --usage-decrypt
	"$BUILD/tools/token_key" "$1" "$2" "$3" acme keep
}

# renumber_key MODULE TOKEN PIN FROM TO: for who looks for FROM the key is gone.
renumber_key() {
	pkcs11_tool "$1" --token-label "$2" --login --pin "$3" --type privkey --id "$4" --set-id "$5"
}

# random_answers ROUNDS: random combinations of what the roots of acme answer, and what becomes of $image each
# time. The test has tell ROOT ANSWER, after which that root (a, b) answers so, and restore ROOT ANSWER.
random_answers() {
	local wrong=0 used a b want got status state i denials=0
	used=$(grep -c availability-key-used "$FVE_STATE/audit.log" || true)
	for ((i = 0; i < $1; i++)); do
		a=$(random_of ok unreachable denied absent)
		b=$(random_of ok unreachable denied absent)
		case $a-$b in
		*ok*) want=opens ;;
		*denied*) want="key-denied" ;;
		*absent*) want="key-absent" ;;
		*) want="key-unreachable" ;;
		esac
		tell a "$a"
		tell b "$b"
		status=0
		open_alone >"$TMP/out" 2>&1 || status=$?
		got=opens
		[ $status -eq 0 ] || got=$(grep -oE '\((key|policy|token|header|secret)-[a-z]+\)' "$TMP/out" | head -n 1 | tr -d '()')
		state=$(policy_json .state)
		echo "$i: a $a, b $b: $got, $state"
		[ "$got" = "$want" ] || { cat "$TMP/out"; wrong=$((wrong + 1)); }
		[ "$state" = "$([ "$want" = key-denied ] && echo suspended || echo registered)" ] || wrong=$((wrong + 1))
		restore a "$a"
		restore b "$b"
		[ "$state" != suspended ] || { denials=1 && "$fvesetup" policy resume acme; }
	done
	[ "$(grep -c availability-key-used "$FVE_STATE/audit.log" || true)" = "$used" ] || fail "the availability key was used"
	[ $denials -eq 0 ] || grep -q '"type":"root-denied"' "$FVE_STATE/audit.log" || fail "no record of a denial"
	[ $wrong -eq 0 ] || fail "$wrong answers were taken for something else"
}

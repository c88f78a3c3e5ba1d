# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What tests of key policies share: sourced after lib.sh and hsm.sh.

export FVE_STATE=$TMP/state
RANDOM=$((${FVE_SEED:-1} % 32768))

# Nobody is there to ask. $image is the volume.
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

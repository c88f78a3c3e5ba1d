# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# A second reader of a TPM protector, on tpm2-tools and openssl, written from docs/on-disk.md.
# Sourced after lib.sh, with a TPM running.

# same_kek IMAGE TOKEN KEYS: unseal by the documented policy and the authValue in KEYS (what
# fve_keys.py printed), join it with the half in KEYS, and compare with the KEK in KEYS. TOKEN
# is the protector's token, exported.
same_kek() {
	local image=$1 dir=$TMP/unseal keys uuid kek
	keys=$(realpath "$3")
	mkdir -p "$dir"
	cp "$2" "$dir/token"
	cryptsetup luksDump --dump-json-metadata "$image" |
		jq '.tokens[] | select(.type == "fve-policy")' >"$dir/policy"
	uuid=$(cryptsetup luksUUID "$image")
	(cd "$dir" && unseal "$uuid" "$(sed -n 's/^authValue //p' "$keys")") ||
		fail "tpm2-tools do not unseal by docs/on-disk.md"
	kek=$(openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt info:'fve tpm2 kek' \
		-kdfopt "hexkey:$(xxd -p -c 0 "$dir/unsealed")$(sed -n 's/^half //p' "$keys")" HKDF |
		tr -d ':\n')
	[ "${kek,,}" = "$(sed -n 's/^KEK [^ ]* //p' "$keys")" ] || fail "another KEK than documented"
}

# unseal UUID [AUTH]: in a directory with token and policy; leaves the sealed key in ./unsealed.
unseal() {
	local ref signature pcrs counter
	ref=fve:$1
	jq -r .public token | base64 -d >pub
	jq -r .private token | base64 -d >priv
	# SubjectPublicKeyInfo of a P-256 key, up to the point (RFC 5480), and DER of a signature.
	{ echo 3059301306072a8648ce3d020106082a8648ce3d030107034200 04; jq -r .key policy; } |
		xxd -r -p | openssl pkey -pubin -inform DER -out key.pem
	signature=$(jq -r '.approvals[0].signature' policy)
	counter=$(jq -r .counter policy)
	jq -r '.approvals[0].limit' policy | xargs printf '%016x' | xxd -r -p >limit
	printf 'asn1=SEQUENCE:s\n[s]\nr=INTEGER:0x%s\ns=INTEGER:0x%s\n' "${signature:0:64}" \
		"${signature:64}" >signature.cnf
	openssl asn1parse -genconf signature.cnf -noout -out signature
	pcrs=$(jq -r '.approvals[0].pcrs | keys_unsorted | map(tonumber) | sort | join(",")' policy)
	tpm2_load -Q -C 0x81000001 -u pub -r priv -c object.ctx &&
	tpm2_flushcontext -t &&
	tpm2_loadexternal -Q -C o -G ecc256:ecdsa-sha256 -a 'userwithauth|sign' -u key.pem \
		-c key.ctx -n key.name &&
	tpm2_startauthsession --policy-session -S session &&
	tpm2_policypcr -Q -S session -l "sha256:$pcrs" -L pcr.policy &&
	tpm2_policynv -Q -S session -L pcr.policy -i limit -C "$counter" "$counter" ule &&
	{ cat pcr.policy; printf '%s' "$ref"; } >message &&
	tpm2_verifysignature -Q -c key.ctx -g sha256 -f ecdsa -m message -s signature -t ticket &&
	tpm2_flushcontext -t &&
	tpm2_policyauthorize -Q -S session -i pcr.policy -n key.name -t ticket \
		-q "$(printf '%s' "$ref" | xxd -p -c 0)" &&
	{ [ -z "$2" ] || tpm2_policyauthvalue -Q -S session; } &&
	tpm2_unseal -Q -c object.ctx -p "session:session${2:++hex:$2}" -o unsealed &&
	tpm2_flushcontext session &&
	tpm2_flushcontext -t
}

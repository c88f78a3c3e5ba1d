#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: the availability key leaves encrypted to its custodian; to two of them it takes both; in the clear only on demand
# group: host services
# timeout: 300
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/hsm.sh
. "$here/hsm.sh"
# shellcheck source=tests/host/policy.sh
. "$here/policy.sh"

# person NAME NEWKEY...: a key and a certificate of NAME.
person() {
	openssl req -x509 -newkey "${@:2}" -nodes -days 30 -subj "/CN=$1" -keyout "$TMP/$1.key" -out "$TMP/$1.pem" 2>/dev/null
}
# decrypt NAME: as that custodian, by openssl alone.
decrypt() {
	openssl cms -decrypt -inform DER -recip "$TMP/$1.pem" -inkey "$TMP/$1.key" 2>/dev/null
}

start_softhsm a root
start_softhsm b root
person alice ec -pkeyopt ec_paramgen_curve:P-256
person bob rsa:3072
person small rsa:1024
create() { # NAME [OPTION...]
	"$fvesetup" policy create "$1" --root-a "$(softhsm_uri a root)" --root-b "$(softhsm_uri b root)" \
		--availability-key "$TMP/$1.key.out" "${@:2}"
}

echo "--- refused before anything is made: neither, both, what is no certificate, a weak one, three"
expect 1 create acme
expect_text --custodian
expect 1 create acme --plain --custodian "$TMP/alice.pem"
expect 1 create acme --custodian "$TMP/alice.key"
expect_text 'nothing can be encrypted'
expect 1 create acme --custodian "$TMP/alice.pem" --custodian "$TMP/small.pem"
expect 4 create acme --custodian "$TMP/none"
expect 1 create acme --custodian "$TMP/alice.pem" --custodian "$TMP/bob.pem" --custodian "$TMP/bob.pem"
[ ! -e "$TMP/acme.key.out" ] && [ ! -e "$FVE_STATE/policies/acme.json" ] || fail "a refusal left something"

echo "--- one custodian"
expect 0 create acme --custodian "$TMP/alice.pem"
! grep -qa PRIVATE "$TMP/acme.key.out" || fail "the key is in the clear"
image=$TMP/volume.img
new_image "$image"
format "$image"
expect 0 "$fvesetup" policy assign acme "$image" --key-file "$TMP/pass"
decrypt alice <"$TMP/acme.key.out" >"$TMP/opened"
! decrypt bob <"$TMP/acme.key.out" >"$TMP/out" || fail "somebody else opens it"
expect 0 "$fvesetup" open --test --availability-key "$TMP/opened" "$image"
expect 1 "$fvesetup" open --test --availability-key "$TMP/acme.key.out" "$image"

echo "--- two: a packet for the first inside one for the second, and neither has the key"
expect 0 create two --custodian "$TMP/alice.pem" --custodian "$TMP/bob.pem"
! decrypt alice <"$TMP/two.key.out" >"$TMP/out" || fail "the first opens it alone"
decrypt bob <"$TMP/two.key.out" >"$TMP/inner"
! grep -qa PRIVATE "$TMP/inner" || fail "the second opens it alone"
! decrypt bob <"$TMP/inner" >"$TMP/out" || fail "the second opens both"
decrypt alice <"$TMP/inner" >"$TMP/opened"
expect 0 "$fvesetup" policy assign two "$image" --key-file "$TMP/pass"
expect 0 "$fvesetup" open --test --availability-key "$TMP/opened" "$image"

echo "--- on demand it is in the clear, for its owner alone"
expect 0 create plain --plain
grep -q 'PRIVATE KEY' "$TMP/plain.key.out" || fail "not in the clear"
[ "$(stat -c %a "$TMP/plain.key.out")" = 600 ] || fail "it is for others, too"

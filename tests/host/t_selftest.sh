#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: selftest and benchmark work where AF_ALG is, and say it and exit with 4 where it is not
# group: host fast
. "$(dirname "$0")/lib.sh"

status=0
/usr/bin/python3 -c 'import socket
socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET).bind(("skcipher", "xts(aes)"))' || status=4

expect "$status" "$fvesetup" selftest
[ "$(grep -cE '^[^ ].* lib(crypto|argon2) +passed ' "$TMP/out")" = 6 ] || fail "not all libraries passed"
[ "$status" = 0 ] || expect_text 'modprobe algif_skcipher'
[ "$status" != 0 ] || grep -qE '^AES-XTS .* passed ' "$TMP/out" || fail "the kernel's cipher"
expect "$status" "$fvesetup" selftest --json
sed '/^fvesetup: /d' "$TMP/out" | jq -e '.tests | map(select(.result == "passed")) | length >= 6' >/dev/null

expect "$status" "$fvesetup" benchmark --iter-time 1 --pbkdf-memory 1024
expect_text 'iterations, 1024 memory'
[ "$status" = 0 ] || expect_text 'modprobe algif_skcipher'
expect "$status" "$fvesetup" benchmark --json --iter-time 1 --pbkdf-memory 1024

# The digests in the program are those of the published ciphertexts.
vectors=$here/../vectors/ieee1619-xts-aes-256.txt
n=0
while read -r ciphertext; do
	digest=$(xxd -r -p <<<"$ciphertext" | sha256sum | cut -d ' ' -f 1)
	grep -q "$digest" "$here/../../userspace/lib/crypto/selftest.c" || fail "no digest $digest"
	n=$((n + 1))
done < <(sed -n 's/^CT = //p' "$vectors")
[ "$n" = 5 ] || fail "$n vectors"

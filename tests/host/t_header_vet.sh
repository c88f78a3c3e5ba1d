#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a header that says what is not on the short list is refused by name, for people and the machine: one keyslot without the others, digest, segment and requirements with the whole volume; key stretching has bounds at both ends
# group: host tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
memory=$(awk '/^MemTotal/ { print $2 }' /proc/meminfo) # KiB: more than may be asked for
printf '13579246' >"$TMP/pin"

start_tpm "$TMP/tpm"
measure_boot
new_image "$image"
format "$image" --tpm "$tpm" --protector tpm2
"$fvesetup" protector add --iter-time 1 --tpm "$tpm" --key-file "$TMP/pass" --new-key-file "$TMP/pin" \
	"$image" tpm2-pin
cp "$image" "$TMP/good"
cryptsetup luksDump --dump-json-metadata "$image" >"$TMP/json"
slot_of() {
	jq -r --arg type "$1" '.tokens[] | select(.type == $type).keyslots[0]' "$TMP/json"
}
token_of() {
	jq -r --arg type "$1" '.tokens | to_entries[] | select(.value.type == $type).key' "$TMP/json"
}
person=$(slot_of fve-passphrase) vmk=$(slot_of fve-vmk) pin=$(token_of fve-tpm2-pin)

edited() {
	cp "$TMP/good" "$image"
	/usr/bin/python3 "$here/luks2_edit.py" "$image" json "$1"
}
by_tpm() {
	"$fvesetup" open --test --tpm "$tpm" --protector "${1:-tpm2}" "$image" </dev/null
}
by_pass() {
	"$fvesetup" open --test --key-file "$TMP/pass" "$image"
}
health() {
	"$fvesetup" protector list --json "$image" |
		jq -r --arg kind "$1" '.protectors[] | select(.kind == $kind).reason'
}
failed_tries() {
	tpm2_getcap properties-variable | awk '/TPM2_PT_LOCKOUT_COUNTER/ { print $2 }'
}

# keyslot REASON TEXT EXPRESSION: an edit of "s", the passphrase's keyslot, and then the VMK's.
keyslot() {
	edited "s = h['keyslots']['$person']; $3"
	expect 2 by_pass
	expect_text "($1)"
	expect_text "$2"
	[ "$(health passphrase)" = "$1" ] || fail "the health is $(health passphrase)"
	expect 0 "$fvesetup" open --test --key-file "$image.rec" "$image"
	expect_text "($1)"
	edited "s = h['keyslots']['$vmk']; $3"
	expect 2 by_tpm
	expect_text "($1)"
	[ "$(health tpm2)" = "$1" ] || fail "the health is $(health tpm2)"
	[ "$(health tpm2-pin)" = "$1" ] || fail "the health is $(health tpm2-pin)"
	expect 0 by_pass
}

# volume TEXT EXPRESSION
volume() {
	edited "$2"
	expect 4 by_pass
	expect_text "$1"
	expect 4 by_tpm
	expect 4 "$fvesetup" protector list "$image"
}

echo "--- the cipher, the splitting, the size"
expect 0 by_tpm
expect 0 by_pass
keyslot keyslot-unsafe 'cipher cipher_null-ecb' 's["area"]["encryption"] = "cipher_null-ecb"'
keyslot keyslot-unsafe 'cipher aes-ecb' 's["area"]["encryption"] = "aes-ecb"'
keyslot keyslot-unsafe 'cipher (not a name)' 's["area"]["encryption"] = "aes-xts-plain64\x1b"'
keyslot keyslot-unsafe 'not with 256' 's["area"]["key_size"] = 48'
keyslot keyslot-unsafe 'hash sha1' 's["af"]["hash"] = "sha1"'
keyslot keyslot-unsafe 'not into 4000 stripes' 's["af"]["stripes"] = 3999'

echo "--- key stretching, at both ends"
argon2='s["kdf"] = dict(h["keyslots"]["'$person'"]["kdf"], **%s)'
pbkdf2='s["kdf"] = dict(h["keyslots"]["'$vmk'"]["kdf"], **%s)'
# shellcheck disable=SC2059 # formats
kdf() {
	keyslot "$1" "$2" "$(printf "$3" "$4")"
}
kdf keyslot-unsafe 'stretching is argon2i ' "$argon2" '{"type": "argon2i"}'
kdf keyslot-unsafe 'hash md5' "$pbkdf2" '{"hash": "md5"}'
kdf kdf-bounds 'iterations that are not 1000' "$pbkdf2" '{"iterations": 999}'
kdf kdf-bounds 'iterations that are not 1000' "$pbkdf2" '{"iterations": 100000001}'
kdf kdf-bounds 'less than 4 passes' "$argon2" '{"time": 3}'
kdf kdf-bounds 'less than 32 KiB' "$argon2" '{"memory": 31}'
kdf kdf-bounds '1 to 4 lanes' "$argon2" '{"cpus": 5}'
kdf kdf-bounds '1048577 passes over 262144 KiB' "$argon2" '{"time": 1048577, "memory": 262144}'
kdf kdf-bounds 'passes over 32 KiB' "$argon2" '{"time": 2147483647, "memory": 32}'
kdf kdf-bounds "$memory KiB of memory; at most" "$argon2" "{\"memory\": $memory}"
kdf kdf-bounds '4194305 KiB of memory; at most' "$argon2" '{"memory": 4194305}'

echo "--- of a PIN: refused before it is asked for, and no try is counted"
tries=$(failed_tries)
pin_kdf() {
	edited "h['tokens']['$pin']['kdf'].update($2)"
	expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$TMP/pin" "$image"
	expect_text '(kdf-bounds)'
	expect_text "$1"
	[ "$(health tpm2-pin)" = kdf-bounds ] || fail "the health is $(health tpm2-pin)"
	expect 2 by_tpm # the header's MAC
}
cp "$TMP/good" "$image"
expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$TMP/pin" "$image"
pin_kdf 'a PIN takes at least 3 over 65536' 'time=2'
pin_kdf 'a PIN takes at least 3 over 65536' 'memory=65535'
pin_kdf '4097 passes over 65536' 'time=4097, memory=65536'
[ "$(failed_tries)" = "$tries" ] || fail "tries were counted"

echo "--- what all keyslots depend on"
volume 'cipher cipher_null-ecb' 'h["segments"]["0"]["encryption"] = "cipher_null-ecb"'
volume 'cipher aes-cbc-plain64' 'h["segments"]["0"]["encryption"] = "aes-cbc-plain64"'
volume 'integrity' 'h["segments"]["0"]["integrity"] = {
	"type": "hmac(sha256)", "journal_encryption": "none", "journal_integrity": "none"}'
volume 'not just one segment' 'h["segments"]["0"]["size"] = "1048576"; h["segments"]["1"] = dict(
	h["segments"]["0"], offset=str((16 << 20) + 1048576), iv_tweak="2048", size="dynamic"); h["digests"]["0"]["segments"] = ["0", "1"]'
volume 'not just one digest' 'h["digests"]["1"] = dict(h["digests"]["0"], keyslots=[], segments=[])'
volume 'with hash sha1' 'h["digests"]["0"]["hash"] = "sha1"'
volume 'iterations are not 1000' 'h["digests"]["0"]["iterations"] = 100000001'

# libcryptsetup would take any word for such a header: without our tokens, which vouch for the key, we as well.
# unbelievable EXPRESSION: of "d", the digest
unbelievable() {
	volume 'is not of the right size' "d = h['digests']['0']; $1"
	edited "d = h['digests']['0']; h['tokens'] = {}; $1"
	printf 'another word' >"$TMP/wrong"
	cryptsetup open --test-passphrase --key-file "$TMP/wrong" "$image" || echo "this libcryptsetup refuses it"
	expect 4 "$fvesetup" open --test --key-file "$TMP/wrong" "$image"
}
unbelievable 'd["digest"] = {}'
unbelievable 'd["digest"] = ""'
unbelievable 'd["digest"] = d["digest"][:32]'
unbelievable 'd["digest"] = "A" * 44'
unbelievable 'd["salt"] = "16777216"'
unbelievable 'd["salt"] = {}'
volume 'not known here' 'h["config"]["requirements"] = {"mandatory": ["future"]}'

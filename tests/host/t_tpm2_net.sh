#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: tpm2-net opens by the TPM and any of its Tang servers, by neither alone, and tells down, silent and deleted apart
# group: host tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/host/tang.sh
. "$here/tang.sh"
# shellcheck source=tests/host/unseal.sh
. "$here/unseal.sh"

export FVE_PROVIDERS=${FVE_PROVIDERS:-$BUILD/san} FVE_CONFIG=$TMP/etc FVE_ROOT_TIMEOUT=40
mkdir "$FVE_CONFIG"
image=$TMP/volume.img
uri_of() {
	echo "tang://127.0.0.1:${ports[$1]}/$(signing "$1")"
}
allow() {
	for name; do echo "127.0.0.1:${ports[$name]}"; done >"$FVE_CONFIG/tang"
}
# Open by tpm2-net and nothing else.
net_open() {
	"$fvesetup" open --test --tpm "$tpm" --protector tpm2-net "$@" "$image" </dev/null
}
add() {
	"$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$@" "$image" tpm2-net
}
# refused CODE TEXT: why nothing opened.
refused() {
	expect 2 net_open
	expect_text "($1)"
	expect_text "$2"
}
id_of() {
	"$fvesetup" protector list --json "$image" | jq -r '.protectors[] | select(.kind == "tpm2-net").id'
}
token_of() {
	cryptsetup luksDump --dump-json-metadata "$image" | jq -c '.tokens[] | select(.type == "fve-tpm2-net")'
}

start_tpm "$TMP/tpm"
measure_boot
for name in a b c; do tang_server "$name"; done
a=$(uri_of a) b=$(uri_of b)
new_image "$image"
format "$image"

echo "--- what is refused leaves the header as it was"
before=$(sha256sum <"$image")
expect 1 add
expect_text '--net goes with tpm2-net'
expect 1 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" --net "$a" "$image" tpm2
expect_text '--net goes with tpm2-net'
expect 1 "$fvesetup" format -q --net "$a" "$TMP/none"
expect_text '--net goes with --protector tpm2-net'
expect 1 add --net "$a" --net "$b" --net "$a" --net "$b" --net "$a"
expect_text '4 times'
expect 1 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" --net "$a" "$image" tpm2-net,alone
expect_text 'does not take alone'
allow b
expect 1 add --net "$a"
expect_text "127.0.0.1:${ports[a]} is not listed in /etc/fve/tang"
allow a b
stop b
expect 4 add --net "$a" --net "$b"
expect_text "$b is of no use: unreachable"
serve b "$tang/tangd $TMP/b"
expect 1 add --net "$a" --net "$a"
expect_text 'is given twice'
expect 2 add --net "tang://127.0.0.1:${ports[a]}/$(signing b)"
expect_text "is of no use: absent"
expect 1 add --net "$(printf 'tang://%600s' x | tr ' ' x)"
expect_text '511 characters'
expect 4 "$fvesetup" protector add --tpm device:/nonexistent --key-file "$TMP/pass" --net "$a" "$image" tpm2-net
[ "$before" = "$(sha256sum <"$image")" ] || fail "a refusal changed the image"

echo "--- up: it opens at once, and by either"
expect 0 add --net "$a" --net "$b"
expect_text 'added tpm2-net'
within 20000 expect 0 net_open
expect 0 "$fvesetup" protector test --tpm "$tpm" "$image"
grep -qE "tpm2-net +opens" "$TMP/out" || fail "protector test"
expect 0 "$fvesetup" tpm status --tpm "$tpm" "$image"
expect_text 'opens, with the network'
for words in "protector list" dump "status --tpm $tpm"; do
	# shellcheck disable=SC2086 # words
	expect 0 "$fvesetup" $words "$image"
	grep -A 2 ' tpm2-net ' "$TMP/out" | sed 's/^ *//' | paste -s -d ' ' | grep -qF " from $a or $b" || fail "its servers: $words"
	# shellcheck disable=SC2086 # words
	[ "$("$fvesetup" $words --json "$image" | jq -c '[.protectors[] | .sources | select(. != [])]')" = "[[\"$a\",\"$b\"]]" ] ||
		fail "its servers, JSON: $words"
done
for name in a b; do
	stop "$name"
	for _ in 1 2 3; do within 20000 expect 0 net_open; done
	serve "$name" "$tang/tangd $TMP/$name"
done

echo "--- one of two is a black hole: the next is asked meanwhile"
stop a
serve a "sleep 60"
for _ in 1 2 3 4; do within 20000 expect 0 net_open; done

echo "--- all gone: why, and the person is asked"
stop a
stop b
refused key-unreachable 'server 1: unreachable'
expect_text 'server 2: unreachable'
expect 2 "$fvesetup" protector test --json --tpm "$tpm" "$image"
jq -e '.protectors[] | select(.kind == "tpm2-net") | .verdict == "refused" and .reason == "key-unreachable" and
	(.detail | contains("server 2"))' "$TMP/out" >/dev/null || fail "JSON"
expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" <"$TMP/pass"
for name in a b; do serve "$name" "sleep 60"; done
FVE_ROOT_TIMEOUT=3 within 20000 expect 2 net_open
expect_text 'server 2: unreachable'
for name in a b; do
	stop "$name"
	serve "$name" "$tang/tangd $TMP/$name"
done
expect 0 net_open

echo "--- neither half alone: another machine in this network, and this machine booted in another way"
first=$tpm
start_tpm "$TMP/other"
measure_boot
expect 2 net_open
expect_text '(tpm-cleared)'
stop_tpm
tpm=$first
export TPM2TOOLS_TCTI=$tpm
expect 0 net_open
expect 0 "$fvesetup" boot-cap --tpm "$tpm" --fvetab /dev/null
refused capped 'PCR 15'
stop_tpm
start_tpm "$TMP/tpm"
measure_boot

echo "--- a second reader, tpm2-tools and the server's own key: the same KEK as documented"
token_of >"$TMP/token"
for name in a b; do
	expect 0 /usr/bin/python3 "$here/fve_keys.py" --tang "$TMP/$name" "$image" "$TMP/pass"
	cp "$TMP/out" "$TMP/keys"
	same_kek "$image" "$TMP/token" "$TMP/keys"
done
/usr/bin/python3 "$here/fve_keys.py" --tang "$TMP/a" "$image" "$TMP/pass" "$image" >/dev/null ||
	fail "a key stands in the image"

echo "--- what whoever has the disk may write: servers that nobody allowed, another wrap, too much"
cp "$image" "$TMP/good.img"
# edit PYTHON: change t, the protector's token; the header then verifies for nobody who has no key.
edit() {
	cp "$TMP/good.img" "$image"
	/usr/bin/python3 "$here/luks2_edit.py" "$image" json "
import base64
t = [t for t in h['tokens'].values() if t['type'] == 'fve-tpm2-net'][0]
$1"
}
tang_server evil
edit "t['network'] = [dict(t['network'][0], uri='tang://127.0.0.1:${ports[evil]}/$(signing evil)')]"
refused key-error 'is not listed in /etc/fve/tang'
edit "t['network'] = [dict(t['network'][0], uri='file:///etc/passwd')]"
refused key-error 'server 1: badreq'
edit "t['network'][1]['uri'] = 'tang://\\x1b[2J\\u202e\\n'"
for words in "protector list" dump "status --tpm $tpm" "protector list --json"; do
	# shellcheck disable=SC2086 # words
	expect 0 "$fvesetup" $words "$image"
	! LC_ALL=C grep -q $'[\001-\010\013-\037\177]\|\342\200\256' "$TMP/out" || fail "a header's text does something to a terminal: $words"
done
"$fvesetup" dump "$image" | grep -qF '  or tang://?[2J?' || fail "another server is shown"
edit "w = bytearray(base64.b64decode(t['network'][0]['wrap'])); w[420] ^= 1
t['network'] = [dict(t['network'][0], wrap=base64.b64encode(w).decode())]"
refused key-unreachable 'does not open it'
edit "del t['network'][1]"
refused header-mac 'changed without fvesetup'
for bad in "t['network'] = []" "t['network'] *= 3" "t['network'] = {}" "t['network'][0]['more'] = 1" \
	"t['network'][0]['uri'] = ''" "t['network'][0]['uri'] = 'tang:' + 600 * 'x'" "t['network'][1]['wrap'] = ''" \
	"t['network'][1]['wrap'] = base64.b64encode(bytes(1025)).decode()" "t['network'][0]['alg'] = 40 * 'x'"; do
	edit "$bad"
	refused token-corrupt 'damaged'
done
# What another protector's server gives does not open this one.
cp "$TMP/good.img" "$image"
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" --net "$a" "$image" tpm2-net,label=second
cp "$image" "$TMP/good.img"
edit "l = [x for x in h['tokens'].values() if x['type'] == 'fve-tpm2-net']
l[0]['network'], l[1]['network'] = l[1]['network'], l[0]['network']"
refused token-corrupt 'damaged'

echo "--- rotated: it opens; deleted: absent, and said so; change wraps anew"
cp "$TMP/good.img" "$image"
expect 0 "$fvesetup" protector remove --tpm "$tpm" --key-file "$TMP/pass" "$image" \
	"$("$fvesetup" protector list --json "$image" | jq -r '.protectors[] | select(.label == "second").id')"
"$tang/tangd-rotate-keys" -d "$TMP/a" >/dev/null
stop b
expect 0 net_open
rm "$TMP/a"/.*.jwk
refused key-unreachable 'has deleted its key'
serve b "$tang/tangd $TMP/b"
expect 0 net_open
"$tang/tangd-rotate-keys" -d "$TMP/b" >/dev/null
rm "$TMP/b"/.*.jwk
refused key-absent 'server 1: absent'
expect 1 "$fvesetup" protector change --tpm "$tpm" --key-file "$TMP/pass" "$image" "$(id_of)"
allow a b c
expect 0 "$fvesetup" protector change --tpm "$tpm" --key-file "$TMP/pass" --net "$(uri_of a)" --net "$(uri_of c)" "$image" "$(id_of)"
expect_text 'is replaced by'
expect 0 net_open
[ "$(token_of | jq '.network | length')" = 2 ] || fail "not two servers"
expect 0 "$fvesetup" rotate vmk --tpm "$tpm" --key-file "$TMP/pass" "$image"
expect 0 net_open

echo "--- format makes one, and refuses before the device is touched"
new_image "$image"
rm "$image.rec"
stop c
before=$(sha256sum <"$image")
expect 4 format "$image" --protector tpm2-net --tpm "$tpm" --net "$(uri_of a)" --net "$(uri_of c)"
[ "$before" = "$(sha256sum <"$image")" ] || fail "a refusal changed the device"
expect 0 format "$image" --protector tpm2-net --tpm "$tpm" --net "$(uri_of a)"
expect 0 net_open
echo "all as expected"

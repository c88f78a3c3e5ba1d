#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: approvals come and go without a change of the sealed key, and one that was revoked opens nothing, with an old header neither
# group: host tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
new_image "$image"
format "$image"

tpm_open() {
	"$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$image"
}

# policy ACTION [OPTION...] [OPERAND]: a `tpm` action, unlocked by the passphrase.
policy() {
	local action=$1
	shift
	"$fvesetup" tpm "$action" --tpm "$tpm" --key-file "$TMP/pass" "$image" "$@"
}

status() {
	"$fvesetup" tpm status --json --tpm "$tpm" "$image" || true
}

# What jq finds in the status: expect_status FILTER VALUE
expect_status() {
	local found
	found=$(status | jq -r "$1")
	[ "$found" = "$2" ] || fail "$1 is $found instead of $2"
}

blob() {
	"$fvesetup" protector list --json "$image" |
		jq '.protectors[] | select(.kind == "tpm2").token' |
		xargs -I{} cryptsetup token export --token-id {} "$image" | jq -S '[.public, .private]'
}

# boot INITRD: off and on again
boot() {
	tpm2_shutdown --clear
	stop_tpm
	start_tpm "$TMP/tpm"
	measure_boot "$1"
}

# The id that the last command printed.
approved() {
	sed -n 's/^approved: //p' "$TMP/out"
}

start_tpm "$TMP/tpm"
measure_boot first

echo "--- no TPM protector: nothing to approve, nothing to tell"
expect 2 policy approve
expect_text 'the TPM was cleared'
expect 4 "$fvesetup" tpm status --tpm "$tpm" "$image"
expect_text 'has no TPM protector'

echo "--- the first enrolment makes the counter, a second one finds it"
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2
[ "$(tpm2_getcap handles-nv-index | grep -c 0x184650)" = 1 ] || fail "not one NV index"
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2,label=second
[ "$(tpm2_getcap handles-nv-index | grep -c 0x184650)" = 1 ] || fail "a second NV index"
"$fvesetup" protector remove --key-file "$TMP/pass" "$image" \
	"$("$fvesetup" protector list --json "$image" | jq -r '.protectors[] | select(.label == "second").id')"
expect_status '.opens, (.approvals | length), .counter.value, .counter.pending' $'true\n1\n1\nfalse'
blob >"$TMP/blob"

echo "--- another boot chain: status says why not, approve makes it so, the sealed key stays"
boot second
expect_status '.opens, .protectors[0].reason, .protectors[0].pcrs[0].pcr, .approvals[0].state' \
	$'false\npcr-mismatch\n9\napproved'
expect 2 "$fvesetup" tpm status --tpm "$tpm" "$image"
expect_text 'PCR 9'
expect 0 policy approve --label 'second chain'
second=$(approved)
expect 0 policy approve
[ "$(approved)" = "$second" ] || fail "the same state was approved twice"
expect 0 tpm_open
boot first
expect 0 tpm_open
blob | cmp - "$TMP/blob" || fail "the sealed key changed"

echo "--- revoked: its chain is refused, by an old header too; the other opens"
cp "$image" "$TMP/old.img"
expect 4 policy revoke 00000000
expect_text 'no approval 00000000'
expect 0 policy revoke "$second"
expect_status '.counter.value, .counter.pending, ([.approvals[].state] | sort | join(" "))' \
	$'2\nfalse\nnow revoked'
expect 0 tpm_open
boot second
expect 2 tpm_open
expect_text policy-revoked
expect_status '.opens, .protectors[0].reason' $'false\npolicy-revoked'
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$TMP/old.img"
expect_text policy-revoked
blob | cmp - "$TMP/blob" || fail "the sealed key changed"
expect 0 policy revoke "$second" # again: nothing to do
expect_status .counter.value 2
expect 0 policy approve # changed our mind
expect 0 tpm_open

echo "--- power gone between signing again and the counter: both states open what is kept"
first=$(status | jq -r '.approvals[] | select(.label == "as enrolled").id')
cp "$image" "$TMP/before.img"
expect 0 policy revoke "$first"
cp "$image" "$TMP/after.img"
expect_status .counter.value 3
# The header as it was after the first write is the one after; the TPM's counter is as before.
tpm2_shutdown --clear
stop_tpm
cp -r "$TMP/tpm" "$TMP/kept" # the state with the counter at 3
start_tpm "$TMP/tpm"
measure_boot second
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$TMP/before.img"
expect_text policy-revoked
expect 0 tpm_open
cp "$TMP/before.img" "$image"
expect_status '.counter.pending, .opens' $'false\nfalse'
cp "$TMP/after.img" "$image"
# The other way round: a TPM from before. A virtual one can be put back.
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2,label=new
third=$(status | jq -r '.approvals[] | select(.state == "now").id')
boot third
expect 0 policy approve
tpm2_shutdown --clear
stop_tpm
rm -rf "$TMP/back"
cp -r "$TMP/tpm" "$TMP/back"
start_tpm "$TMP/tpm"
measure_boot third
expect 0 policy revoke "$third"
tpm2_shutdown --clear
stop_tpm
rm -rf "$TMP/tpm"
mv "$TMP/back" "$TMP/tpm"
start_tpm "$TMP/tpm"
measure_boot third
expect_status '.counter.pending, .counter.value, .opens' $'true\n3\ntrue'
expect 0 tpm_open
expect 0 "$fvesetup" tpm status --tpm "$tpm" "$image"
expect_text 'a revocation was interrupted'
expect 0 policy approve
expect_status '.counter.pending, .counter.value, .opens' $'false\n4\ntrue'
boot second
expect 2 tpm_open
expect_text policy-revoked

echo "--- room for twelve: what was revoked goes first, then the oldest that is not of this boot"
for i in $(seq 14); do
	boot "chain $i"
	expect 0 policy approve --label "chain $i" >/dev/null
done
expect_status '[.approvals[].state] | length, index("revoked")' $'12\nnull'
expect_status '[.approvals[].label] | .[0], .[-1]' $'chain 3\nchain 14'
boot "chain 3"
measure 9 "an update"
expect_status '[.approvals[].label][0]' 'chain 3'
expect 0 policy approve --label 'chain 15'
expect_status '[.approvals[].label] | .[0], .[-1]' $'chain 4\nchain 15'
boot "chain 4"
expect 0 policy approve # approved already: nothing to drop
expect_status '[.approvals[].label] | .[0], .[-1]' $'chain 4\nchain 15'

echo "--- the counter gone, or somebody else's: refused, and said"
boot "chain 14"
expect 0 tpm_open
tpm2_nvundefine -Q -C o 0x01846500
expect 2 tpm_open
expect_text policy-revoked
expect_status '.counter.value, .protectors[0].reason, .approvals[0].state' \
	$'null\npolicy-revoked\nrevoked'
tpm2_nvdefine -Q -C o -s 8 -a 'nt=counter|authread|authwrite|no_da' 0x01846500
tpm2_nvincrement -Q -C 0x01846500 0x01846500
expect 2 tpm_open
expect_text policy-revoked
expect 2 policy approve
expect_text policy-revoked
tpm2_nvundefine -Q -C o 0x01846500
# The same index made anew starts above every value that there ever was.
printf 'fve counter %s' "$(cryptsetup luksUUID "$image")" | openssl dgst -sha256 -binary >"$TMP/pol"
tpm2_nvdefine -Q -C o -g sha256 -s 8 -a 'nt=counter|authread|authwrite|no_da' -L "$TMP/pol" 0x01846500
tpm2_nvincrement -Q -C 0x01846500 0x01846500
expect 2 tpm_open
expect_text policy-revoked
expect 0 policy approve
expect 0 tpm_open

echo "--- an owner's password, no room: refused, with nothing changed, unless asked for without"
new_image "$image"
format "$image"
before=$(sha256sum <"$image")
tpm2_changeauth -c owner secret
expect 2 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2
expect_text tpm-owned
expect_text 'add no-revocation if you mean it'
[ "$before" = "$(sha256sum <"$image")" ] || fail "a refusal changed the image"
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2,no-revocation
expect 0 tpm_open
expect_status '.counter' null
id=$(status | jq -r '.approvals[0].id')
expect 1 policy revoke "$id"
expect_text 'no-revocation'
tpm2_changeauth -c owner -p secret
expect 1 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2
expect_text 'without a way to revoke'
for i in $(seq 1 64); do
	tpm2_nvdefine -Q -C o -s 8 "$(printf '0x%x' $((0x01846500 + i - 1)))" 2>/dev/null || true
done
new_image "$image"
format "$image"
expect 5 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2
expect_text tpm-full

[ -z "$(tpm2_getcap handles-transient)$(tpm2_getcap handles-loaded-session)" ] ||
	fail "something was left in the TPM"

echo "--- the only approval revoked: nothing opens, by an old header neither, until it is approved anew"
stop_tpm
start_tpm "$TMP/lone"
measure_boot first
new_image "$image"
format "$image"
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2
expect 0 tpm_open
cp "$image" "$TMP/old.img"
expect 0 policy revoke "$(status | jq -r '.approvals[0].id')"
expect_status '.counter.value, .approvals[0].state' $'2\nrevoked'
expect 2 tpm_open
expect_text policy-revoked
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$TMP/old.img"
expect_text policy-revoked
expect 0 policy approve
expect 0 tpm_open
echo "all as expected"

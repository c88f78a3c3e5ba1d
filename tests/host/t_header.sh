#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a header edited with right checksums is refused by the machine's protectors with header-mac, opens with a warning for people, takes no change before it is accepted, and is told apart by part; backup and restore round trip with stock cryptsetup; a destroyed copy is repaired, and said
# group: host tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
edit() {
	/usr/bin/python3 "$here/luks2_edit.py" "$@"
}
by_tpm() {
	"$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$1" </dev/null
}
by_person() {
	"$fvesetup" open --test --key-file "$TMP/pass" "$1"
}
mac_of() {
	"$fvesetup" header verify --json --key-file "$TMP/pass" "$1" 2>/dev/null
}
token_of() {
	cryptsetup luksDump --dump-json-metadata "$TMP/good" |
		jq -r --arg type "$1" '.tokens | to_entries[] | select(.value.type == $type).key'
}

start_tpm "$TMP/tpm"
measure_boot
new_image "$image"
format "$image" --tpm "$tpm" --protector tpm2
cp "$image" "$TMP/good"

echo "--- as it was left"
expect 0 "$fvesetup" header verify --tpm "$tpm" "$image" </dev/null
expect_text 'MAC:             valid, change'
expect_text 'first good, second good'
[ "$(mac_of "$image" | jq -r '.mac, .copies[], .wrapped_keys_good' | paste -s -d ' ')" = \
	'valid good good true' ] || fail "another report"
expect 0 "$fvesetup" header accept --key-file "$TMP/pass" "$image"
expect_text 'nothing to accept'
cmp "$image" "$TMP/good" || fail "verify or accept wrote"

# tampered PART EXPRESSION: an edit with right checksums, and what is said of it. People open it with
# a warning; with $for_people 2, not at all.
for_people=0
tampered() {
	cp "$TMP/good" "$image"
	edit "$image" json "$2"
	cp "$image" "$TMP/before"
	expect 2 by_tpm "$image"
	expect_text header-mac
	expect "$for_people" by_person "$image"
	expect_text header-mac
	[ "$for_people" = 0 ] || expect_text 'no secret opens it so'
	expect 2 "$fvesetup" protector add --key-file "$TMP/pass" --recovery-file "$TMP/r" "$image" recovery
	expect_text header-mac
	[ ! -e "$TMP/r" ] || fail "a password was written that opens nothing"
	expect 2 "$fvesetup" protector remove --key-file "$TMP/pass" "$image" \
		"$("$fvesetup" protector list --json "$image" | jq -r '.protectors[0].id')"
	expect 2 "$fvesetup" rotate vmk --key-file "$TMP/pass" "$image"
	expect 2 "$fvesetup" header verify --key-file "$TMP/pass" "$image"
	expect_text "$1"
	cmp "$image" "$TMP/before" || fail "a header that does not verify was changed"
}

echo "--- edits with right checksums"
for_people=2
tampered 'segments: changed' 'h["segments"]["0"]["iv_tweak"] = "8"'
tampered 'segments: changed' 'h["segments"]["0"]["sector_size"] = 512'
tampered 'digests: changed' 'h["digests"]["0"]["iterations"] += 0; h["digests"]["0"]["x"] = 1'
for_people=0
tampered 'config: changed' 'h["config"]["flags"] = ["allow-discards"]'
tampered 'keyslot 0: changed' 'h["keyslots"]["0"]["priority"] = 0'
tampered "token $(token_of fve-recovery) (fve-recovery): changed" \
	"h[\"tokens\"][\"$(token_of fve-recovery)\"][\"label\"] = \"other\""
tampered "token $(token_of fve-recovery): removed" "del h[\"tokens\"][\"$(token_of fve-recovery)\"]"
tampered "(fve-policy): changed" \
	"h[\"tokens\"][\"$(token_of fve-policy)\"][\"approvals\"][0][\"label\"] = \"x\""
tampered "token 20 (fve-tpm2): added" \
	"h[\"tokens\"][\"20\"] = dict(h[\"tokens\"][\"$(token_of fve-tpm2)\"], id=\"00000000\")"
tampered 'cannot be told' "del h[\"tokens\"][\"$(token_of fve-mac)\"]"
[ "$(mac_of "$image" | jq -r .mac)" = missing ] || fail "a missing MAC is not called so"
tampered 'fve-mac itself' "h[\"tokens\"][\"$(token_of fve-mac)\"][\"macs\"] = [\"00\" * 32]"
tampered 'cannot be told' "h[\"tokens\"][\"$(token_of fve-mac)\"][\"macs\"] = []"
tampered 'fve-mac itself' "h[\"tokens\"][\"$(token_of fve-mac)\"][\"seq\"] += 1"
[ "$(mac_of "$image" | jq -r .mac)" = mismatch ] || fail "a mismatch is not called so"

echo "--- not covered: what stock tools add"
cp "$TMP/good" "$image"
printf 'second' >"$TMP/second"
cryptsetup luksAddKey --pbkdf-memory 32 --pbkdf-parallel 1 --pbkdf-force-iterations 4 \
	--key-file "$TMP/pass" "$image" "$TMP/second"
echo '{"type":"other","keyslots":[]}' | cryptsetup token import "$image"
expect 0 by_tpm "$image"
expect 0 "$fvesetup" header verify --key-file "$TMP/second" "$image"

echo "--- accept: a person only, and then everything opens"
cp "$TMP/good" "$image"
edit "$image" json "h[\"tokens\"][\"$(token_of fve-recovery)\"][\"label\"] = \"other\""
cp "$image" "$TMP/before"
expect 4 "$fvesetup" header accept -q --tpm "$tpm" --protector tpm2 "$image" </dev/null
expect 2 "$fvesetup" header accept -q --tpm "$tpm" "$image" </dev/null
expect 1 "$fvesetup" header accept --key-file "$TMP/pass" "$image" </dev/null
cmp "$image" "$TMP/before" || fail "accepted without a person's word"
expect 0 "$fvesetup" header accept -q --key-file "$TMP/pass" "$image"
expect_text '(fve-recovery): changed'
expect 0 by_tpm "$image"
[ "$(mac_of "$image" | jq -r .mac)" = valid ] || fail "accepted, and still no MAC"
expect 0 /usr/bin/python3 "$here/fve_keys.py" --mac "$image" "$TMP/pass"

echo "--- one copy destroyed: opens, repairs, and says so"
# destroyed FIRST_BYTE NAME
destroyed() {
	cp "$TMP/good" "$image"
	head -c 65536 /dev/urandom | dd of="$image" bs=65536 seek="$1" conv=notrunc status=none
	expect 0 by_tpm "$image"
	expect_text "The $2 copy of the header of $image was damaged; it was written again"
	cmp "$image" "$TMP/good" >/dev/null || : # the repaired copy has a salt of its own
	expect 0 "$fvesetup" header verify --key-file "$TMP/pass" "$image"
	expect_text 'first good, second good'
}
destroyed 0 first
destroyed 1 second
cp "$TMP/good" "$image"
head -c 131072 /dev/urandom | dd of="$image" conv=notrunc status=none
expect 4 by_tpm "$image"

echo "--- an older header in one copy only: the newer is taken, and the other written again"
cp "$TMP/good" "$image"
expect 0 "$fvesetup" protector add --key-file "$TMP/pass" --recovery-file "$TMP/rec2" "$image" recovery
cp "$image" "$TMP/newer"
dd if="$TMP/good" of="$image" bs=65536 count=1 conv=notrunc status=none
expect 0 by_tpm "$image"
expect_text 'The first copy of the header'
expect_text older
expect 0 "$fvesetup" open --test --key-file "$TMP/rec2" "$image"

echo "--- a whole older header verifies: replay is not stopped by the MAC (docs/threat-model.md)"
cp "$TMP/good" "$image"
expect 0 by_tpm "$image"

echo "--- backup and restore, here and by stock cryptsetup"
expect 0 "$fvesetup" header backup "$image" "$TMP/backup"
expect 5 "$fvesetup" header backup "$image" "$TMP/backup"
expect 0 cryptsetup luksHeaderBackup --header-backup-file "$TMP/stock" "$image"
cmp "$TMP/backup" "$TMP/stock" || fail "stock cryptsetup writes another backup"
dd if=/dev/urandom of="$image" bs=1M count=16 conv=notrunc status=none
expect 1 "$fvesetup" header restore "$image" "$TMP/backup" </dev/null
expect 0 "$fvesetup" header restore -q "$image" "$TMP/backup"
expect 0 by_tpm "$image"
expect 0 cryptsetup luksHeaderRestore -q --header-backup-file "$TMP/backup" "$image"
expect 0 by_tpm "$image"
expect 0 by_person "$image"
expect 0 "$fvesetup" protector remove --key-file "$TMP/pass" "$image" \
	"$("$fvesetup" protector list --json "$image" | jq -r '.protectors[] | select(.kind == "recovery").id')"
expect 2 "$fvesetup" open --test --key-file "$image.rec" "$image"
expect 0 "$fvesetup" header restore -q "$image" "$TMP/stock"
expect 0 "$fvesetup" open --test --key-file "$image.rec" "$image" # an old backup brings it back

echo "--- what is no backup of this volume is refused"
new_image "$TMP/other.img"
format "$TMP/other.img"
expect 0 "$fvesetup" header backup "$TMP/other.img" "$TMP/other"
cp "$image" "$TMP/before"
expect 1 "$fvesetup" header restore -q "$image" "$TMP/other"
expect_text 'with --force'
expect 4 "$fvesetup" header restore -q "$image" "$TMP/pass"
expect 4 "$fvesetup" header restore -q "$image" /nonexistent
truncate -s 10M "$TMP/short"
cp "$TMP/short" "$TMP/short.before"
expect 4 "$fvesetup" header restore -q "$TMP/short" "$TMP/backup"
expect_text 'too small'
cmp "$TMP/short" "$TMP/short.before" || fail "a device that is too small was written"
cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$TMP/other.img" "$TMP/pass"
cryptsetup luksHeaderBackup --header-backup-file "$TMP/foreign" "$TMP/other.img"
expect 4 "$fvesetup" header restore -q --force "$image" "$TMP/foreign"
cmp "$image" "$TMP/before" || fail "a refusal changed the image"
expect 0 "$fvesetup" header restore -q --force "$image" "$TMP/other"
expect 0 by_person "$image"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a key file on another volume opens by itself while it is there, and is made once, synced, and only where it is encrypted
# group: host fast
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
key=$TMP/data.key

# Nobody is there to ask.
open_alone() {
	"$fvesetup" open --test "$@" "$image" </dev/null
}

new_image "$image"
format "$image"

echo "--- refused before anything is asked or written"
before=$(sha256sum <"$image")
expect 1 "$fvesetup" protector add "$image" auto
expect_text 'file=PATH'
expect 1 "$fvesetup" protector add "$image" auto,file=relative
expect 1 "$fvesetup" protector add "$image" "auto,file=$key,volume=/dev/null"
expect 4 "$fvesetup" protector add "$image" "auto,file=$TMP/none/key"
expect 5 "$fvesetup" protector add "$image" "auto,file=$TMP/pass"
expect_text 'exists'
expect 1 "$fvesetup" protector add --key-file "$TMP/pass" "$image" "auto,file=$key"
expect_text 'not on an encrypted volume'
expect 2 "$fvesetup" protector add --force --key-file /etc/hostname "$image" "auto,file=$key"
expect 1 "$fvesetup" protector add --key-file "$TMP/pass" "$image" "auto,volume=$image" --new-key-file "$TMP/x"
expect 1 "$fvesetup" protector add --key-file "$TMP/pass" "$image" "auto,volume=$image"
expect_text 'this volume itself'
[ ! -e "$key" ] || fail "a key file was left that opens nothing"
[ "$before" = "$(sha256sum <"$image")" ] || fail "a refusal changed the image"

echo "--- made, and it opens; the file is synced before the header names it"
expect 0 strace -f -e trace=openat,fsync,fdatasync,pwrite64,write -o "$TMP/trace" \
	"$BUILD/fvesetup" protector add --force --key-file "$TMP/pass" "$image" "auto,file=$key,label=root fs"
[ "$(stat -c '%s %a' "$key")" = '32 600' ] || fail "not 32 bytes for the owner only"
awk -v key="$key" '
	index($0, key) && /O_EXCL/ { made = 1 }
	made && /fsync/ { synced++ }
	synced >= 2 && /write/ { after = 1 }
	END { exit !after }' "$TMP/trace" || fail "the key file is not synced with its directory first"
expect 0 open_alone
expect 0 open_alone --protector auto
expect 0 "$fvesetup" protector test --json "$image"
[ "$(jq -r '.protectors[] | select(.kind == "auto").verdict' "$TMP/out")" = opens ] ||
	fail "another verdict"
expect 0 "$fvesetup" protector list "$image"
expect_text 'root fs'
expect_text " from $key"

echo "--- a second reader: the KEK is what docs/on-disk.md says"
expect 0 /usr/bin/python3 "$here/fve_keys.py" --auto-key "$key" "$image" "$TMP/pass"

echo "--- not there: the others are asked for without a word; asked for: a reason"
mv "$key" "$key.away"
expect 2 open_alone
! grep -q key-absent "$TMP/out" || fail "an absent key file is told at every boot"
expect 2 open_alone --protector auto
expect_text key-absent
expect 0 "$fvesetup" open --test "$image" <"$TMP/pass"

echo "--- wrong, short, or no file at all"
head -c 32 /dev/urandom >"$key"
expect 2 open_alone
expect_text secret-wrong
head -c 31 "$key.away" >"$key"
expect 2 open_alone
expect_text secret-wrong
rm "$key"
mkfifo "$key"
expect 2 timeout 60 "$fvesetup" open --test "$image" </dev/null
expect_text secret-wrong
rm "$key"
mv "$key.away" "$key"

echo "--- a header that somebody changed is not opened by it"
cp "$image" "$TMP/kept.img"
echo '{"type":"fve-unknown","keyslots":[]}' | cryptsetup token import "$image"
expect 2 open_alone
expect_text header-mac
expect 2 "$fvesetup" protector test "$image"
expect_text header-mac
mv "$TMP/kept.img" "$image"

echo "--- it has no secret to change; a given secret leaves it alone; removed, it opens no more"
id=$("$fvesetup" protector list --json "$image" | jq -r '.protectors[] | select(.kind == "auto").id')
expect 1 "$fvesetup" protector change --key-file "$TMP/pass" "$image" "$id"
expect_text 'no secret that could be changed'
expect 2 "$fvesetup" open --test --key-file /etc/hostname "$image"
expect 0 "$fvesetup" protector remove --key-file "$TMP/pass" "$image" "$id"
expect_text "$key opens nothing any more"
expect 2 open_alone

echo "--- in format"
rm "$key"
new_image "$image"
expect 1 format "$image" --protector "auto,file=$key"
expect_text 'not on an encrypted volume'
expect 0 format "$image" --force --protector "auto,file=$key"
expect 0 open_alone

echo "--- another volume's key: both are unlocked"
other=$TMP/other.img
printf 'other secret' >"$TMP/other-pass"
new_image "$other"
expect 0 "$fvesetup" format -q "${cheap[@]}" --no-recovery --key-file "$TMP/other-pass" "$other"
before=$(sha256sum <"$image")
expect 2 "$fvesetup" protector add --key-file "$TMP/pass" --other-key-file "$TMP/pass" "$image" "auto,volume=$other"
[ "$before" = "$(sha256sum <"$image")" ] || fail "a refusal changed the image"
expect 0 "$fvesetup" protector add --key-file "$TMP/pass" --other-key-file "$TMP/other-pass" "$image" \
	"auto,volume=$other"
expect 0 "$fvesetup" protector test --json "$image"
[ "$(jq -r '[.protectors[] | select(.kind == "auto").verdict] | sort | join(" ")' "$TMP/out")" = \
	"opens untested" ] || fail "other verdicts"
[ "$("$fvesetup" protector list --json "$image" | jq -c '[.protectors[] | select(.kind == "auto").sources[]] | sort')" = \
	"[\"$key\",\"$(cryptsetup luksUUID "$other")\"]" ] || fail "other sources"
rm "$key"
expect 2 open_alone --protector auto
expect_text key-absent

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: people's protectors are added, listed, opened and removed, and stock cryptsetup opens them
# group: host fast
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
new_image "$image"
format "$image" --label data

echo "--- what is there"
expect 0 "$fvesetup" protector list "$image"
expect_text passphrase
expect_text recovery
expect 0 "$fvesetup" dump "$image"
expect_text 'Sector size:     4096'
expect 0 "$fvesetup" dump --json "$image"
jq -e '.label == "data" and .vmk_generation == 1 and .metadata_size == 65536 and
	(.protectors | length) == 2 and all(.protectors[]; .usable)' "$TMP/out" >/dev/null ||
	fail "dump --json is not as documented"
[ "$(blkid -p -o value -s SUBSYSTEM "$image" 2>/dev/null || cryptsetup luksDump "$image" | awk '/Subsystem/ { print $2 }')" = fve ] ||
	fail "the subsystem is not fve"

echo "--- each opens, in any spelling, here and with stock cryptsetup"
expect 0 "$fvesetup" open --test --key-file "$image.rec" "$image"
expect 0 "$fvesetup" open --test --key-file "$TMP/pass" "$image"
tr -d - <"$image.rec" | expect 0 "$fvesetup" open --test --key-file - "$image"
tr - ' ' <"$image.rec" | expect 0 "$fvesetup" open --test "$image"
expect 0 cryptsetup open --test-passphrase --key-file "$image.rec" "$image"
expect 0 cryptsetup open --test-passphrase --key-file "$TMP/pass" "$image"

echo "--- wrong secrets"
printf wrong | expect 2 "$fvesetup" open --test "$image"
expect_text secret-wrong
sed -E 's/^(.{5})./\1X/; s/X/'"$(($(cut -c 6 "$image.rec") == 9 ? 0 : $(cut -c 6 "$image.rec") + 1))"'/' "$image.rec" >"$TMP/typo"
expect 2 "$fvesetup" open --test --key-file "$TMP/typo" "$image"
expect_text 'group 1 of the recovery password is mistyped'

echo "--- add and remove"
printf 'second pass' >"$TMP/pass2"
expect 0 "$fvesetup" protector add "${cheap[@]}" --key-file "$image.rec" \
	--new-key-file "$TMP/pass2" "$image" passphrase,label=second
expect 0 "$fvesetup" open --test --key-file "$TMP/pass2" "$image"
"$fvesetup" protector list --json "$image" >"$TMP/list"
id=$(jq -r '.protectors[] | select(.label == "second") | .id' "$TMP/list")
expect 0 "$fvesetup" protector remove --key-file "$image.rec" "$image" "$id"
expect 2 "$fvesetup" open --test --key-file "$TMP/pass2" "$image"
grep -q second "$image" && fail "the removed token is still in the image"
expect 0 "$fvesetup" open --test --key-file "$TMP/pass" "$image"

echo "--- a keyslot that stock cryptsetup added opens too, and is listed"
cryptsetup luksAddKey --pbkdf-memory 32 --pbkdf-parallel 1 --pbkdf-force-iterations 4 \
	--key-file "$TMP/pass" "$image" "$TMP/pass2"
expect 0 "$fvesetup" open --test --key-file "$TMP/pass2" "$image"
expect 0 "$fvesetup" protector list "$image"
expect_text keyslot

echo "--- the last one for a person stays, unless forced"
"$fvesetup" protector list --json "$image" >"$TMP/list"
mapfile -t ids < <(jq -r '.protectors[].id' "$TMP/list")
for id in "${ids[@]:1}"; do
	expect 0 "$fvesetup" protector remove --key-file "$image.rec" "$image" "$id"
done
expect 5 "$fvesetup" protector remove --key-file "$image.rec" "$image" "${ids[0]}"
expect_text 'last protector'
expect 0 "$fvesetup" protector remove --key-file "$image.rec" --force "$image" "${ids[0]}"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: after erase nothing opens, no keyslot, token or wrap is left in either header copy, and a cut one is repeated
# group: host
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
cuts=${FVE_CUTS:-3}
RANDOM=$((${FVE_SEED:-1} % 32768))

new_image "$image"
format "$image" --force --protector "auto,file=$TMP/auto"
head -c 16M "$image" >"$TMP/before"
cp "$image" "$TMP/kept.img"
mapfile -t wraps < <(cryptsetup luksDump --dump-json-metadata "$image" |
	jq -r '.tokens[] | .vmk // empty, .kek // empty')
[ ${#wraps[@]} -ge 3 ] || fail "this volume has too few wraps to look for"
for wrap in "${wraps[@]}"; do
	grep -aqF "$wrap" "$TMP/before" || fail "the search does not find a wrap"
done

echo "--- asked first, and refused where nobody can be asked"
expect 1 "$fvesetup" erase "$image" </dev/null
expect_text '--batch-mode'
cmp "$image" "$TMP/kept.img" || fail "a refusal changed the image"
expect 4 "$fvesetup" erase -q "$TMP/pass"

echo "--- nothing opens, nothing is left"
expect 0 "$fvesetup" erase -q "$image"
expect_text 'flash'
expect 4 "$fvesetup" open --test --key-file "$TMP/pass" "$image"
expect 4 "$fvesetup" open --test "$image" </dev/null
expect_text 'no protector at all'
! cryptsetup open --test-passphrase --key-file "$TMP/pass" "$image" || fail "stock tools open it"
! cryptsetup open --test-passphrase --key-file "$image.rec" "$image" || fail "stock tools open it"
[ "$(cryptsetup luksDump --dump-json-metadata "$image" | jq '(.tokens | length), (.keyslots | length)' | paste -s -d ' ')" = "0 0" ] ||
	fail "tokens or keyslots were left"
head -c 16M "$image" >"$TMP/after"
for wrap in "${wraps[@]}"; do
	! grep -aqF "$wrap" "$TMP/after" || fail "a wrap is still there"
done
# Every keyslot's area is other bytes than before: LUKS2 JSON tells where they were.
cryptsetup luksDump --dump-json-metadata "$TMP/kept.img" |
	jq -r '.keyslots[].area | .offset + " " + .size' | while read -r offset size; do
	differ=$({ cmp -l -i "$offset" -n "$size" "$TMP/before" "$TMP/after" || true; } | wc -l)
	[ "$differ" -gt $((size * 9 / 10)) ] || fail "only $differ of $size bytes at $offset changed"
done

echo "--- cut off anywhere: repeated, it is done"
# Counted on a volume like those that are cut: fewer tokens make fewer writes.
new_image "$image"
format "$image" >/dev/null
strace -qq -f -e trace=write -o "$TMP/writes" "$BUILD/fvesetup" erase -q "$image" 2>/dev/null
writes=$(grep -c 'write(' "$TMP/writes")
echo "erase makes $writes writes"
for _ in $(seq "$cuts"); do
	n=$((RANDOM % (writes - 2) + 1))
	new_image "$image"
	format "$image" >/dev/null
	! strace -qq -o /dev/null -f -e trace=write -e inject=write:signal=KILL:when="$n" \
		"$BUILD/fvesetup" erase -q "$image" 2>/dev/null || fail "was not cut"
	expect 0 "$fvesetup" erase -q "$image"
	expect 4 "$fvesetup" open --test --key-file "$TMP/pass" "$image"
done

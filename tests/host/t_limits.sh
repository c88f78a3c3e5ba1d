#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: 24 protectors and more fit, one too many is refused with nothing changed, and in the fullest header a change and a rotation still work; two fvesetup at once do not meet; a header that cannot be written stays as it is
# group: host
# timeout: 2400
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
new_image "$image"
format "$image"
number() {
	"$fvesetup" protector list --json "$image" | jq '.protectors | length'
}

echo "--- as many as fit"
status=0
for ((i = 3; i <= 40; i++)); do
	cp --sparse=always "$image" "$TMP/before"
	"$fvesetup" protector add --key-file "$image.rec" --recovery-file "$TMP/rec$i" "$image" \
		recovery >"$TMP/out" 2>&1 || { status=$?; break; }
done
cat "$TMP/out"
echo "$(number) protectors"
[ "$status" = 5 ] || fail "status $status"
expect_text 'no room'
[ "$(number)" -ge 24 ] || fail "only $(number)"
cmp "$image" "$TMP/before" || fail "one too many changed the header"
[ ! -e "$TMP/rec$i" ] || fail "a password was written that opens nothing"

echo "--- the fullest header can be changed and its VMK replaced"
full=$(number)
expect 0 "$fvesetup" protector change "${cheap[@]}" --key-file "$image.rec" \
	--new-key-file "$TMP/rec3" "$image" \
	"$("$fvesetup" protector list --json "$image" | jq -r '.protectors[] | select(.kind == "passphrase").id')"
expect 0 "$fvesetup" rotate vmk --key-file "$image.rec" "$image"
[ "$(number)" = "$full" ] || fail "another number of protectors"
expect 0 "$fvesetup" header verify --key-file "$image.rec" "$image"
expect 0 "$fvesetup" open --test --key-file "$TMP/rec$((i - 1))" "$image"

echo "--- two at once: one waits, and both are done"
new_image "$image"
format "$image"
"$fvesetup" protector add --key-file "$TMP/pass" --recovery-file "$TMP/one" "$image" recovery >"$TMP/first" 2>&1 &
"$fvesetup" protector add --key-file "$TMP/pass" --recovery-file "$TMP/two" "$image" recovery >"$TMP/second" 2>&1 ||
	fail "the second: $(cat "$TMP/second")"
wait $! || fail "the first: $(cat "$TMP/first")"
expect 0 "$fvesetup" open --test --key-file "$TMP/one" "$image"
expect 0 "$fvesetup" open --test --key-file "$TMP/two" "$image"
expect 0 "$fvesetup" header verify --key-file "$TMP/pass" "$image"

echo "--- a device that cannot be written"
if mkdir "$TMP/ro" && mount -t tmpfs none "$TMP/ro" 2>/dev/null; then
	cp --sparse=always "$image" "$TMP/ro/volume.img"
	mount -o remount,ro "$TMP/ro"
	status=0
	"$fvesetup" protector add --key-file "$TMP/pass" --recovery-file "$TMP/three" \
		"$TMP/ro/volume.img" recovery >"$TMP/out" 2>&1 || status=$?
	cat "$TMP/out"
	cmp "$image" "$TMP/ro/volume.img" || status=changed
	umount "$TMP/ro"
	case $status in 0 | changed) fail "$status on a read-only file system" ;; esac
	[ ! -e "$TMP/three" ] || fail "a password was written that opens nothing"
fi

echo "--- no room for the file of a secret or a backup: one line, nothing changed, nothing left"
if mkdir "$TMP/full" && mount -t tmpfs -o size=4k none "$TMP/full" 2>/dev/null; then
	head -c 4096 /dev/zero >"$TMP/full/filler"
	cp --sparse=always "$image" "$TMP/before"
	# no_room ARGUMENT...
	no_room() {
		expect 5 "$fvesetup" "$@"
		[ "$(wc -l <"$TMP/out")" = 1 ] || fail "more than one line"
		expect_text "$TMP/full/new"
		expect_text 'No space left'
		[ ! -e "$TMP/full/new" ] || fail "a file was left"
		cmp "$image" "$TMP/before" || fail "the volume was changed"
	}
	no_room protector add --key-file "$TMP/pass" --recovery-file "$TMP/full/new" "$image" recovery
	no_room protector add --key-file "$TMP/pass" --new-key-file "$TMP/full/new" "$image" startup-key
	no_room rotate recovery --key-file "$TMP/pass" --recovery-file "$TMP/full/new" "$image" \
		"$("$fvesetup" protector list --json "$image" | jq -r '[.protectors[] | select(.kind == "recovery").id][0]')"
	no_room header backup "$image" "$TMP/full/new"
	umount "$TMP/full"
fi
expect 4 "$fvesetup" header backup "$image" "$TMP/missing/new"

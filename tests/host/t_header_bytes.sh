#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a changed byte of the JSON area is repaired from the other copy, refused, or with right checksums refused by the machine's protector unless the second reader finds that nothing covered changed; and nothing crashes
# group: host tpm
# timeout: 36000
#
# FVE_BYTES: so many bytes of the JSON (16; all: every one), each changed in four ways.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
RANDOM=$((${FVE_SEED:-$RANDOM} % 32768))
edit() {
	/usr/bin/python3 "$here/luks2_edit.py" "$image" "$@"
}

# attempt STATUS...: the machine's protector is tried; one of these statuses, and no crash.
attempt() {
	local status=0
	"$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$image" >"$TMP/out" 2>&1 </dev/null || status=$?
	! grep -qE 'Sanitizer|runtime error' "$TMP/out" || { cat "$TMP/out"; fail "$where"; }
	case " $* " in
	*" $status "*) ;;
	*) cat "$TMP/out"; fail "status $status instead of $*: $where" ;;
	esac
	[ "$status" = 0 ] || grep -q . "$TMP/out" || fail "no reason is given: $where"
	opened=$status
}

start_tpm "$TMP/tpm"
measure_boot
new_image "$image"
format "$image" --tpm "$tpm" --protector tpm2
cp --sparse=always "$image" "$TMP/good"
read -r _ length < <(edit layout)

bytes=${FVE_BYTES:-16}
refused=0 uncovered=0 n=0
for ((at = 0; at < length; at++)); do
	[ "$bytes" = all ] || [ $(((RANDOM * 32768 + RANDOM) % length)) -lt "$bytes" ] || continue
	n=$((n + 1))
	old=$(od -An -tu1 -j $((4096 + at)) -N 1 "$TMP/good")
	value=$((old ^ (1 << RANDOM % 7)))
	cp --sparse=always "$TMP/good" "$image"
	where="byte $at from $((old)) to $value"
	edit raw "$at" "$value" $((RANDOM % 2 + 1))
	attempt 0
	expect_text 'was written again from the other one'
	cp --sparse=always "$TMP/good" "$image"
	edit raw "$at" "$value"
	attempt 4
	for copies in '1 2' 1; do
		cp --sparse=always "$TMP/good" "$image"
		# shellcheck disable=SC2086 # words
		edit byte "$at" "$value" $copies
		[ "$copies" != 1 ] || edit newer 1
		attempt 0 2 4
		[ "$opened" = 0 ] || { refused=$((refused + 1)); continue; }
		uncovered=$((uncovered + 1))
		/usr/bin/python3 "$here/fve_keys.py" --mac "$image" "$TMP/pass" >/dev/null ||
			fail "the machine's protector opened a header that does not verify: $where"
	done
done
echo "$n of $length bytes, each in four ways; with right checksums $refused refused," \
	"$uncovered opened with nothing covered changed"
[ "$n" -gt 0 ] && [ "$refused" -gt 0 ] || fail "nothing was tried"

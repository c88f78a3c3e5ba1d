#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: every text and every JSON output is as tests/golden/*.out shows it, of the build with sanitizers and of the one that is released
# group: host fast
# seconds: 90
#
# After a change that is meant: tests/golden/accept, then git diff.
. "$(dirname "$0")/lib.sh"
golden=$here/../golden

# all_of PROGRAM: run every script with it, and say which gave something else.
all_of() {
	local script name
	for script in "$golden"/*.sh; do
		name=$(basename "$script" .sh)
		[ "$name" != lib ] || continue
		FVESETUP=$1 "$golden/output" "$name" >"$2/$name" || echo "$name" >>"$2.failed"
		diff -u --label "$name.out" --label "now" "$golden/$name.out" "$2/$name" ||
			echo "$name" >>"$2.failed"
	done
}

# The optimiser has its own ideas of what outlives a block, and the package is built with it: at the same time,
# in the pauses of the other.
released=$BUILD/fvesetup
mkdir "$TMP/san" "$TMP/released"
all_of "$released" "$TMP/released" >"$TMP/released.diff" 2>&1 &
all_of "$fvesetup" "$TMP/san"
wait $!
cat "$TMP/released.diff"
touch "$TMP/san.failed" "$TMP/released.failed"
failed=$(sort -u "$TMP/san.failed" "$TMP/released.failed" | tr '\n' ' ')
[ -z "$failed" ] || fail "other output than expected: $failed; if that is meant: tests/golden/accept $failed"

echo "--- the screens that people look at fit a terminal of 80 columns"
# wide FILE...: lines of these screens, without refusals and the news that a header was repaired.
wide() {
	awk '/^\$ fvesetup / { screen = / (status|list|dump|format) / && !/--json/; next }
		screen && length > 80 && !/^(fvesetup: |Protector .* refused: )/ && !/^The .* copy of the header/' "$@"
}
[ -z "$(wide "$golden"/*.out)" ] || fail "wider: $(wide "$golden"/*.out)"
printf '$ fvesetup status x\n%081d\n' 0 | wide | grep -q 0 || fail "a wide line is not seen"

# What is compared is not empty, and a changed word would be noticed.
grep -q . "$golden/help.out" || fail "no help is kept"
sed 's/recovery/recover/' "$golden/help.out" | cmp -s - "$golden/help.out" && fail "cmp does not compare"
exit 0

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: every text and every JSON output is as tests/golden/*.out shows it
# group: host fast
#
# After a change that is meant: tests/golden/accept, then git diff.
. "$(dirname "$0")/lib.sh"
golden=$here/../golden
failed=

for script in "$golden"/*.sh; do
	name=$(basename "$script" .sh)
	[ "$name" != lib ] || continue
	"$golden/output" "$name" >"$TMP/now" || fail "$name"
	diff -u --label "$name.out" --label "now" "$golden/$name.out" "$TMP/now" || failed+=" $name"
done
[ -z "$failed" ] || fail "other output than expected:$failed; if that is meant: tests/golden/accept$failed"

# What is compared is not empty, and a changed word would be noticed.
grep -q . "$golden/help.out" || fail "no help is kept"
sed 's/recovery/recover/' "$golden/help.out" | cmp -s - "$golden/help.out" && fail "cmp does not compare"
exit 0

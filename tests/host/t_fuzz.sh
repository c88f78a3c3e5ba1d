#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: random input to any parser is refused or understood, without a crash, overrun or leak
# group: host fuzz
# seconds: 130
# timeout: 600
. "$(dirname "$0")/lib.sh"
unset ASAN_OPTIONS

"$here/../fuzz/run" --time "${FVE_FUZZ_TIME:-5}"

cd "$here/../.."
# A target that refuses its own seeds at the door would prove nothing.
for seeds in "$here"/../fuzz/corpus/*; do
	target=${seeds##*/}
	covered=$("$BUILD/fuzz/fuzz_$target" -runs=0 -close_fd_mask=3 "$seeds" 2>&1 |
		sed -n 's/.*INITED cov: \([0-9]*\) .*/\1/p')
	echo "$target: its seeds reach ${covered:-0} places"
	[ "${covered:-0}" -ge 15 ] || fail "the seeds of $target reach next to nothing"
done

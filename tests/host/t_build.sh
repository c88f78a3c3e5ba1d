#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: without headers of the running kernel make builds the tool and says what to install, and downloads no kernel; make deps-build names few packages, and the Debian package needs no other
# group: host fast
. "$(dirname "$0")/lib.sh"

top=$(cd "$here/../.." && pwd)
# An empty tree to build in would build all of it; what would be run is enough.
plan() {
	expect 0 make -n -C "$top" KDIR= BUILD="$TMP/build" "$@"
}

echo "--- make without headers: no kernel, and a word"
plan
! grep -q 'tests/vm\|KBUILD' "$TMP/out" || fail "a kernel is wanted"
expect 0 make -s -C "$top" KDIR= no-module
expect_text "apt-get install linux-headers-$(uname -r)"
expect 2 make -s -C "$top" KDIR= modules
expect_text "apt-get install linux-headers-$(uname -r)"
# With headers the module is part of it.
mkdir -p "$TMP/kdir/include/generated"
echo '#define UTS_RELEASE "6.1.0-test"' >"$TMP/kdir/include/generated/utsrelease.h"
# As -n runs a line that calls make.
# shellcheck disable=SC2016 # make expands it
printf 'modules:\n\t@touch $(M)/kernel/dm-fve.ko\n' >"$TMP/kdir/Makefile"
mkdir -p "$TMP/build/6.1.0-test/src/kernel"
touch "$TMP/build/6.1.0-test/src/kernel/dm-fve.ko"
expect 0 make -n -C "$top" KDIR="$TMP/kdir" BUILD="$TMP/build"
expect_text KBUILD

echo "--- what is built with: by name, few, and the same as debian/control has"
"$top/tests/deps" --print source >"$TMP/deps"
[ "$(wc -l <"$TMP/deps")" -le 20 ] || fail "that is more than few"
plan deps-build
expect_text 'tests/deps source'
sed -n '/^Build-Depends:/,/^[^ ]/p' "$top/debian/control" | sed 's/^Build-Depends://; /^[A-Z]/d; s/([^)]*)//g' |
	tr ',' '\n' | tr -d ' ' | sed '/^$/d; /^dh-/d; /^debhelper/d' | LC_ALL=C sort >"$TMP/control"
# A package builds with these around it anyway.
grep -vxE 'gcc|make|libc6-dev' "$TMP/deps" | LC_ALL=C sort | diff "$TMP/control" - || fail "debian/control has others"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: the module builds without a warning for the newest kernel that Debian's suites have
# group: kernel
# may-skip: the backports have another series by now, or cannot be reached
#
# That it works there is what `make check KERNELS="6.1 6.12 7.3"` is for.
. "$(dirname "$0")/lib.sh"

top=$(realpath "$here/../..")
series=7.3
kbuild=$("$top/tests/vm/kernel" --print kbuild $series) || {
	echo "SKIP: no kernel $series to be had"
	exit 77
}

cp -r "$top/Kbuild" "$top/kernel" "$TMP/"
make -s -C "$kbuild" M="$TMP" W=1 CONFIG_DEBUG_INFO_BTF_MODULES= modules >"$TMP/output" 2>&1 ||
	{ cat "$TMP/output"; fail "the module does not build for $series"; }
[ ! -s "$TMP/output" ] || { cat "$TMP/output"; fail "warnings"; }
/sbin/modinfo "$TMP/kernel/dm-fve.ko" | grep "^vermagic: *$series\."

# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What tests of providers share. Source it after lib.sh.

# outcome WANTED ACTION...: what the provider says of one key.
outcome() {
	local want=$1
	shift
	"$BUILD/tools/provider_probe" "$@" >"$TMP/out" 2>&1 || true
	cat "$TMP/out"
	[ "$(sed -n '$s/:.*//p' "$TMP/out")" = "$want" ] || fail "not $want: $*"
}

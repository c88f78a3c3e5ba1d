# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the scripts of this folder share: a provider against a real service. Sourced by them.

set -eu
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=$(realpath "${BUILD:-$top/build}")
export FVE_PROVIDERS=$BUILD
TMP=$(mktemp -d)
trap 'rm -rf "$TMP"' EXIT
head -c 64 /dev/urandom >"$TMP/key"

[ -x "$BUILD/tools/provider_probe" ] || {
	echo "first: make userspace build/tools/provider_probe" >&2
	exit 1
}

# outcome WANTED ACTION...: what the provider says.
outcome() {
	local want=$1
	shift
	echo "$ provider_probe $*"
	"$BUILD/tools/provider_probe" "$@" >"$TMP/out" 2>&1 || true
	cat "$TMP/out"
	[ "$(sed -n '$s/:.*//p' "$TMP/out")" = "$want" ] || {
		echo "FAILED: not $want" >&2
		exit 1
	}
}

# in_order URI: the key wraps and unwraps; leaves a wrap in $TMP/wrapped.
in_order() {
	outcome ok info "$1"
	"$BUILD/tools/provider_probe" wrap "$1" "$TMP/key" "$TMP/wrapped"
	outcome ok status "$1"
	outcome ok unwrap "$TMP/key" "$1" "$TMP/wrapped"
	# Not wrapped by this key.
	{ head -n 1 "$TMP/wrapped"; head -c $(($(tail -n +2 "$TMP/wrapped" | wc -c))) /dev/urandom; } >"$TMP/random"
	outcome badreq unwrap "$TMP/key" "$1" "$TMP/random"
}

# until_outcome WANTED URI: within ten minutes, which is what a change of roles may take.
until_outcome() {
	local end=$((SECONDS + 600))
	while [ $SECONDS -lt $end ]; do
		"$BUILD/tools/provider_probe" unwrap "$TMP/key" "$2" "$TMP/wrapped" >"$TMP/out" 2>&1 || true
		[ "$(sed -n '$s/:.*//p' "$TMP/out")" != "$1" ] || break
		sleep 5
	done
	outcome "$1" unwrap "$TMP/key" "$2" "$TMP/wrapped"
	echo "after $((SECONDS + 600 - end)) s"
}

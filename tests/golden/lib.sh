# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What the golden scripts share. They are run by tests/golden/accept and tests/host/t_golden.sh in
# an empty scratch directory, so that paths in the output are short; what they print is kept in
# the .out file beside them.
. "$(dirname "${BASH_SOURCE[0]}")/../host/lib.sh"
cd "$TMP"

# run ARGUMENT...: show the command as a person types it, what it prints, and its status.
run() {
	local status=0
	echo "$ fvesetup$(quoted "$@")"
	"$fvesetup" "$@" 2>&1 || status=$?
	[ "$status" = 0 ] || echo "[status $status]"
	echo
	remember_ids
}

# quoted ARGUMENT...: each after a blank, and in quotes where a shell needs them.
quoted() {
	local argument
	for argument; do
		case $argument in
		'' | *[!a-zA-Z0-9_.,=:/+-]*) printf " '%s'" "$argument" ;;
		*) printf ' %s' "$argument" ;;
		esac
	done
}

# The ids of all protectors so far, by which the output is normalised.
remember_ids() {
	local image
	for image in *.img; do
		[ ! -f "$image" ] || head -c 1M "$image" | grep -aoE '"id":"[0-9a-f]{8}"' |
			cut -d '"' -f 4 >>"$TMP/ids" || true
	done
}

# id_of IMAGE KIND: the id of its last protector of this kind.
id_of() {
	"$fvesetup" protector list --json "$1" |
		jq -r --arg kind "$2" '[.protectors[] | select(.kind == $kind)][-1].id'
}

note() {
	echo "# $*"
	echo
}

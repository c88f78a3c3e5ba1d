#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: power may go at every write of a header, and the process be killed at any time: what is kept opens, the header verifies, the command can be repeated, and then what was removed or revoked opens nothing
# group: host tpm
# timeout: 36000
#
# FVE_CUTS: of so many writes one is cut (19; 1 is every one; 0 none). FVE_KILLS: random kills (3).
# FVE_CUT_OPERATIONS: only of these operations.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"
in_memory
# shellcheck source=tests/host/changes.sh
. "$here/changes.sh"

stride=${FVE_CUTS:-19}
kills=${FVE_KILLS:-3}
[ -z "${FVE_CUT_OPERATIONS:-}" ] || read -ra operations <<<"$FVE_CUT_OPERATIONS"
preload cut_write

points=0
for operation in "${operations[@]}"; do
	writes=0
	# The shortest operation has few writes: one of its first is always cut.
	[ "$stride" -le 1 ] && at=1 || at=$((RANDOM % 4 + 1))
	while [ "$stride" -gt 0 ]; do
		restart
		where="$operation, cut at write $at"
		status=0
		# The shell's own word of a killed process is of no use.
		{
			LD_PRELOAD=$TMP/cut_write.so FVE_CUT_FILE=$image FVE_CUT_AT=$at \
				"$fvesetup" "${command[@]}" >"$TMP/out" 2>&1 || status=$?
		} 2>/dev/null
		[ "$status" != 0 ] || break
		[ "$status" = 137 ] || { cat "$TMP/out"; fail "status $status: $where"; }
		examine
		writes=$((writes + 1))
		at=$((at + 1 + RANDOM % (2 * stride - 1)))
	done
	[ "$stride" -gt 0 ] || break
	echo "$operation: $writes cuts, fewer than $at writes"
	[ "$writes" -gt 0 ] || fail "no write of $operation was cut"
	points=$((points + writes))
done
if [ "$stride" -gt 0 ]; then
	echo "$points writes cut in the middle, one of $stride; states afterwards:" \
		"valid ${states[valid]-0}, interrupted ${states[interrupted]-0}"
	[ "${states[interrupted]-0}" -gt 0 ] || [ -n "${FVE_CUT_OPERATIONS:-}" ] || fail "no cut fell into a change"
fi

# Kills: three of four before a random one of the operation's calls that leave anything behind, which
# are as many on any machine; and one of four at a random time of its own length, nearly all of which
# it spends stretching keys. Where they fell:
#   before   nothing of the volume was written
#   inside   the header says that a change was interrupted
#   written  something was written: a new keyslot, or all of a change
declare -A tried=() length=() calls=() fell=()
cut=0 ended=0
now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

# by_time: after a part of what it took the last time.
by_time() {
	local begun wait pid
	begun=$(now_ms) wait=$((RANDOM % ${length[$operation]:-300}))
	where+=", after $wait ms"
	{
		"$fvesetup" "${command[@]}" >"$TMP/out" 2>&1 &
		pid=$!
		sleep "$(printf '%d.%03d' $((wait / 1000)) $((wait % 1000)))"
		kill -9 "$pid" || :
		wait "$pid" || status=$?
	} 2>/dev/null
	case $status in
	137) length[$operation]=$((${length[$operation]:-300} + 20)) ;;
	0) length[$operation]=$(($(now_ms) - begun)) ;;
	esac
}

# by_call: before one of its calls, counted the first time.
by_call() {
	local at
	if [ -z "${calls[$operation]-}" ]; then
		LD_PRELOAD=$TMP/nth_call.so FVE_CALL_COUNT=$TMP/calls "$fvesetup" "${command[@]}" >"$TMP/out" 2>&1 ||
			{ cat "$TMP/out"; fail "cannot count the calls of $operation"; }
		calls[$operation]=$(<"$TMP/calls")
		restart
	fi
	at=$((RANDOM % calls[$operation] + 1))
	where+=", before call $at of ${calls[$operation]}"
	{
		LD_PRELOAD=$TMP/nth_call.so FVE_CALL_AT=$at "$fvesetup" "${command[@]}" >"$TMP/out" 2>&1 || status=$?
	} 2>/dev/null
}

where_it_fell() {
	local mac
	if cmp -s "$image" "$TMP/start"; then
		echo before
		return
	fi
	mac=$("$fvesetup" header verify --json --key-file "$TMP/pass" "$image" 2>/dev/null | jq -r .mac)
	[ "$mac" = interrupted ] && echo inside || echo written
}

while [ "$cut" -lt "$kills" ]; do
	operation=${operations[RANDOM % ${#operations[@]}]}
	restart
	cp --sparse=always "$image" "$TMP/start"
	where="$operation, kill $((cut + 1)) of seed $seed" status=0
	[ $((cut % 4)) = 0 ] && way=by_time || way=by_call
	$way
	case $status in
	137) ;;
	0)
		ended=$((ended + 1))
		continue
		;;
	*)
		cat "$TMP/out"
		fail "status $status: $where"
		;;
	esac
	cut=$((cut + 1))
	tried[$operation]=$((${tried[$operation]-0} + 1))
	place=$(where_it_fell)
	fell[$way-$place]=$((${fell[$way-$place]-0} + 1))
	examine
	echo "ok $where: $place"
done
echo "$cut kills ($ended times it had ended already)"
for way in by_time by_call; do
	echo "$way: before ${fell[$way-before]-0}, inside ${fell[$way-inside]-0}, written ${fell[$way-written]-0}"
done
for operation in "${!tried[@]}"; do
	echo "$operation: ${tried[$operation]} kills, of ${calls[$operation]:-uncounted} calls"
done

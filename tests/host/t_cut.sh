#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: power may go at every write of a header, and the process be killed at any time: what is kept opens, the header verifies, the command can be repeated and then what was removed opens nothing
# group: host tpm
# timeout: 36000
#
# FVE_CUTS: of so many writes one is cut (19; 1 is every one). FVE_KILLS: random kills (3).
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

# Not the sanitized one: it would take hours.
# And a copy, so that a build meanwhile does no harm.
cp "$BUILD/fvesetup" "$TMP/fvesetup"
fvesetup=$TMP/fvesetup
image=$TMP/volume.img
seed=${FVE_SEED:-$RANDOM}
RANDOM=$((seed % 32768))
stride=${FVE_CUTS:-19}
kills=${FVE_KILLS:-3}
gcc -O1 -Wall -Wextra -shared -fPIC -D_GNU_SOURCE -o "$TMP/cut_write.so" "$here/cut_write.c" -ldl

start_tpm "$TMP/tpm"
measure_boot
printf 'battery staple' >"$TMP/pass2"
printf 'another one' >"$TMP/pass3"
new_image "$image"
format "$image" --tpm "$tpm" --protector tpm2 --protector startup-key --startup-key-file "$TMP/key"
cp "$image.rec" "$TMP/rec"
"$fvesetup" protector add "${cheap[@]}" --key-file "$TMP/pass" --new-key-file "$TMP/pass2" "$image" \
	passphrase,label=second
cp --sparse=always "$image" "$TMP/base"

id_of() {
	"$fvesetup" protector list --json "$image" |
		jq -r --arg kind "$1" --arg called "$2" \
			'[.protectors[] | select(.kind == $kind and (.label // "") == $called).id][0] // empty'
}
second=$(id_of passphrase second)
recovery=$(id_of recovery '')

# Each operation, its command, what opens before and after ($kept), and what must not after ($gone).
operations=(add_recovery add_passphrase add_tpm2 remove change rotate_vmk rotate_recovery accept)
kept=(pass rec key tpm2)

# command OPERATION: into the array $command.
command_of() {
	unlock=(--tpm "$tpm" --key-file "$TMP/pass")
	kept=(pass rec key tpm2)
	gone=()
	case $1 in
	add_recovery)
		rm -f "$TMP/new"
		command=(protector add "${unlock[@]}" --recovery-file "$TMP/new" "$image" recovery)
		kept+=(pass2)
		;;
	add_passphrase)
		command=(protector add "${unlock[@]}" "${cheap[@]}" --new-key-file "$TMP/pass3" "$image" passphrase)
		kept+=(pass2)
		;;
	add_tpm2)
		command=(protector add "${unlock[@]}" "$image" "tpm2,label=more")
		kept+=(pass2)
		;;
	remove)
		command=(protector remove "${unlock[@]}" "$image" "$second")
		gone=(pass2)
		;;
	change)
		command=(protector change "${unlock[@]}" "${cheap[@]}" --new-key-file "$TMP/pass3" "$image" "$second")
		gone=(pass2)
		;;
	rotate_vmk)
		command=(rotate vmk "${unlock[@]}" "$image")
		kept+=(pass2)
		gone=(vmk)
		;;
	rotate_recovery)
		rm -f "$TMP/new"
		command=(rotate recovery "${unlock[@]}" --recovery-file "$TMP/new" "$image" "$recovery")
		kept=(pass pass2 key tpm2)
		gone=(rec)
		;;
	accept)
		command=(header accept -q "${unlock[@]}" "$image")
		kept+=(pass2)
		;;
	esac
}

opens() {
	case $1 in
	tpm2) "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$image" </dev/null ;;
	*) "$fvesetup" open --test --key-file "$TMP/$1" "$image" ;;
	esac >"$TMP/out" 2>&1
}

must_open() {
	local who
	for who; do
		opens "$who" || { cat "$TMP/out"; fail "$who does not open after: $where"; }
	done
}

must_not_open() {
	local who
	for who; do
		! opens "$who" || fail "$who opens after: $where"
	done
}

verifies() {
	local mac
	mac=$("$fvesetup" header verify --json --key-file "$TMP/pass" "$image" 2>"$TMP/out" | jq -r .mac)
	case $operation in accept) [ "$mac" != mismatch ] || mac=valid ;; esac
	case $mac in
	valid | interrupted) ;;
	*) cat "$TMP/out"; fail "the header's MAC is $mac after: $where" ;;
	esac
	states[$mac]=$((${states[$mac]-0} + 1))
}
declare -A states=()

# What has to hold whenever power goes; then the same command again.
examine() {
	verifies
	[ "$operation" = accept ] && must_open "${kept[@]/tpm2/pass}" || must_open "${kept[@]}"
	# A new recovery password stands in a file before anything of it is on the disk.
	case $operation in
	rotate_recovery)
		opens rec || must_open new
		;;
	change)
		opens pass2 || must_open pass3
		;;
	esac
	command_of "$operation"
	# What ended already is not done twice.
	case $operation in
	remove) "$fvesetup" protector list "$image" | grep -q "^$second" || return 0 ;;
	change) "$fvesetup" protector list "$image" | grep -q "^$second" || return 0 ;;
	rotate_recovery) "$fvesetup" protector list "$image" | grep -q "^$recovery" || return 0 ;;
	esac
	"$fvesetup" "${command[@]}" >"$TMP/out" 2>&1 || { cat "$TMP/out"; fail "cannot be repeated: $where"; }
	verifies
	must_open "${kept[@]}"
	must_not_open "${gone[@]}"
	"$fvesetup" header verify --json --key-file "$TMP/pass" "$image" 2>/dev/null |
		jq -e '.mac == "valid" and .wrapped_keys_good' >/dev/null || fail "not cleaned up: $where"
}

restart() {
	cp --sparse=always "$TMP/base" "$image"
	[ "$operation" != accept ] ||
		/usr/bin/python3 "$here/luks2_edit.py" "$image" json 'h["config"]["flags"] = ["allow-discards"]'
	command_of "$operation"
}

/usr/bin/python3 "$here/fve_keys.py" "$image" "$TMP/pass" | sed -n 's/^VMK //p' | xxd -r -p >"$TMP/vmk"
[ "$(stat -c %s "$TMP/vmk")" = 32 ] || fail "no VMK"

points=0
for operation in "${operations[@]}"; do
	writes=0
	# The shortest operation has few writes: one of its first is always cut.
	[ "$stride" = 1 ] && at=1 || at=$((RANDOM % 4 + 1))
	while :; do
		restart
		where="$operation, cut at write $at"
		status=0
		LD_PRELOAD=$TMP/cut_write.so FVE_CUT_FILE=$image FVE_CUT_AT=$at \
			"$fvesetup" "${command[@]}" >"$TMP/out" 2>&1 || status=$?
		[ "$status" != 0 ] || break
		[ "$status" = 137 ] || { cat "$TMP/out"; fail "status $status: $where"; }
		examine
		writes=$((writes + 1))
		at=$((at + 1 + RANDOM % (2 * stride - 1)))
	done 2>/dev/null
	echo "$operation: $writes cuts, fewer than $at writes"
	[ "$writes" -gt 0 ] || fail "no write of $operation was cut"
	points=$((points + writes))
done
echo "$points writes cut in the middle, one of $stride; states afterwards:" \
	"valid ${states[valid]-0}, interrupted ${states[interrupted]-0}"
[ "${states[interrupted]-0}" -gt 0 ] || fail "no cut fell into a change"

states=()
cut=0
for ((n = 0; n < kills; n++)); do
	operation=${operations[RANDOM % ${#operations[@]}]}
	restart
	where="$operation, kill $n of seed $seed"
	{
		"$fvesetup" "${command[@]}" >"$TMP/out" 2>&1 &
		pid=$!
		sleep "0.$(printf %03d $((RANDOM % 350)))"
		kill -9 "$pid"
		wait "$pid"
	} 2>/dev/null && continue || status=$?
	[ "$status" != 137 ] || cut=$((cut + 1))
	examine
done
echo "$kills random kills, $cut before the end; afterwards:" \
	"valid ${states[valid]-0}, interrupted ${states[interrupted]-0}"

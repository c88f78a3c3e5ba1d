#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: ^C, SIGTERM and SIGHUP in the middle of any change of a header wait for its end; a write that fails is told in words with the right exit code, changes nothing where it was the first, and else leaves what can be repeated
# group: host tpm
# timeout: 1800
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

fvesetup=$BUILD/fvesetup
image=$TMP/volume.img
RANDOM=$((${FVE_SEED:-$RANDOM} % 32768))
preload cut_write

start_tpm "$TMP/tpm"
measure_boot
new_image "$image"
format "$image" --tpm "$tpm" --protector tpm2
cheap_digest "$image"
"$fvesetup" header backup "$image" "$TMP/backup"
cp --sparse=always "$image" "$TMP/base"
enrolled=$("$fvesetup" dump --json "$image" | jq -r '.approvals[0].id')
measure 9 "the next kernel"
"$fvesetup" tpm approve --tpm "$tpm" --key-file "$TMP/pass" "$image"
cp --sparse=always "$image" "$TMP/approved"
stop_tpm
cp -r "$TMP/tpm" "$TMP/tpm.base"
start_tpm "$TMP/tpm"
measure_boot
measure 9 "the next kernel"
new_image "$image"
cryptsetup luksFormat -q --pbkdf-force-iterations 4 --pbkdf-memory 32 --key-size 512 \
	--key-file "$TMP/pass" "$image"
cp --sparse=always "$image" "$TMP/stock"
recovery=$("$fvesetup" protector list --json "$TMP/base" |
	jq -r '.protectors[] | select(.kind == "recovery").id')

# As it was before any revocation, which moves the TPM's counter.
restore_tpm() {
	stop_tpm
	rm -rf "$TMP/tpm"
	cp -r "$TMP/tpm.base" "$TMP/tpm"
	start_tpm "$TMP/tpm"
	measure_boot
	measure 9 "the next kernel"
}

operations=(rotate_vmk rotate_recovery remove add accept restore disable approve revoke adopt release erase)
# start OPERATION: the volume before it, and its command.
start() {
	cp --sparse=always "$TMP/base" "$image"
	unlock=(--tpm "$tpm" --key-file "$TMP/pass")
	rm -f "$TMP/new"
	case $1 in
	rotate_vmk) command=(rotate vmk "${unlock[@]}" "$image") ;;
	rotate_recovery) command=(rotate recovery "${unlock[@]}" --recovery-file "$TMP/new" "$image") ;;
	remove) command=(protector remove "${unlock[@]}" "$image" "$recovery") ;;
	add) command=(protector add "${unlock[@]}" --recovery-file "$TMP/new" "$image" recovery) ;;
	accept)
		/usr/bin/python3 "$here/luks2_edit.py" "$image" json 'h["config"]["flags"] = ["allow-discards"]'
		command=(header accept -q "${unlock[@]}" "$image")
		;;
	restore) command=(header restore -q "$image" "$TMP/backup") ;;
	disable) command=(protector disable "${unlock[@]}" "$image") ;;
	approve)
		restore_tpm
		command=(tpm approve "${unlock[@]}" "$image")
		;;
	revoke)
		restore_tpm
		cp --sparse=always "$TMP/approved" "$image"
		command=(tpm revoke --tpm "$tpm" --key-file "$TMP/pass" "$image" "$enrolled")
		;;
	adopt)
		cp --sparse=always "$TMP/stock" "$image"
		command=(adopt --key-file "$TMP/pass" "$image")
		;;
	release) command=(release -q "${unlock[@]}" --tpm "swtpm:path=$TMP/none" "$image") ;;
	erase) command=(erase -q --tpm "swtpm:path=$TMP/none" "$image") ;;
	esac
	cp --sparse=always "$image" "$TMP/before"
}

# done_as_meant OPERATION
done_as_meant() {
	case $1 in
	erase)
		! cryptsetup open --test-passphrase --key-file "$TMP/pass" "$image" 2>/dev/null
		return
		;;
	release)
		cryptsetup open --test-passphrase --key-file "$TMP/pass" "$image" &&
			[ "$(cryptsetup luksDump --dump-json-metadata "$image" | jq '.tokens | length')" = 0 ]
		return
		;;
	rotate_recovery) ! "$fvesetup" protector list "$image" | grep -q "^$recovery" || return 1 ;;
	remove) ! "$fvesetup" protector list "$image" | grep -q "^$recovery" || return 1 ;;
	add) "$fvesetup" open --test --key-file "$TMP/new" "$image" || return 1 ;;
	# What is approved opens; what is revoked is not among it any more.
	approve | revoke)
		"$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$image" </dev/null || return 1
		"$fvesetup" tpm status --json --tpm "$tpm" "$image" | jq -e --arg id "$enrolled" --arg operation "$1" \
			'any(.approvals[]; .id == $id and .state == "revoked") == ($operation == "revoke")' >/dev/null ||
			return 1
		;;
	# One that could not make its last writes is finished by the next, which is one more.
	rotate_vmk) [ "$("$fvesetup" dump --json "$image" | jq .vmk_generation)" -ge 2 ] || return 1 ;;
	esac
	[ "$("$fvesetup" header verify --json --key-file "$TMP/pass" "$image" | jq -r .mac)" = valid ]
}

# run NAME=VALUE...: the command, with what befalls it.
run() {
	status=0
	env LD_PRELOAD="$TMP/cut_write.so" FVE_CUT_FILE="$image" "$@" \
		"$fvesetup" "${command[@]}" >"$TMP/out" 2>&1 </dev/null || status=$?
}

for operation in "${operations[@]}"; do
	for at in 1 $((RANDOM % 7 + 2)); do
		signals=(1 2 15)
		number=${signals[RANDOM % 3]}
		echo "--- $operation, signal $number at write $at"
		start "$operation"
		run FVE_CUT_SIGNAL="$number" FVE_CUT_AT="$at"
		[ "$status" = 0 ] || { cat "$TMP/out"; fail "status $status"; }
		done_as_meant "$operation" || fail "it was not finished"
	done
done

for operation in "${operations[@]}"; do
	for error in 5 28; do # EIO, ENOSPC
		echo "--- $operation, error $error at the first write"
		start "$operation"
		run FVE_CUT_ERROR="$error" FVE_CUT_AT=1
		cat "$TMP/out"
		case $status in 4 | 5) ;; *) fail "status $status" ;; esac
		grep -q '^fvesetup: cannot' "$TMP/out" || fail "the message does not say what failed"
		cmp "$image" "$TMP/before" || fail "something was changed"
		[ ! -e "$TMP/new" ] || fail "a password was left that opens nothing"
	done
	at=$((RANDOM % 12 + 2))
	echo "--- $operation, no write from number $at on"
	start "$operation"
	run FVE_CUT_ERROR=5 FVE_CUT_AT="$at"
	if [ "$status" != 0 ]; then
		cat "$TMP/out"
		[ "$status" = 4 ] || fail "status $status"
		case $operation in
		remove | rotate_recovery) "$fvesetup" protector list "$image" | grep -q "^$recovery" || continue ;;
		adopt) [ "$(blkid -p -o value -s SUBSYSTEM "$image")" != fve ] || continue ;;
		esac
		rm -f "$TMP/new"
		run FVE_CUT_AT=0
		[ "$status" = 0 ] || { cat "$TMP/out"; fail "cannot be repeated"; }
	fi
	done_as_meant "$operation" || fail "it was not finished"
done

# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the test that sources this has or reads them
# Each change of a header, a volume and a TPM to make it on, and what has to hold if it ended anywhere. Sourced
# after lib.sh by the tests that end it so.

# Not the sanitized one: it would take hours.
# And a copy, so that a build meanwhile does no harm.
cp "$BUILD/fvesetup" "$TMP/fvesetup"
fvesetup=$TMP/fvesetup
image=$TMP/volume.img
seed=${FVE_SEED:-$RANDOM}
RANDOM=$((seed % 32768))

# boot A|B: the machine is off and on again, into one boot chain or another.
boot() {
	stop_tpm
	start_tpm "$TMP/tpm"
	measure_boot
	[ "$1" = A ] || measure 9 "the next kernel"
}

start_tpm "$TMP/tpm"
measure_boot
printf 'battery staple' >"$TMP/pass2"
printf 'another one' >"$TMP/pass3"
new_image "$image"
format "$image" --tpm "$tpm" --protector tpm2 --protector startup-key --startup-key-file "$TMP/key"
cheap_digest "$image"
cp "$image.rec" "$TMP/rec"
"$fvesetup" protector add "${cheap[@]}" --key-file "$TMP/pass" --new-key-file "$TMP/pass2" "$image" \
	passphrase,label=second
cp --sparse=always "$image" "$TMP/base"
boot B
"$fvesetup" tpm approve --tpm "$tpm" --key-file "$TMP/pass" "$image"
cp --sparse=always "$image" "$TMP/approved"
stock_volume "$TMP/stock"
cp --sparse=always "$TMP/base" "$image"
boot A
stop_tpm
cp -r "$TMP/tpm" "$TMP/tpm.base"
start_tpm "$TMP/tpm"
measure_boot

id_of() {
	"$fvesetup" protector list --json "$image" |
		jq -r --arg kind "$1" --arg called "$2" \
			'[.protectors[] | select(.kind == $kind and (.label // "") == $called).id][0] // empty'
}
second=$(id_of passphrase second)
recovery=$(id_of recovery '')
only=$(id_of tpm2 '')
enrolled=$("$fvesetup" dump --json "$image" | jq -r '.approvals[0].id')

# How many counters there are in the TPM.
counters() {
	tpm2_getcap handles-nv-index | grep -ci '0x18465' || true
}
[ "$(counters)" = 1 ] || fail "the volume has no counter in the TPM"

# Each operation, its command, what opens before and after ($kept), and what must not after ($gone).
operations=(add_recovery add_passphrase add_tpm2 remove change rotate_vmk rotate_recovery accept
	approve revoke remove_tpm2 adopt release)
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
	approve)
		command=(tpm approve "${unlock[@]}" "$image")
		kept=(pass rec key pass2)
		;;
	revoke)
		command=(tpm revoke "${unlock[@]}" "$image" "$enrolled")
		kept+=(pass2)
		;;
	remove_tpm2)
		command=(protector remove "${unlock[@]}" "$image" "$only")
		kept=(pass rec key pass2)
		gone=(tpm2)
		;;
	adopt)
		command=(adopt --tpm "$tpm" --key-file "$TMP/pass" "$image")
		kept=(pass pass2)
		;;
	release)
		command=(release -q "${unlock[@]}" "$image")
		kept=(pass rec key pass2)
		gone=(tpm2)
		;;
	esac
}

# Not by blkid, which believes a copy that was cut in the middle.
claimed() {
	cryptsetup luksDump "$image" | grep -q '^Subsystem:[[:space:]]*fve$'
}

opens() {
	if [ "$1" != tpm2 ] && ! claimed; then
		cryptsetup open --test-passphrase --key-file "$TMP/$1" "$image" >"$TMP/out" 2>&1
		return
	fi
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

# No keyslot that nobody has the key of: as many as persons have, and the VMK's.
check_keyslots() {
	local n
	n=$(cryptsetup luksDump --dump-json-metadata "$image" | jq '.keyslots | length')
	[ "$n" = "$1" ] || fail "$n keyslots instead of $1 after: $where"
}

# A counter that the TPM did not let go is told of, and can be freed by what was told.
free_counter() {
	local index
	index=$(sed -n 's/.*NV index \(0x[0-9a-f]*\), stays in its TPM.*/\1/p' "$TMP/said" 2>/dev/null || true)
	[ -n "$index" ] || fail "the counter was left in the TPM without a word by: $where"
	"$fvesetup" tpm counters -q --force --free "$index" --tpm "$tpm" >"$TMP/out" 2>&1 || { cat "$TMP/out"; fail "cannot be freed: $where"; }
	[ "$(counters)" = 0 ] || fail "the counter is still in the TPM: $where"
}

# A release that was cut short: either it is repeated, or the volume is adopted again.
examine_release() {
	must_open "${kept[@]}"
	if [ $((RANDOM % 2)) = 0 ] && ! claimed; then
		command_of adopt
		kept=(pass rec key pass2)
		if ! "$fvesetup" "${command[@]}" >"$TMP/out" 2>&1; then
			grep -q 'finish it first' "$TMP/out" || { cat "$TMP/out"; fail "cannot be adopted: $where"; }
			command_of release
			"$fvesetup" "${command[@]}" >"$TMP/out" 2>&1 || { cat "$TMP/out"; fail "cannot be finished: $where"; }
			command_of adopt
			kept=(pass rec key pass2)
			"$fvesetup" "${command[@]}" >"$TMP/out" 2>&1 || { cat "$TMP/out"; fail "cannot be adopted: $where"; }
		fi
		check_keyslots 5
		return
	fi
	"$fvesetup" "${command[@]}" >"$TMP/out" 2>&1 || { claimed && cat "$TMP/out" && fail "cannot be repeated: $where"; }
	must_open "${kept[@]}"
	must_not_open tpm2
	check_keyslots 4
	[ "$(cryptsetup luksDump --dump-json-metadata "$image" | jq '.tokens | length')" = 0 ] ||
		fail "tokens were left by: $where"
	[ "$(counters)" = 0 ] || free_counter
	command_of adopt
	"$fvesetup" "${command[@]}" >"$TMP/out" 2>&1 || { cat "$TMP/out"; fail "cannot be adopted: $where"; }
	check_keyslots 5
	kept=(pass rec key pass2)
}

# What has to hold wherever it ended; then the same command again.
examine() {
	# As the kernel's resource manager does when a process ends.
	tpm2_flushcontext -t && tpm2_flushcontext -l && tpm2_flushcontext -s
	if [ "$operation" = release ]; then
		examine_release
	else
		[ "$operation" = adopt ] && ! claimed || verifies
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
		repeat
	fi
	verifies
	must_open "${kept[@]}"
	must_not_open "${gone[@]}"
	case $operation in
	approve | revoke)
		must_open tpm2
		boot A
		[ "$operation" = approve ] && must_open tpm2 || must_not_open tpm2
		;;
	adopt) check_keyslots 3 ;;
	remove_tpm2)
		# A counter that was left is found by the next protector.
		"$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2 >"$TMP/out" 2>&1 ||
			{ cat "$TMP/out"; fail "cannot be added again: $where"; }
		must_open tpm2
		[ "$(counters)" = 1 ] || fail "$(counters) counters after: $where"
		;;
	esac
	"$fvesetup" header verify --json --key-file "$TMP/pass" "$image" 2>/dev/null |
		jq -e '.mac == "valid" and .wrapped_keys_good' >/dev/null || fail "not cleaned up: $where"
}

# What ended already is not done twice: then the next change, whatever it is, has to clean up.
repeat() {
	local done_already=
	command_of "$operation"
	case $operation in
	remove | change) listed "$second" || done_already=1 ;;
	rotate_recovery) listed "$recovery" || done_already=1 ;;
	remove_tpm2) listed "$only" || done_already=1 ;;
	adopt) ! claimed || done_already=1 ;;
	esac
	[ -z "$done_already" ] || command=(rotate vmk --key-file "$TMP/pass" "$image")
	"$fvesetup" "${command[@]}" >"$TMP/out" 2>&1 || { cat "$TMP/out"; fail "cannot be repeated: $where"; }
}

listed() {
	"$fvesetup" protector list "$image" | grep -q "^$1"
}

moved=0
restart() {
	# What moves the counter or boots otherwise leaves another TPM.
	if [ "$moved" = 1 ]; then
		stop_tpm
		rm -rf "$TMP/tpm"
		cp -r "$TMP/tpm.base" "$TMP/tpm"
		start_tpm "$TMP/tpm"
		measure_boot
	fi
	moved=0
	case $operation in
	approve | revoke) measure 9 "the next kernel" && moved=1 ;;
	remove_tpm2 | release) moved=1 ;;
	esac
	case $operation in
	revoke) cp --sparse=always "$TMP/approved" "$image" ;;
	adopt) cp --sparse=always "$TMP/stock" "$image" ;;
	*) cp --sparse=always "$TMP/base" "$image" ;;
	esac
	[ "$operation" != accept ] ||
		/usr/bin/python3 "$here/luks2_edit.py" "$image" json 'h["config"]["flags"] = ["allow-discards"]'
	command_of "$operation"
}

/usr/bin/python3 "$here/fve_keys.py" "$image" "$TMP/pass" | sed -n 's/^VMK //p' | xxd -r -p >"$TMP/vmk"
[ "$(stat -c %s "$TMP/vmk")" = 32 ] || fail "no VMK"
preload nth_call

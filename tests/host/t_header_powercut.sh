#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a machine that loses power at any write while fvesetup changes a header on its disk, with what its disk had not yet written lost in any part, keeps a header that verifies or repairs; what was said to be added, changed to, approved or adopted opens, what was said to be removed or changed does not
# group: host vm tpm
# by-hand: minutes for a machine and its cuts; seen to pass on 6.1, and make soak runs it
# timeout: 3600
#
# A machine with two disks is killed in a stream of changes, and what is on its disks then is examined.
# So is what would have been there at FVE_POWER_CUTS (12) random writes before, from QEMU's log of all
# writes: those up to the last flush, and of each one after it a coin decides. One machine for eighty of
# these cuts. On the first disk protectors are added, changed and removed, the VMK is rotated and the
# TPM's state approved; the second one is adopted and released.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

fvesetup=$BUILD/fvesetup
image=$TMP/cut.img
cuts=${FVE_POWER_CUTS:-12}
machines=$(((cuts + 79) / 80))
RANDOM=$((${FVE_SEED:-$RANDOM} % 32768))
kernel=${KERNELS:-6.1}
said_at=34816 # sectors; in the data area, which nobody uses

printf 'correct horse' >"$TMP/pass"
printf 'battery staple' >"$TMP/pass2"
start_tpm "$TMP/tpm.base"
new_image "$image"
format "$image"
# PCR 13, which nothing extends in this machine but its script.
"$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2,pcrs=13,unsafe-pcrs
stop_tpm
cheap_digest "$image"
cp "$image.rec" "$TMP/rec"
cp --sparse=always "$image" "$TMP/changes.base"
stock_volume "$TMP/adoptions.base"

cat >"$TMP/script" <<END
said_at=$said_at
END
cat >>"$TMP/script" <<'END'
printf 'correct horse' >/tmp/pass
cheap=(--iter-time 1 --pbkdf-memory 32)
fve() {
	fvesetup "$@" --key-file /tmp/pass
}
id_of() {
	fvesetup protector list /dev/vda | awk -v label="$1" '$NF == label { print $1 }'
}
# say DISK WORDS: what was said of a disk is on it, durable before the next change begins.
say() {
	local said=/tmp/said.$1
	echo "${*:2}"
	echo "${*:2}" >>"$said"
	truncate -s 4096 /tmp/page
	dd if="$said" of=/tmp/page conv=notrunc status=none
	dd if=/tmp/page of="/dev/$1" bs=4096 seek=$((said_at / 8)) oflag=direct conv=notrunc,fsync status=none
}
for ((i = 1; ; i++)); do
	printf 'secret %s' "$i" >/tmp/new
	fve protector add "${cheap[@]}" --new-key-file /tmp/new /dev/vda "passphrase,label=p$i" || exit 9
	say vda "added $i"
	printf 'changed %s' "$i" >/tmp/new
	say vda "changing $i"
	fve protector change "${cheap[@]}" --new-key-file /tmp/new /dev/vda "$(id_of "p$i")" || exit 9
	say vda "changed $i"
	fve rotate vmk /dev/vda || exit 9
	say vda "rotated $i"
	tpm2 pcrextend "13:sha256=$(printf '%064d' "$i")" || exit 9
	fve tpm approve /dev/vda || exit 9
	say vda "approved $i"
	say vdb "adopting $i"
	fve adopt /dev/vdb || exit 9
	say vdb "adopted $i"
	say vdb "releasing $i"
	fve release -q /dev/vdb || exit 9
	say vdb "released $i"
	[ "$i" -gt 2 ] || continue
	say vda "removing $((i - 2))"
	fve protector remove /dev/vda "$(id_of "p$((i - 2))")" || exit 9
	say vda "removed $((i - 2))"
done
END

opens() {
	"$fvesetup" open --test --key-file "$1" "$image" >"$TMP/out" 2>&1
}

stock_opens() {
	cryptsetup open --test-passphrase --key-file "$1" "$image" >"$TMP/out" 2>&1
}

# opens_with TEXT: with this passphrase.
opens_with() {
	printf '%s' "$1" >"$TMP/secret"
	opens "$TMP/secret"
}

# must_open COMMAND...: one of opens() above, or fail.
must_open() {
	"$@" || { cat "$TMP/out"; fail "does not open: $*"; }
}

# said WORD: the numbers that the guest told this of, as the disk has it.
said() {
	dd if="$image" bs=4096 skip=$((said_at / 8)) count=1 status=none | tr -d '\0' |
		sed -n "s/^$1 \([0-9]*\)$/\1/p"
}

# was_said WORD NUMBER
was_said() {
	said "$1" | grep -qx "$2"
}

# So long until the guest has said it.
wait_for() {
	for _ in $(seq 6000); do
		! grep -q "^$1" "$TMP/guest" || return 0
		kill -0 "$vm" 2>/dev/null || break
		sleep 0.2
	done
	cat "$TMP/guest"
	fail "the guest never said: $1"
}

# The process of the machine that has the changed volume as a disk.
machine() {
	pgrep -f "^[^ ]*qemu-system[^ ]* .*filename=$TMP/changes.img(,| |$)"
}

declare -A states=()
verifies() {
	mac=$("$fvesetup" header verify --json --key-file "$TMP/pass" "$image" 2>"$TMP/out" | jq -r .mac)
	case $mac in
	valid | interrupted) states[$mac]=$((${states[$mac]-0} + 1)) ;;
	*)
		cat "$TMP/out"
		fail "the header's MAC is $mac"
		;;
	esac
}

# next_change COMMAND...: it succeeds, and cleans up.
next_change() {
	"$fvesetup" "$@" "$image" >"$TMP/out" 2>&1 || { cat "$TMP/out"; fail "no change is possible: $*"; }
	"$fvesetup" header verify --json --key-file "$TMP/pass" "$image" 2>/dev/null |
		jq -e '.mac == "valid" and .wrapped_keys_good' >/dev/null || fail "not cleaned up by: $*"
}

# The machine's TPM as after a reset, and each state that was approved, one after the other.
approved_states_open() {
	local i
	rm -rf "$TMP/tpm.now"
	cp -r "$TMP/tpm" "$TMP/tpm.now"
	start_tpm "$TMP/tpm.now"
	must_open tpm_opens
	for i in $(said approved); do
		tpm2_pcrextend "13:sha256=$(printf '%064d' "$i")"
		must_open tpm_opens
		approved=$((approved + 1))
	done
	stop_tpm
}

tpm_opens() {
	"$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$image" </dev/null >"$TMP/out" 2>&1
}

kept=0 approved=0
# examine_changes WHERE: $image, as power left it.
examine_changes() {
	local i mac
	verifies
	echo "$1: $mac; $(said added | wc -l) added, $(said changed | wc -l) changed," \
		"$(said rotated | wc -l) rotated, $(said approved | wc -l) approved, $(said removed | wc -l) removed"
	must_open opens "$TMP/pass"
	must_open opens "$TMP/rec"
	approved_states_open
	for i in $(said added); do
		if was_said removed "$i"; then
			! opens_with "secret $i" && ! opens_with "changed $i" || fail "$i was removed, and opens"
		elif was_said removing "$i"; then
			! opens_with "secret $i" || fail "$i was changed, and opens"
		elif was_said changed "$i"; then
			! opens_with "secret $i" || fail "$i was changed, and opens"
			must_open opens_with "changed $i"
			kept=$((kept + 1))
		elif was_said changing "$i"; then
			opens_with "secret $i" || must_open opens_with "changed $i"
			kept=$((kept + 1))
		else
			must_open opens_with "secret $i"
			kept=$((kept + 1))
		fi
	done
	next_change rotate vmk --key-file "$TMP/pass"
}

adopted=0
examine_adoptions() {
	local released mac=none ours=
	released=$(said released | tail -n 1)
	! cryptsetup luksDump "$image" | grep -q '^Subsystem:[[:space:]]*fve$' || ours=1
	if [ -n "$ours" ]; then
		verifies
		must_open opens "$TMP/pass"
		must_open opens "$TMP/pass2"
		adopted=$((adopted + 1))
	else
		must_open stock_opens "$TMP/pass"
		must_open stock_opens "$TMP/pass2"
	fi
	echo "$1: $mac; $(said adopting | wc -l) begun, $(said adopted | wc -l) adopted," \
		"$(said releasing | wc -l) begun, $(said released | wc -l) released"
	if was_said releasing $((released + 1)); then
		# A release that was cut is finished by the same command; one that had ended is refused.
		"$fvesetup" release -q --key-file "$TMP/pass" "$image" >"$TMP/out" 2>&1 ||
			[ -z "$ours" ] || { cat "$TMP/out"; fail "cannot be released"; }
		must_open stock_opens "$TMP/pass"
		must_open stock_opens "$TMP/pass2"
		ours=
	elif was_said adopted $((released + 1)); then
		[ -n "$ours" ] || fail "said to be adopted, and is not"
	fi
	[ -z "$ours" ] || next_change rotate vmk --key-file "$TMP/pass"
	[ -n "$ours" ] || next_change adopt --key-file "$TMP/pass"
	must_open opens "$TMP/pass2"
}

# power_at DISK N: into $image what would be on the disk after so many entries of its log.
power_at() {
	local log=$TMP/$1.log n=$2 flushed i
	flushed=$(awk -v n="$n" '$1 < n && $2 ~ /flush|fua/ { last = $1 + 1 } END { print last + 0 }' "$TMP/$1.entries")
	cp --sparse=always "$TMP/$1.base" "$image"
	"$BUILD/tools/replay_log" "$log" "$image" 0 "$flushed"
	lost=0
	for ((i = flushed; i < n; i++)); do
		if [ $((RANDOM % 2)) = 0 ]; then
			"$BUILD/tools/replay_log" "$log" "$image" "$i" $((i + 1))
		else
			lost=$((lost + 1))
		fi
	done
}

trap 'killed=$(machine) && kill -KILL "$killed"; cleanup' EXIT
declare -A total=()
for ((number = 1; number <= machines; number++)); do
	rm -rf "$TMP/tpm" "$TMP"/*.log
	cp -r "$TMP/tpm.base" "$TMP/tpm"
	for disk in changes adoptions; do
		cp --sparse=always "$TMP/$disk.base" "$TMP/$disk.img"
	done
	"$here/../vm/vm" --kernel "${kernel%% *}" --memory 512 --smp 1 --timeout 3000 --tpm "$TMP/tpm" \
		--disk "$TMP/changes.img,log=$TMP/changes.log" \
		--disk "$TMP/adoptions.img,log=$TMP/adoptions.log" "$TMP/script" >"$TMP/guest" 2>&1 &
	vm=$!
	wait_for "removed $((RANDOM % 2 + 1))"
	sleep "$((RANDOM % 8)).$((RANDOM % 10))"
	killed=$(machine) || fail "there is no machine to take power from"
	kill -KILL "$killed"
	wait "$vm" || true
	for disk in changes adoptions; do
		cp --sparse=always "$TMP/$disk.img" "$image"
		"examine_$disk" "machine $number is killed, $disk"
		"$BUILD/tools/replay_log" "$TMP/$disk.log" >"$TMP/$disk.entries"
		# Writes of the header: all of them are parts of a change.
		awk -v end="$said_at" '$2 !~ /discard/ && $4 > 0 && $3 < end { print $1 }' \
			"$TMP/$disk.entries" >"$TMP/$disk.writes"
		[ "$(wc -l <"$TMP/$disk.writes")" -gt 50 ] ||
			{ cat "$TMP/$disk.entries"; fail "the log does not hold the writes of a header"; }
	done
	for ((cut = cuts * (number - 1) / machines; cut < cuts * number / machines; cut++)); do
		[ $((RANDOM % 3)) = 0 ] && disk=adoptions || disk=changes
		at=$(sed -n "$((RANDOM % $(wc -l <"$TMP/$disk.writes") + 1))p" "$TMP/$disk.writes")
		power_at "$disk" $((at + 1))
		"examine_$disk" "power goes after entry $at of $(wc -l <"$TMP/$disk.entries") of $disk, $lost lost"
		total[$disk]=$((${total[$disk]-0} + 1))
	done
done
echo "$machines machines killed; power cut at ${total[changes]-0} writes of changes and" \
	"${total[adoptions]-0} of adoptions; afterwards: valid ${states[valid]-0}," \
	"interrupted ${states[interrupted]-0}; opened: $kept protectors that were kept," \
	"$approved approved states, $adopted adopted volumes"
[ "$kept" -gt 0 ] && [ "$approved" -gt 0 ] || fail "nothing was added or approved before power went"

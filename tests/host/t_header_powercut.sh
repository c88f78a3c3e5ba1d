#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a machine that loses power at any write while fvesetup changes a header on its disk, with what its disk had not yet written lost in any part, keeps a header that verifies or repairs; what was said to be added opens, what was said to be removed does not
# group: host vm
# by-hand: minutes for a machine and its cuts; seen to pass on 6.1, and make soak runs it
# timeout: 3600
#
# A machine is killed in a stream of changes, and what is on its disk then is examined. So is what would
# have been there at FVE_POWER_CUTS (12) random writes before, from QEMU's log of all writes: those up
# to the last flush, and of each one after it a coin decides. One machine for forty of these cuts.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

fvesetup=$BUILD/fvesetup
disk=$TMP/disk.img image=$TMP/cut.img log=$TMP/log
cuts=${FVE_POWER_CUTS:-12}
machines=$(((cuts + 39) / 40))
RANDOM=$((${FVE_SEED:-$RANDOM} % 32768))
kernel=${KERNELS:-6.1}
said_at=34816 # sectors; in the data area, which nobody uses

new_image "$image"
format "$image"
cheap_digest "$image"
cp "$image.rec" "$TMP/rec"
cp --sparse=always "$image" "$TMP/base"

cat >"$TMP/changes.sh" <<END
said_at=$said_at
END
cat >>"$TMP/changes.sh" <<'END'
printf 'correct horse' >/tmp/pass
cheap=(--iter-time 1 --pbkdf-memory 32)
fve() {
	fvesetup "$@" --key-file /tmp/pass
}
id_of() {
	fvesetup protector list /dev/vda | awk -v label="$1" '$NF == label { print $1 }'
}
# What was said is on the disk itself, durable before the next change begins.
say() {
	echo "$*"
	echo "$*" >>/tmp/said
	truncate -s 4096 /tmp/page
	dd if=/tmp/said of=/tmp/page conv=notrunc status=none
	dd if=/tmp/page of=/dev/vda bs=4096 seek=$((said_at / 8)) oflag=direct conv=notrunc,fsync status=none
}
say begun
for ((i = 1; ; i++)); do
	printf 'secret %s' "$i" >/tmp/new
	fve protector add "${cheap[@]}" --new-key-file /tmp/new /dev/vda "passphrase,label=p$i" || exit 9
	say "added $i"
	fve rotate vmk /dev/vda || exit 9
	say "rotated $i"
	[ "$i" -gt 2 ] || continue
	say "removing $((i - 2))"
	fve protector remove /dev/vda "$(id_of "p$((i - 2))")" || exit 9
	say "removed $((i - 2))"
done
END

opens() {
	"$fvesetup" open --test --key-file "$1" "$image" >"$TMP/out" 2>&1
}

# said WORD: the numbers that the guest told this of, as the disk has it.
said() {
	dd if="$image" bs=4096 skip=$((said_at / 8)) count=1 status=none | tr -d '\0' |
		sed -n "s/^$1 \([0-9]*\)$/\1/p"
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

# machine_of FILE: the process of the machine that has it as a disk.
machine_of() {
	pgrep -f "^[^ ]*qemu-system[^ ]* .*filename=$1(,| |$)"
}

declare -A states=()
seen=0
# examine WHERE: $image, as power left it.
examine() {
	local added removed removing mac i
	added=$(said added) removed=$(said removed) removing=$(said removing)
	mac=$("$fvesetup" header verify --json --key-file "$TMP/pass" "$image" 2>"$TMP/out" | jq -r .mac)
	echo "$1: $mac; $(wc -w <<<"$added") added, $(said rotated | wc -l) rotated, $(wc -w <<<"$removed") removed"
	case $mac in
	valid | interrupted) states[$mac]=$((${states[$mac]-0} + 1)) ;;
	*)
		cat "$TMP/out"
		fail "the header's MAC is $mac"
		;;
	esac
	opens "$TMP/pass" && opens "$TMP/rec" || { cat "$TMP/out"; fail "what was there before does not open"; }
	for i in $added; do
		printf 'secret %s' "$i" >"$TMP/secret"
		if grep -qx "$i" <<<"$removed"; then
			! opens "$TMP/secret" || fail "$i was removed, and opens"
		elif ! grep -qx "$i" <<<"$removing"; then
			opens "$TMP/secret" || { cat "$TMP/out"; fail "$i was added, and does not open"; }
			seen=$((seen + 1))
		fi
	done
	# And the next change cleans up.
	"$fvesetup" rotate vmk --key-file "$TMP/pass" "$image" >"$TMP/out" 2>&1 || { cat "$TMP/out"; fail "no change is possible"; }
	"$fvesetup" header verify --json --key-file "$TMP/pass" "$image" 2>/dev/null |
		jq -e '.mac == "valid" and .wrapped_keys_good' >/dev/null || fail "not cleaned up"
}

# power_at N: into $image what would be on the disk after so many entries of the log.
power_at() {
	local n=$1 flushed i
	flushed=$(awk -v n="$n" '$1 < n && $2 ~ /flush|fua/ { last = $1 + 1 } END { print last + 0 }' "$TMP/entries")
	cp --sparse=always "$TMP/base" "$image"
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

trap 'machine=$(machine_of "$disk") && kill -KILL "$machine"; cleanup' EXIT
total=0
for ((number = 1; number <= machines; number++)); do
	cp --sparse=always "$TMP/base" "$disk"
	rm -f "$log"
	"$here/../vm/vm" --kernel "${kernel%% *}" --memory 512 --smp 1 --timeout 3000 \
		--disk "$disk,log=$log" "$TMP/changes.sh" >"$TMP/guest" 2>&1 &
	vm=$!
	wait_for "removed $((RANDOM % 2 + 1))"
	sleep "$((RANDOM % 4)).$((RANDOM % 10))"
	machine=$(machine_of "$disk") || fail "there is no machine to take power from"
	kill -KILL "$machine"
	wait "$vm" || true
	cp --sparse=always "$disk" "$image"
	examine "machine $number is killed"
	"$BUILD/tools/replay_log" "$log" >"$TMP/entries"
	# Writes of the header: all of them are parts of a change.
	awk -v end="$said_at" '$2 !~ /discard/ && $4 > 0 && $3 < end { print $1 }' "$TMP/entries" >"$TMP/writes"
	[ "$(wc -l <"$TMP/writes")" -gt 50 ] || { cat "$TMP/entries"; fail "the log does not hold the writes of a header"; }
	for ((; total < cuts * number / machines; total++)); do
		at=$(sed -n "$((RANDOM % $(wc -l <"$TMP/writes") + 1))p" "$TMP/writes")
		power_at $((at + 1))
		examine "power goes after entry $at of $(wc -l <"$TMP/entries"), $lost lost"
	done
done
echo "$machines machines killed, power cut at $total writes of a header;" \
	"afterwards: valid ${states[valid]-0}, interrupted ${states[interrupted]-0}; $seen protectors that were kept open"
[ "$seen" -gt 0 ] || fail "nothing was added before power went"

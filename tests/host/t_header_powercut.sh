#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a machine that loses power while fvesetup changes a header on its disk keeps a header that verifies or repairs; what was said to be added opens, what was said to be removed does not
# group: host vm
# by-hand: boots a machine for each cut, some minutes; make soak runs it
# timeout: 3600
#
# FVE_POWER_CUTS: so many machines lose power (2), each at a random moment of a stream of changes.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

fvesetup=$BUILD/fvesetup
image=$TMP/header.img
cuts=${FVE_POWER_CUTS:-2}
RANDOM=$((${FVE_SEED:-$RANDOM} % 32768))
kernel=${KERNELS:-6.1}

new_image "$image"
format "$image"
cheap_digest "$image"
cp --sparse=always "$image" "$TMP/base"

cat >"$TMP/changes.sh" <<'END'
printf 'correct horse' >/tmp/pass
cheap=(--iter-time 1 --pbkdf-memory 32)
fve() {
	fvesetup "$@" --key-file /tmp/pass
}
id_of() {
	fvesetup protector list /dev/vda | awk -v label="$1" '$NF == label { print $1 }'
}
echo begun
for ((i = 1; ; i++)); do
	printf 'secret %s' "$i" >/tmp/new
	fve protector add "${cheap[@]}" --new-key-file /tmp/new /dev/vda "passphrase,label=p$i" || exit 9
	echo "added $i"
	fve rotate vmk /dev/vda || exit 9
	echo "rotated $i"
	[ "$i" -gt 2 ] || continue
	echo "removing $((i - 2))"
	fve protector remove /dev/vda "$(id_of "p$((i - 2))")" || exit 9
	echo "removed $((i - 2))"
done
END

opens() {
	"$fvesetup" open --test --key-file "$1" "$image" >"$TMP/out" 2>&1
}

# said WORD: the numbers that the guest told this of.
said() {
	sed -n "s/^$1 \([0-9]*\)\r*$/\1/p" "$TMP/guest"
}

# So long until the guest has said it.
wait_for() {
	for _ in $(seq 3000); do
		! grep -q "^$1" "$TMP/guest" || return 0
		kill -0 "$vm" 2>/dev/null || break
		sleep 0.2
	done
	cat "$TMP/guest"
	fail "the guest never said: $1"
}

# machine_of FILE: the process of the machine that has it as a disk.
machine_of() {
	pgrep -f "^[^ ]*qemu-system[^ ]* .*file=$1( |,)"
}

interrupted=0 seen=0
trap 'machine=$(machine_of "$image") && kill -KILL "$machine"; cleanup' EXIT
for ((cut = 1; cut <= cuts; cut++)); do
	cp --sparse=always "$TMP/base" "$image"
	"$here/../vm/vm" --kernel "${kernel%% *}" --memory 512 --smp 1 --timeout 3000 \
		--disk "$image,cache=writethrough" "$TMP/changes.sh" >"$TMP/guest" 2>&1 &
	vm=$!
	wait_for begun
	wait_for "added $((RANDOM % 5 + 1))"
	sleep "$((RANDOM % 5)).$((RANDOM % 10))"
	machine=$(machine_of "$image") || fail "there is no machine to take power from"
	kill -KILL "$machine"
	wait "$vm" || true
	added=$(said added) removed=$(said removed) removing=$(said removing)
	echo "cut $cut: $(wc -w <<<"$added") added, $(said rotated | wc -l) rotated, $(wc -w <<<"$removed") removed"
	mac=$("$fvesetup" header verify --json --key-file "$TMP/pass" "$image" 2>"$TMP/out" | jq -r .mac)
	cat "$TMP/out"
	case $mac in
	valid) ;;
	interrupted) interrupted=$((interrupted + 1)) ;;
	*) fail "the header's MAC is $mac" ;;
	esac
	opens "$TMP/pass" && opens "$TMP/header.img.rec" || fail "what was there before does not open"
	for i in $added; do
		printf 'secret %s' "$i" >"$TMP/secret"
		if grep -qx "$i" <<<"$removed"; then
			! opens "$TMP/secret" || fail "$i was removed, and opens"
		elif ! grep -qx "$i" <<<"$removing"; then
			opens "$TMP/secret" || fail "$i was added, and does not open"
			seen=$((seen + 1))
		fi
	done
	# And the next change cleans up.
	expect 0 "$fvesetup" rotate vmk --key-file "$TMP/pass" "$image"
	"$fvesetup" header verify --json --key-file "$TMP/pass" "$image" |
		jq -e '.mac == "valid" and .wrapped_keys_good' >/dev/null || fail "not cleaned up"
done
echo "$cuts machines lost power: $interrupted in a change; $seen protectors that were kept open"
[ "$seen" -gt 0 ] || fail "nothing was added before power went"

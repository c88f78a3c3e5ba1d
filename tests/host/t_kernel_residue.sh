#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: after close, revoke, key wipe and failed table loads a guest's memory holds no key
# group: host kernel secret
# kernels: all
# timeout: 1800
#
# The keys are of type "encrypted", made by the kernel itself, so that no user process, pipe or
# file ever held one. aeskeyfind finds the two schedules of a key while its device is open, which
# also tells this test the key; that is the positive control for each search that must find nothing.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

vm=$here/../vm
mib=128

cat >"$TMP/guest.sh" <<'END'
. "$TESTS/vm/lib_kernel.sh"

# look WHAT...: the host looks at the memory now.
look() {
	echo "LOOK $*"
	read -r _
}

# new_key NAME: 64 bytes of the kernel's own, as an encrypted key.
new_key() {
	keyctl add encrypted "$1" "new user:master 64" @u >/dev/null
}

forget_key() {
	keyctl unlink "$(keyctl search @u encrypted "$1")" @u
	# The garbage collector zeroes it.
	while grep -q " encrypted  *$1" /proc/keys; do
		sleep 0.1
	done
}

line_of() { # KEY
	echo "0 $ram_sectors fve aes-xts-plain64 :64:encrypted:$1 0 $ram 0${FVE_USE_ENGINE:+ 1 engine:$FVE_USE_ENGINE}"
}

head -c 32 /dev/urandom | add_key user master
load_fve
ram_disk 16
look baseline

new_key one
create one "$(line_of one)"
dd if=/dev/urandom of=/dev/mapper/one bs=64K count=16 oflag=direct status=none
dd if=/dev/mapper/one of=/dev/null bs=64K count=16 iflag=direct status=none
look keys 2 open
remove one
look no-schedule closed, while the key is in the keyring

for ((i = 0; i < 20; i++)); do
	! dmsetup create failed --table "$(line_of one)
$ram_sectors 8 fve aes-xts-plain64 :64:encrypted:absent 0 $ram 0" 2>/dev/null
done
look no-schedule twenty tables failed after the first target had the key
create one "0 8 zero"
dmsetup reload one --table "$(line_of one)"
look same-keys a table is loaded, not live
dmsetup clear one
remove one
look no-schedule the loaded table was dropped
forget_key one
look nothing the key has left the keyring

new_key two
create two "$(line_of two)"
forget_key two
look keys 2 open, key in the target alone
# fio does not fit into so little memory.
for i in 0 1 2 3; do
	while dd if=/dev/urandom of=/dev/mapper/two bs=64K count=16 seek=$((i * 16)) oflag=direct &&
		dd if=/dev/mapper/two of=/dev/null bs=64K count=16 skip=$((i * 16)) iflag=direct; do
		:
	done >/dev/null 2>"$scratch/load.$i" &
	load[i]=$!
done
while [ "$(status two writes)" -lt 100 ]; do
	kill -0 "${load[@]}" || fail "no load: $(cat "$scratch"/load.*)"
done
dmsetup message two 0 revoke
look nothing revoked under load
wait "${load[@]}"
for i in 0 1 2 3; do
	assert_match "$(cat "$scratch/load.$i")" "Input/output error" "what the load was told"
done
remove two

new_key three
create three "$(line_of three)"
forget_key three
dd if=/dev/urandom of=/dev/mapper/three bs=64K count=16 oflag=direct status=none
look keys 2 open with a third key
dmsetup suspend three
dmsetup message three 0 key wipe
look nothing wiped
END

mkfifo "$TMP/answers" "$TMP/says"
# In a group of its own, so that a look that fails ends it.
setsid "$vm/vm" --kernel "${FVE_KERNEL:-6.1}" --memory $mib --timeout 1700 --qmp "$TMP/qmp" --stdin \
	"$TMP/guest.sh" <"$TMP/answers" >"$TMP/says" 2>"$TMP/errors" &
guest=$!
trap '{ kill -- -$guest 2>/dev/null || true; }; cleanup' EXIT
exec 8>"$TMP/answers" 9<"$TMP/says"

# The AES-256 schedules in the dump that the baseline had not.
schedules() {
	aeskeyfind -q "$TMP/memory" | grep -xE '[0-9a-f]{64}' | sort -u |
		comm -23 - "$TMP/baseline"
}

# How often the bytes of the known keys stand in the dump, as such.
raw() {
	python3 -c 'import sys
with open(sys.argv[1], "rb") as file:
    memory = file.read()
print(sum(memory.count(bytes.fromhex(key)) for key in sys.argv[2:]))' \
		"$TMP/memory" "${keys[@]}"
}

: >"$TMP/baseline"
keys=() looks=0
while read -r word what rest <&9; do
	if [ "$word" != LOOK ]; then
		echo "$word $what $rest"
		continue
	fi
	python3 "$here/guest_memory.py" "$TMP/qmp" $((mib << 20)) "$TMP/memory"
	[ "$(stat -c %s "$TMP/memory")" -eq $((mib << 20)) ] || fail "the dump is not whole"
	mapfile -t found < <(schedules)
	echo "--- $what $rest: ${#found[@]} schedules, raw $(raw)"
	case $what in
	baseline)
		printf '%s\n' "${found[@]}" | grep . >"$TMP/baseline" || true
		;;
	keys)
		[ ${#found[@]} -eq "${rest%% *}" ] || fail "the search does not find the keys"
		keys=("${found[@]}")
		[ "$(raw)" -ge ${#keys[@]} ] || fail "the search does not find the keys' bytes"
		;;
	same-keys) [ "${found[*]}" = "${keys[*]}" ] || fail "the search does not find the keys" ;;
	no-schedule)
		[ ${#found[@]} -eq 0 ] || fail "$rest: ${#found[@]} schedules in memory"
		# The keyring's own copy: the search for bytes works.
		[ "$(raw)" -ge 2 ] || fail "the key in the keyring is not found"
		;;
	nothing)
		[ ${#found[@]} -eq 0 ] || fail "$rest: ${#found[@]} schedules in memory"
		[ "$(raw)" -eq 0 ] || fail "$rest: bytes of the key in memory"
		;;
	*) fail "the guest says: $what" ;;
	esac
	looks=$((looks + 1))
	echo >&8
done
exec 8>&- 9<&-
status=0
wait $guest || status=$?
cat "$TMP/errors"
[ $status -eq 0 ] || fail "the guest ended with $status"
[ $looks -eq 11 ] || fail "$looks looks at the memory instead of 11"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: FVEK and VMK are in no command line, environment, kernel log, table or core of fvesetup
# runs: uml qemu
# kernels: 6.1 6.12-uml
# group: vm fvesetup secret
# disks: 64M
# vm: --tpm
#
# It reads all of /proc, and User Mode Linux reads beyond a stack for /proc/PID/wchan (KASAN, __get_wchan): not
# on the debug kernel.
. "$TESTS/vm/lib.sh"

printf 'correct horse' >pass
modprobe dm-fve

# What is searched for: both XTS halves of the FVEK, and the VMK, in hex.
find_keys() {
	volume_keys /dev/vda pass >keys
	mapfile -t keys < <(awk '/^FVEK/ { print substr($2, 1, 64); print substr($2, 65) }
		/^VMK/ { print $2 }' keys)
	assert_eq "${#keys[@]}" 3 "keys to search for"
}

# holders FILE...: fails unless no key stands in any of them, raw or in hex.
holders() {
	local file key n=0
	for file in "$@"; do
		for key in "${keys[@]}"; do
			if grep -qaiF "$key" "$file" ||
				xxd -p -c 1000000 "$file" | tr -d '\n' | grep -qF "$key"; then
				echo "key $key is in $file"
				n=$((n + 1))
			fi
		done
	done
	[ "$n" -eq 0 ]
}

fvesetup format -q --iter-time 1 --pbkdf-memory 32 --protector passphrase --key-file pass \
	--protector tpm2,pcrs=4+9,unsafe-pcrs --recovery-file rec /dev/vda
find_keys

step "positive control: the search finds a key"
for key in "${keys[@]}"; do
	{ cat /etc/hostname && xxd -r -p <<<"$key"; } >control
	! holders control || fail "the search does not find $key"
done

step "while fvesetup runs: command lines, environments, memory of others"
mkdir seen
(
	while [ ! -e stop ]; do
		cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\0' '\n' >>seen/proc || true
	done
) &
for _ in 1 2 3; do
	fvesetup open --protector tpm2 /dev/vda data </dev/null
	fvesetup close data
	fvesetup open --key-file pass /dev/vda data
	fvesetup close data
done
: >stop
wait
grep -q fvesetup seen/proc || fail "fvesetup was never seen"
fvesetup open --debug --key-file pass /dev/vda data >seen/debug 2>&1
dmsetup table --showkeys >seen/table
dmsetup status >seen/status
dmsetup info data >seen/info
dmesg >seen/dmesg
cat /proc/keys >seen/keys
udevadm info /dev/mapper/data >seen/udev 2>&1 || true
holders seen/* || fail "a key is where it must not be"

step "a core of fvesetup"
ulimit -c unlimited
echo "$PWD/core" >/proc/sys/kernel/core_pattern
# It waits for the new passphrase with the volume unlocked: FVEK in memory.
mkfifo wait
fvesetup protector add --key-file pass --new-key-file wait /dev/vda passphrase &
pid=$!
for _ in $(seq 100); do
	grep -q wait_for_partner\\\|fifo_open /proc/$pid/wchan 2>/dev/null && break
	sleep 0.1
done
kill -ABRT "$pid"
wait "$pid" || true
[ ! -e core ] || fail "fvesetup left a core file"

step "positive control: another program that holds the key leaves a core with it"
bash -c 'key=$(awk "/VMK/" keys); kill -ABRT $$' || true
[ -s core ] || fail "this guest makes no core files, the test says nothing"
! holders core || fail "the search does not find a key in a core"

fvesetup close data

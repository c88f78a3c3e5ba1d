#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: keys are wiped, set and revoked as the messages promise, and data follows its key
# runs: uml qemu
# group: vm kernel
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

message() {
	local device=$1
	shift
	dmsetup message "$device" 0 "$*"
}

# refused REASON DEVICE MESSAGE...
refused() {
	local reason=$1
	shift
	log_mark
	assert_fails message "$@" 2>/dev/null
	grep -qF "fve: $reason" < <(log_since_mark) ||
		fail "no reason \"$reason\" in the log: $(log_since_mark)"
	echo "refused: $reason"
}

first_sector() {
	dd if="$1" bs=4K count=1 iflag=direct status=none | sha256sum
}

load_fve
ram_disk 16
make_key one 64
make_key two 64
make_key short 32

step "two devices with two keys side by side"
half=$((ram_sectors / 2))
create one "$(table_line fve $half one 0 "$ram" 0)"
create two "$(table_line fve $half two 0 "$ram" $half)"
head -c 65536 /dev/urandom >"$scratch/data"
for device in one two; do
	dd if="$scratch/data" of=/dev/mapper/$device bs=64K oflag=direct status=none
done
for device in one two; do
	dd if=/dev/mapper/$device bs=64K count=1 iflag=direct status=none | cmp - "$scratch/data" ||
		fail "$device lost its data"
done
! dd if="$ram" bs=64K skip=$((half / 128)) count=1 iflag=direct status=none |
	cmp -s - <(dd if="$ram" bs=64K count=1 iflag=direct status=none) ||
	fail "two keys gave one ciphertext"
remove two

step "messages that are refused"
refused "key message while the device is not suspended" one key wipe
refused "key message while the device is not suspended" one key set "$(key_of two)"
refused "unknown message" one erase
refused "unknown message" one revoke now
dmsetup suspend one
refused "unknown key message" one key
refused "unknown key message" one key set
refused "Key size differs from the table's" one key set "$(key_of short)"
refused "Key is not in the keyring" one key set :64:logon:test:absent
hex=$(xxd -p -c 64 "$scratch/one.key")
refused "Key must be in the kernel keyring, hex keys are refused" one key set "$hex"
dmsetup resume one # with the key that it had
plain=$(first_sector /dev/mapper/one)
assert_eq "$plain" "$(head -c 4096 "$scratch/data" | sha256sum)" "data after refused messages"

step "wipe, resume refused, set, resume"
dmsetup suspend one
message one key wipe
assert_eq "$(status one key)" wiped "key state"
assert_fails dmsetup resume one 2>/dev/null
assert_eq "$(status one key)" wiped "key state after a refused resume"
message one key set "$(key_of one)"
assert_eq "$(status one key)" valid "key state"
dmsetup resume one
assert_eq "$(first_sector /dev/mapper/one)" "$plain" "data after wipe and set"

step "another key decrypts to something else, and the table names it"
dmsetup suspend one
message one key set "$(key_of two)"
dmsetup resume one
[ "$(first_sector /dev/mapper/one)" != "$plain" ] || fail "the second key reads the first's data"
assert_match "$(dmsetup table one)" ":64:logon:test:two" "the table"
dmsetup suspend one
message one key wipe
message one key set "$(key_of one)"
dmsetup resume one
assert_eq "$(first_sector /dev/mapper/one)" "$plain" "data after the way back"

step "the key may leave the keyring once the table is loaded"
keyctl unlink "$(keyctl search @u logon test:one)" @u
assert_eq "$(first_sector /dev/mapper/one)" "$plain" "data without the key in the keyring"
make_key one 64

step "revoke: reads in flight below fail when they come back"
create lower "0 $half linear $ram 0"
dmsetup reload one --table "$(table_line fve $half one 0 /dev/mapper/lower 0)"
dmsetup resume one
dmsetup suspend lower # from here on I/O waits below fve
dd if=/dev/mapper/one of="$scratch/late" bs=4K count=1 iflag=direct 2>"$scratch/dd" &
reader=$!
while [ "$(cut -c1-120 </sys/block/"$(basename "$(readlink /dev/mapper/one)")"/inflight |
	awk '{ print $1 + $2 }')" = 0 ]; do
	sleep 0.1
done
message one revoke # returns although the disk does not answer
assert_eq "$(status one key)" revoked "key state"
dmsetup resume lower
! wait $reader || fail "a read succeeded without a key"
assert_match "$(cat "$scratch/dd")" "Input/output error" "what the reader was told"
[ ! -s "$scratch/late" ] || fail "a failed read delivered data"

step "revoke: all later I/O fails"
in_error dd if=/dev/mapper/one bs=4K count=1 iflag=direct
in_error dd if=/dev/zero of=/dev/mapper/one bs=4K count=1 oflag=direct
[ "$(status one errors)" -gt 0 ] || fail "errors are not counted"
dmsetup suspend one
refused "key is revoked" one key set "$(key_of one)"
dmsetup resume one # nothing hangs on a device that has no key to wait for
in_error dd if=/dev/mapper/one bs=4K count=1 iflag=direct

step "a new table ends the revocation; the data is what it was"
dmsetup reload one --table "$(table_line fve $half one 0 "$ram" 0)"
dmsetup resume one
assert_eq "$(first_sector /dev/mapper/one)" "$plain" "data after the reload"
remove one lower

step "revoke below a mounted filesystem: errors, umount and remove"
create fs "$(table_line fve $half one 0 "$ram" 0)"
mkfs.ext4 -q /dev/mapper/fs
mkdir -p "$scratch/mnt"
mount /dev/mapper/fs "$scratch/mnt"
cp "$scratch/data" "$scratch/mnt/file"
sync -f "$scratch/mnt/file"
message fs revoke
echo 3 >/proc/sys/vm/drop_caches
in_error cat "$scratch/mnt/file"
umount "$scratch/mnt"
remove fs
assert_eq "$(references)" 0 "references to the module"
modprobe -r dm-fve

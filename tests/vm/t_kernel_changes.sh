#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: suspend, reload, swap with dm-crypt, rekey and removal under I/O lose no data and no one
# runs: uml qemu
# group: vm kernel
#
# FVE_ROUNDS: changes of each kind under I/O (5).
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

rounds=${FVE_ROUNDS:-$(sample 5)}

# Endless random I/O by two processes, until end_io or an error.
start_io() {
	iopair --count 100000000 --seed "$seed" --threads 2 --max-size 16384 \
		/dev/mapper/ours /dev/mapper/theirs >"$scratch/io" 2>&1 &
	io=$!
	progress
}

# Waits until reads and writes have ended since the last look, so that no change meets an idle
# device.
progress() {
	local at
	at=$(($(status ours reads) + 20))
	while [ "$(status ours reads)" -lt "$at" ]; do
		kill -0 "$io" 2>/dev/null || fail "the I/O ended: $(cat "$scratch/io")"
	done
}

end_io() {
	kill -0 "$io" 2>/dev/null || fail "the I/O ended: $(cat "$scratch/io")"
	kill "$io"
	assert_status 0 wait "$io" # iopair has compared all data once more
	cat "$scratch/io"
}

load_fve
ram_disk 4
make_key one 64
fve_line=$(table_line fve "$ram_sectors" one 0 "$ram" 0)
crypt_line=$(table_line crypt "$ram_sectors" one 0 "$ram" 0 no_read_workqueue no_write_workqueue)
create ours "$fve_line"
create theirs "$crypt_line"

step "suspend and resume"
start_io
for ((i = 0; i < rounds; i++)); do
	dmsetup suspend ours
	dmsetup resume ours
	progress
done

step "reload"
for ((i = 0; i < rounds; i++)); do
	dmsetup reload ours --table "$fve_line"
	dmsetup resume ours
	progress
done

step "wipe and set the key"
for ((i = 0; i < rounds; i++)); do
	dmsetup suspend ours
	dmsetup message ours 0 key wipe
	dmsetup message ours 0 key set "$(key_of one)"
	dmsetup resume ours
	progress
done

step "swap fve for dm-crypt and back, live"
for ((i = 0; i < rounds; i++)); do
	dmsetup reload ours --table "$crypt_line"
	dmsetup resume ours
	dmsetup reload ours --table "$fve_line"
	dmsetup resume ours
	progress
done
end_io

step "revoke under I/O: every process is told, none hangs"
start_io
dmsetup message ours 0 revoke
# Both end with an error: 2 says so, where 1 would be wrong data.
assert_status 2 wait "$io"
assert_match "$(cat "$scratch/io")" "/dev/mapper/ours: Input/output error" "what the I/O was told"
assert_no_match "$(cat "$scratch/io")" "MISMATCH" "the I/O"
dmsetup reload ours --table "$fve_line"
dmsetup resume ours

step "the table is taken away under I/O"
start_io
dmsetup wipe_table ours
assert_status 2 wait "$io"
remove ours theirs

step "create and remove, with no time in between"
for ((i = 0; i < rounds; i++)); do
	create ours "$fve_line"
	dd if=/dev/mapper/ours of=/dev/null bs=64K count=4 iflag=direct status=none
	remove ours
done
assert_eq "$(references)" 0 "references to the module"
for ((i = 0; i < 5; i++)); do
	modprobe -r dm-fve
	modprobe dm-fve
done

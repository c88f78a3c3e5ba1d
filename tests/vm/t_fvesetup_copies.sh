#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a volume whose copy is erased, formatted or has lost its TPM protector still opens by the TPM; its counter is not freed while one of them is attached
# runs: uml qemu
# group: vm fvesetup
# kernels: 6.1
# disks: 64M 64M
# vm: --tpm
. "$TESTS/vm/lib.sh"

printf 'correct horse' >pass
format_it() {
	fvesetup format -q --iter-time 1 --pbkdf-memory 32 --no-recovery --protector passphrase --key-file pass \
		--protector tpm2,pcrs=4+9,unsafe-pcrs /dev/vda
}
format_it
id=$(fvesetup protector list /dev/vda | awk '$2 == "tpm2" { print $1 }')

# on_copy COMMAND...: change the copy, then the volume by its TPM.
on_copy() {
	step "$1 $2 on the copy"
	dd if=/dev/vda of=/dev/vdb bs=1M count=16 oflag=direct status=none
	fvesetup open --test --protector tpm2 /dev/vdb </dev/null
	fvesetup "$@" 2>out
	cat out
	assert_match "$(cat out)" 'another volume with the UUID' "what it said"
	fvesetup open --test --protector tpm2 /dev/vda </dev/null
}
on_copy erase -q /dev/vdb
on_copy protector remove -q --key-file pass /dev/vdb "$id"
on_copy release -q --key-file pass /dev/vdb
on_copy format -q --iter-time 1 --pbkdf-memory 32 --no-recovery --key-file pass /dev/vdb

step "a counter is listed with both of them, and is not freed"
dd if=/dev/vda of=/dev/vdb bs=1M count=16 oflag=direct status=none
uuid=$(cryptsetup luksUUID /dev/vda)
assert_match "$(fvesetup tpm counters)" "attached +$uuid +/dev/vda /dev/vdb" "the list"
assert_status 5 fvesetup tpm counters --free 0x1846500 -q
fvesetup open --test --protector tpm2 /dev/vda </dev/null

step "a stock tool wiped both of them: their counter is known still, and can be freed"
for disk in /dev/vda /dev/vdb; do
	dd if=/dev/zero of="$disk" bs=1M count=16 oflag=direct status=none
done
assert_match "$(fvesetup tpm counters)" "known +$uuid +-" "the list"
fvesetup tpm counters --free 0x1846500 -q
assert_no_match "$(fvesetup tpm counters)" '0x1846500' "the list"
format_it

step "the last of them takes its counter along"
fvesetup erase -q /dev/vda 2>out
assert_no_match "$(cat out)" 'NV index' "what it said"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Protectors of a machine, and how they refuse.
. "$(dirname "$0")/lib.sh"

start_tpm tpm
tpm=swtpm:path=tpm/sock
measure_boot
printf '123456' >pin
printf '654321' >wrong
new_image volume.img
format volume.img
unlock=(--key-file pass --tpm "$tpm")

run protector add "${unlock[@]}" volume.img tpm2,label=root
run protector add "${unlock[@]}" --new-key-file pin "${cheap[@]}" volume.img tpm2-pin
run protector add "${unlock[@]}" --new-key-file key volume.img tpm2-key
run protector list volume.img
run dump volume.img
run dump --json volume.img
run protector test --tpm "$tpm" volume.img
run protector test --json --tpm "$tpm" volume.img
run status --tpm "$tpm" volume.img
run --verbose open --test --tpm "$tpm" volume.img
run --verbose open --test --tpm "$tpm" --protector tpm2-pin --pin-file pin volume.img
run --verbose open --test --tpm "$tpm" --protector tpm2-key --startup-key-file key volume.img

note "refused"
run protector add "${unlock[@]}" volume.img tpm2,pcrs=7
run protector change "${unlock[@]}" volume.img "$(id_of volume.img tpm2)"
run protector add "${unlock[@]}" --new-key-file pass "${cheap[@]}" volume.img tpm2-pin
run open --test --tpm "$tpm" --protector tpm2-pin --pin-file wrong volume.img
run open --test --tpm "$tpm" --protector tpm2-key volume.img
run open --test --tpm "$tpm" --protector tpm2-key --startup-key-file pass volume.img
run open --test --tpm device:/nonexistent --protector tpm2 volume.img

note "another kernel"
measure 4 "another kernel"
run open --test --tpm "$tpm" volume.img </dev/null
run protector test --tpm "$tpm" volume.img
run protector test --json --tpm "$tpm" volume.img
run status --tpm "$tpm" volume.img

note "policy"
approval=$("$fvesetup" tpm approve "${unlock[@]}" volume.img --label 'new kernel' | sed -n 's/^approved: //p')
echo "$approval" >>ids
run tpm status --tpm "$tpm" volume.img
run tpm status --json --tpm "$tpm" volume.img
run tpm revoke "${unlock[@]}" volume.img "$approval"
run status --tpm "$tpm" volume.img
run tpm status --tpm "$tpm" volume.img
run tpm predict "${unlock[@]}" volume.img
run protector disable "${unlock[@]}" --boots 2 volume.img
run status --tpm "$tpm" volume.img
run tpm status --tpm "$tpm" volume.img
run protector enable "${unlock[@]}" volume.img
run protector enable "${unlock[@]}" volume.img

note "counters"
# Not on every machine may block devices be read.
run tpm counters --tpm "$tpm" | grep -v 'block devices may not be read'
run tpm counters --tpm "$tpm" --free 0x1846501

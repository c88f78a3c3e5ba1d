#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A volume's protectors, those of people.
. "$(dirname "$0")/lib.sh"

new_image volume.img
format volume.img
printf 'battery staple' >pass2
printf 'wooden spoon' >pass3
printf 'wrong' >wrong
unlock=(--key-file pass)

run protector add "${unlock[@]}" "${cheap[@]}" --new-key-file pass2 volume.img passphrase,label=second
run protector add "${unlock[@]}" --new-key-file key volume.img startup-key
run protector add "${unlock[@]}" volume.img recovery
run protector list volume.img
run protector list --json volume.img
run protector test volume.img
run protector test --startup-key-file key volume.img
run protector test --json volume.img
run protector test --key-file pass2 volume.img "$(id_of volume.img passphrase)"
run protector change "${unlock[@]}" volume.img "$(id_of volume.img recovery)"
run protector change "${unlock[@]}" --new-key-file pass3 "${cheap[@]}" volume.img "$(id_of volume.img passphrase)"
run protector remove "${unlock[@]}" volume.img "$(id_of volume.img startup-key)"
run protector list volume.img

note "opened by each"
run --verbose open --test --key-file pass volume.img
run --verbose open --test --key-file volume.img.rec volume.img
run --verbose open --test --protector recovery --key-file volume.img.rec volume.img

note "refused"
run open --test --key-file wrong volume.img
run open --test --protector recovery --key-file pass volume.img
run open --test --protector tpm2 volume.img
run open --test --protector deadbeef volume.img
run open --test --key-file /dev/null volume.img
run open --test --key-file missing volume.img
run open --test volume.img </dev/null
run open "${unlock[@]}" volume.img name
run protector add --key-file wrong volume.img recovery
run protector add "${unlock[@]}" --new-key-file pass volume.img startup-key
run protector add "${unlock[@]}" volume.img startup-key
run protector add "${unlock[@]}" --new-key-file /dev/null volume.img passphrase
run protector add "${unlock[@]}" --recovery-file rec volume.img passphrase
run protector remove volume.img deadbeef
run protector change "${unlock[@]}" volume.img deadbeef
run close name
run status name

note "the last that a person can open"
new_image one.img
run format --batch-mode "${unlock[@]}" "${cheap[@]}" --no-recovery one.img
run protector remove "${unlock[@]}" one.img "$(id_of one.img passphrase)"
run protector remove "${unlock[@]}" --force one.img "$(id_of one.img passphrase)"

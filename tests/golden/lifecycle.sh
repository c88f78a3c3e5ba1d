#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# A volume's life after it was made: rotating, adopting, releasing, erasing.
. "$(dirname "$0")/lib.sh"

new_image volume.img
format volume.img
unlock=(--key-file pass)
printf 'wrong' >wrong

note "rotate"
run rotate vmk "${unlock[@]}" volume.img
run rotate vmk --key-file wrong volume.img
run rotate recovery "${unlock[@]}" --recovery-file new volume.img
run rotate recovery "${unlock[@]}" --recovery-file new volume.img
run rotate recovery "${unlock[@]}" volume.img </dev/null
run rotate recovery "${unlock[@]}" --batch-mode volume.img
run rotate recovery "${unlock[@]}" --batch-mode volume.img "$(id_of volume.img passphrase)"
run rotate recovery "${unlock[@]}" --batch-mode volume.img deadbeef
run protector list volume.img

note "release"
run release "${unlock[@]}" volume.img </dev/null
run release --batch-mode --key-file wrong volume.img
run release --batch-mode "${unlock[@]}" volume.img
run dump volume.img
run release --batch-mode "${unlock[@]}" volume.img

note "adopt"
run adopt --key-file wrong volume.img
run adopt "${unlock[@]}" volume.img
run adopt "${unlock[@]}" volume.img
run protector list volume.img
new_image other.img
run adopt "${unlock[@]}" other.img
cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 --key-file pass other.img
run adopt "${unlock[@]}" other.img
cryptsetup luksFormat -q --pbkdf-force-iterations 4 --pbkdf-memory 32 --key-size 256 --key-file pass other.img
run adopt "${unlock[@]}" other.img

note "erase"
run erase volume.img </dev/null
run erase --batch-mode volume.img
run open --test "${unlock[@]}" volume.img
run protector list volume.img
run dump volume.img
run erase --batch-mode volume.img

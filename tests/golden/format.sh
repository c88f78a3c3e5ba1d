#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Making a volume and looking at its header.
. "$(dirname "$0")/lib.sh"

printf 'correct horse' >pass
new_image volume.img
new_image small.img 1M
quick=(--batch-mode --key-file pass "${cheap[@]}")

run format "${quick[@]}" volume.img
run dump volume.img
run dump --json volume.img
run status volume.img
run status --json volume.img
run format "${quick[@]}" --no-recovery --label "my data" --sector-size 512 volume.img
run dump volume.img
run format "${quick[@]}" --recovery-file rec volume.img
run format "${quick[@]}" --recovery-file rec volume.img

note "refused"
run format volume.img </dev/null
run format "${quick[@]}" --no-recovery --recovery-file rec2 volume.img
run format -q --no-recovery --protector tpm2 volume.img
run format "${quick[@]}" small.img
run format "${quick[@]}" missing.img
run format "${quick[@]}" /dev/null
run dump small.img
run dump missing.img

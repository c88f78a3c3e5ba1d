#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The header: its MAC, backups, a copy that is repaired.
. "$(dirname "$0")/lib.sh"

new_image volume.img
format volume.img
unlock=(--key-file pass)
edit() {
	/usr/bin/python3 "$here/luks2_edit.py" "$@"
}

run header verify "${unlock[@]}" volume.img
run header verify --json "${unlock[@]}" volume.img
run header accept "${unlock[@]}" volume.img
run header backup volume.img backup
run header backup volume.img backup
run header backup volume.img missing/backup
cp volume.img good.img

note "edited, with right checksums"
edit volume.img json 'h["config"]["flags"] = ["allow-discards"]'
run header verify "${unlock[@]}" volume.img
run header verify --json "${unlock[@]}" volume.img
run open --test "${unlock[@]}" volume.img
run protector add "${unlock[@]}" --recovery-file new volume.img recovery
run rotate vmk "${unlock[@]}" volume.img
run header accept "${unlock[@]}" volume.img </dev/null
run header accept --batch-mode "${unlock[@]}" volume.img
run header verify "${unlock[@]}" volume.img

note "without its MAC"
cp good.img volume.img
edit volume.img json 'del h["tokens"][[n for n, t in h["tokens"].items() if t["type"] == "fve-mac"][0]]'
run header verify "${unlock[@]}" volume.img
run dump volume.img

note "one copy destroyed"
cp good.img volume.img
dd if=/dev/zero of=volume.img bs=64K count=1 conv=notrunc status=none
run dump volume.img

note "restored"
dd if=/dev/zero of=volume.img bs=1M count=16 conv=notrunc status=none
run dump volume.img
run header restore volume.img backup </dev/null
run header restore --batch-mode volume.img backup
run header verify "${unlock[@]}" volume.img
run header restore --batch-mode volume.img pass
run header restore --batch-mode volume.img missing
new_image other.img
format other.img
run header restore --batch-mode other.img backup
new_image small.img 10M
run header restore --batch-mode small.img backup

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a plain disk with the UUID of the root's file system, or of swap, does not become the root, nor is it resumed from
# timeout: 7200
#
# All by make boot-tests, eight boots; make check has three.
. "$(dirname "$0")/lib.sh"

"$here/thief" "$TMP/plain" "$(cat "$inst/fs-uuid")"

# The owner's system, and nothing of the thief's, whatever came first.
owner="echo \"the owner's root\"; findmnt -no SOURCE /"
owner_ran() {
	reported "the owner's root"
	reported "/dev/mapper/root"
	no_thief
}

by_uuid="${cmdline/root=\/dev\/mapper\/root/root=UUID=$(cat "$inst/fs-uuid")} $force"
echo "=== root=UUID=: his disk beside ours"
approved "$by_uuid" "expect=(pcr-mismatch)" "$asked" "type=$pass"
said "PCR 9 (initrd and kernel command line)"
script "$owner"
disks=(--disk "$TMP/disk,snapshot=on" "${others[@]}" --disk "$TMP/plain,snapshot=on")
boot 0 --append "$by_uuid" --script "$TMP/script"
owner_ran

echo "=== ours has no root any more, and his is mounted: all is locked before it takes over"
disks=(--disk "$TMP/plain,snapshot=on" "${others[@]}")
boot 0 --append "$by_uuid" "${shell[@]}" "$(look_typed)"
no_thief
reported_locked

[ -n "${FVE_BOOT_ALL-}" ] || exit 0 # the rest by make boot-tests

echo "=== root=/dev/mapper/root"
script "$owner"
disks=(--disk "$inst/disk,snapshot=on" "${others[@]}" --disk "$TMP/plain,snapshot=on")
boot 0 --script "$TMP/script"
owner_ran

echo "=== his disk comes late"
disks=(--disk "$TMP/disk,snapshot=on" "${others[@]}" --disk "$TMP/plain,bps=65536,snapshot=on")
boot 0 --append "$by_uuid" --script "$TMP/script"
owner_ran

echo "=== resume=UUID= on a plain disk with a hibernation image"
truncate -s 64M "$TMP/swap"
mkswap -q -U 11111111-2222-3333-4444-555555555555 "$TMP/swap"
printf S1SUSPEND | dd of="$TMP/swap" bs=1 seek=4086 conv=notrunc status=none
resume="$cmdline resume=UUID=11111111-2222-3333-4444-555555555555"
own_disk
script "fvesetup tpm approve --key-file /root/pass --protector passphrase /dev/vda"
disks+=(--disk "$TMP/swap,snapshot=on")
boot 0 --append "$resume" --script "$TMP/script" "$asked" "type=$pass"
script "$owner; journalctl -b --no-pager -o cat | grep -aE 'resume|PM:'"
disks=(--disk "$TMP/disk,snapshot=on" "${others[@]}" --disk "$TMP/swap,snapshot=on")
boot 0 --append "$resume" --script "$TMP/script"
owner_ran
reported "nothing is resumed from it"

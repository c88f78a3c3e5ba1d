#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: another volume, or another file system, in the root's place gets no key out of the TPM
# by-hand: four boots, seven minutes, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

shells_for_all

# The thief's own volume: the root's UUID, a passphrase that he knows, and his system in it. He has
# the real one too, where udev does not see it: behind a mebibyte of zeros.
own_disk
remove tpm2
remove tpm2-pin
mv "$TMP/disk" "$TMP/thief"
{ head -c 1M /dev/zero && cat "$base"; } >"$TMP/stolen"

echo "=== a volume with the same UUID and a known passphrase"
disks=(--disk "$TMP/thief" --disk "$TMP/stolen,read-only=on" "${others[@]}")
script "
real=\$(losetup --offset 1M --find --show /dev/vdb)
blkid -p -s UUID -o value \$real
$(attempt "\$real")
"
boot 0 --script "$TMP/script" "$asked" "type=$pass"
reported "$(cat "$inst/uuid")"
reported "unseal 2"
reported "(capped)"
[ -n "${FVE_BOOT_ALL-}" ] || exit 0 # the rest by make boot-tests

echo "=== a file system in clear, with the UUID that root= names; the real disk is at hand"
truncate -s 32M "$TMP/plain"
mkfs.ext4 -q -U "$(cat "$inst/fs-uuid")" "$TMP/plain"
disks=(--disk "$TMP/plain" --disk "$TMP/stolen,read-only=on" "${others[@]}")
boot 0 "expect=is not there after" "${shell[@]}" \
	"type=dmsetup create real --readonly --table \"0 65536 linear /dev/vdb 2048\"" "expect=# " \
	"$(attempt_typed /dev/mapper/real)"
reported "unseal 2"
reported "(capped)"

echo "=== an edited header"
own_disk
cryptsetup config --batch-mode --priority ignore --key-slot 1 "$TMP/disk"
boot 0 "expect=(header-mac)" "${wrong[@]}" "${shell[@]}" "$(attempt_typed)"
not_said "PIN of"
reported "unseal 2"
reported "(capped)"

echo "=== the header of before a revocation, put back"
own_disk
head -c 16M "$TMP/disk" >"$TMP/old"
revoke() {
	local tpm=swtpm:path=$TMP/sock id
	id=$("$fvesetup" tpm status --json --tpm "$tpm" "$TMP/disk" | jq -r '.approvals[-1].id')
	"$fvesetup" tpm revoke --tpm "$tpm" --protector passphrase --key-file "$inst/pass" "$TMP/disk" "$id"
}
with_tpm revoke
dd if="$TMP/old" of="$TMP/disk" conv=notrunc status=none
boot 0 "expect=(policy-revoked)" "${wrong[@]}" "${shell[@]}" "$(attempt_typed)"
reported "unseal 2"

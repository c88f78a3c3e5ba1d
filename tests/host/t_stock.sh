#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: Debian's cryptsetup and blkid, which know nothing of fve, open a volume by each of people's secrets, back its header up, and add a keyslot without breaking it
# group: host
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img

stock_opens() {
	cryptsetup open --test-passphrase "$@" "$image"
}

start_tpm "$TMP/tpm"
measure_boot
new_image "$image"
format "$image" --tpm "$tpm" --protector tpm2 --protector startup-key --startup-key-file "$TMP/key" --label stock
cryptsetup --version

echo "--- by the recovery password, typed or in a file; the passphrase; the startup key"
expect 0 stock_opens --key-file "$image.rec"
expect 0 stock_opens <"$image.rec"
expect 0 stock_opens --key-file "$TMP/pass"
expect 0 stock_opens <"$TMP/pass"
expect 0 stock_opens --key-file "$TMP/key"
expect 2 stock_opens --key-file /etc/hostname

echo "--- luksDump, luksUUID, isLuks, blkid"
expect 0 cryptsetup isLuks --type luks2 "$image"
expect 0 cryptsetup luksDump "$image"
for text in 'Subsystem:' 'fve-tpm2' 'fve-recovery' 'cipher: aes-xts-plain64' 'Cipher key: 512 bits'; do
	expect_text "$text"
done
uuid=$(cryptsetup luksUUID "$image")
expect 0 blkid -p "$image"
for text in 'TYPE="crypto_LUKS"' 'LABEL="stock"' "UUID=\"$uuid\"" 'SUBSYSTEM="fve"'; do
	expect_text "$text"
done

echo "--- luksHeaderBackup and luksHeaderRestore: byte for byte, and every protector still opens"
expect 0 cryptsetup luksHeaderBackup --header-backup-file "$TMP/header" "$image"
head -c 16M "$image" | cmp - "$TMP/header" || fail "the backup is not the header"
head -c 16M /dev/urandom | dd of="$image" conv=notrunc status=none
expect 4 "$fvesetup" open --test --key-file "$TMP/pass" "$image"
expect 0 cryptsetup luksHeaderRestore -q --header-backup-file "$TMP/header" "$image"
head -c 16M "$image" | cmp - "$TMP/header" || fail "another header was restored"
expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" </dev/null
expect 0 stock_opens --key-file "$image.rec"

echo "--- luksAddKey: listed as keyslot, opens, the MAC holds, and it can be removed"
printf 'added by others' >"$TMP/added"
expect 0 cryptsetup luksAddKey -q --pbkdf-force-iterations 4 --pbkdf-memory 32 --key-file "$TMP/pass" "$image" "$TMP/added"
id=$("$fvesetup" protector list --json "$image" | jq -r '.protectors[] | select(.kind == "keyslot").id')
[ -n "$id" ] || fail "the new keyslot is not listed"
expect 0 "$fvesetup" open --test --key-file "$TMP/added" "$image"
! grep -q WARNING "$TMP/out" || fail "luksAddKey broke the MAC"
expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" </dev/null
expect 0 "$fvesetup" protector remove --key-file "$TMP/pass" "$image" "$id"
expect 2 stock_opens --key-file "$TMP/added"
expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" </dev/null

echo "--- luksRemoveKey of the passphrase: what is left opens, and people are warned"
expect 0 cryptsetup luksRemoveKey -q --key-file "$TMP/pass" "$image"
expect 0 "$fvesetup" open --test --key-file "$image.rec" "$image"
expect_text header-mac
expect 0 stock_opens --key-file "$image.rec"

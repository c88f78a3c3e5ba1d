#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: status of a closed volume begins with its protection and tells whether the TPM would release its key now, the tries left, and what the header shows of its MAC; and that nothing opens it any more
# group: host fast tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
printf '13579246' >"$TMP/pin"

# One value of the status, by the jq filter $1.
status() {
	"$fvesetup" status --json --tpm "$tpm" "$image" | jq -r "$1"
}

start_tpm "$TMP/tpm"
measure_boot
new_image "$image"
format "$image" --tpm "$tpm" --protector tpm2 --protector tpm2-pin --pin-file "$TMP/pin" --label mine
before=$(sha256sum <"$image")

echo "--- as approved"
expect 0 "$fvesetup" status --tpm "$tpm" "$image"
expect_text 'is closed'
[ "$(head -n 1 "$TMP/out")" = 'Protection:     On' ] || fail "it does not begin with the protection"
expect_text '4.0 MiB, from 16.0 MiB on'
[ "$(status '.protection, .protection_boots_left, .size, .data_offset, .sector_size' | paste -s -d ' ')" = \
	"on null 4194304 16777216 4096" ] || fail "other values"
expect_text 'would release its key now; 32 of 32 tries left'
[ "$(status '.state, .name, .label, .mac' | paste -s -d ' ')" = "closed null mine present" ] || fail "other values"
[ "$(status '[.protectors[] | select(.kind | startswith("tpm2")).tpm_would_release] | all')" = true ] ||
	fail "the TPM would not release"
[ "$(status '.protectors[] | select(.kind == "passphrase").tpm_would_release')" = null ] || fail "not null"

echo "--- a wrong PIN is seen; asking costs no try"
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$TMP/pass" "$image"
[ "$(status '.protectors[] | select(.kind == "tpm2-pin").tries_left')" = 31 ] || fail "other tries"
[ "$(status '.protectors[] | select(.kind == "tpm2-pin").tries_left')" = 31 ] || fail "status cost a try"

echo "--- another boot, and no TPM"
measure 9 "another initrd"
[ "$(status '.protectors[] | select(.kind == "tpm2") | .tpm_would_release, .reason' | paste -s -d ' ')" = \
	"false pcr-mismatch" ] || fail "other verdict"
expect 0 "$fvesetup" status --tpm device:/nonexistent "$image"
expect_text tpm-absent
[ "$before" = "$(sha256sum <"$image")" ] || fail "status changed the image"

echo "--- the header's MAC: missing, and a protector that cannot be read"
mac=$(cryptsetup luksDump --dump-json-metadata "$image" | jq -r '.tokens | to_entries[] | select(.value.type == "fve-mac").key')
cryptsetup token remove --token-id "$mac" "$image"
[ "$(status .mac)" = missing ] || fail "a missing MAC is not seen"
expect 4 "$fvesetup" status "$TMP/pass"
expect 4 "$fvesetup" status no-such-name

echo "--- an image file by its bare name, as all other actions take it"
cd "$TMP"
expect 0 "$fvesetup" status --tpm "$tpm" volume.img
expect_text 'volume.img is closed'
expect 4 "$fvesetup" status no-such.img
expect_text 'no open volume no-such.img'

echo "--- who is not root is told what could not be seen, and sees the rest"
chmod 755 "$TMP"
chmod 644 volume.img
# A copy, since what leads to the build directory may be closed to others.
cp "$fvesetup" "$TMP/fvesetup"
anybody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$TMP/fvesetup" "$@"
}
expect 0 anybody list
expect 0 anybody list --json
jq -e '.volumes and .unseen' "$TMP/out" >/dev/null || fail "list: no JSON"
expect 0 anybody status
expect 0 anybody status --tpm device:/nonexistent volume.img
expect_text 'Protection:     On'


echo "--- stock luksErase: nothing opens it, and status says so; a backup helps"
new_image erased.img
format erased.img --tpm "$tpm" --protector tpm2
"$fvesetup" header backup erased.img backup
cryptsetup luksErase -q erased.img
expect 0 "$fvesetup" status --tpm "$tpm" erased.img
[ "$(head -n 1 "$TMP/out")" = 'Protection:     None: no protector is left, and nothing opens it again but a' ] || fail "another first line"
expect_text 'cipher:       aes-xts-plain64, no keyslot holds its key'
! grep -qE 'would release|0-bit' "$TMP/out" || fail "it tells of what cannot help, or of a key of 0 bits"
[ "$(grep -c '\[token-corrupt\]' "$TMP/out")" = 3 ] || fail "a protector is shown as whole"
expect 0 "$fvesetup" status --json --tpm "$tpm" erased.img
[ "$(jq -r '.protection, .protection_boots_left, .key_size, ([.protectors[].usable] | any)' "$TMP/out" | paste -s -d ' ')" = \
	"none null null false" ] || fail "other values"
expect 2 "$fvesetup" open --test --tpm "$tpm" --key-file "$TMP/pass" erased.img
expect 0 "$fvesetup" header restore -q erased.img backup
expect 0 "$fvesetup" open --test --tpm "$tpm" erased.img
expect 0 "$fvesetup" status --tpm "$tpm" erased.img
expect_text 'Protection:     On'
echo "--- and our own erase, a VMK that went, and people's that went while the TPM's stayed"
cp erased.img one.img
expect 0 "$fvesetup" erase -q --tpm device:/nonexistent one.img
[ "$("$fvesetup" status --json one.img | jq -r .protection)" = none ] || fail "erased, and protected"
for kept in vmk person; do
	cp erased.img one.img
	vmk=$(cryptsetup luksDump --dump-json-metadata one.img | jq -r '.tokens[] | select(.type == "fve-vmk").keyslots[0]')
	for slot in $(cryptsetup luksDump --dump-json-metadata one.img | jq -r '.keyslots | keys[]'); do
		[ "$slot" = "$vmk" ] || [ $kept = person ] || cryptsetup luksKillSlot -q one.img "$slot"
		[ "$slot" != "$vmk" ] || [ $kept = vmk ] || cryptsetup luksKillSlot -q one.img "$slot"
	done
	[ "$("$fvesetup" status --json --tpm "$tpm" one.img | jq -r .protection)" = on ] || fail "$kept is left, and it is not protected"
	[ "$("$fvesetup" protector list --json one.img | jq -r '[.protectors[] | select(.usable).kind] | sort | join(" ")')" = \
		"$([ $kept = vmk ] && echo tpm2 || echo 'passphrase recovery')" ] || fail "others are usable: $kept"
done

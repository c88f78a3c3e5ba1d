#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: the TPM protector opens in the approved boot state only, and each refusal has its reason
# group: host fast tpm
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
new_image "$image"
format "$image"

# Open by the TPM alone.
tpm_open() {
	"$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$image"
}

reboot() {
	stop_tpm
	start_tpm "$TMP/tpm"
}

echo "--- PCRs that protect nothing are refused"
start_tpm "$TMP/tpm"
before=$(sha256sum <"$image")
expect 2 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2
expect_text 'measured nothing'
measure 4 "kernel image"
measure 7 "secure boot state"
expect 2 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2,pcrs=7
expect_text 'do not cover the initrd'
[ "$before" = "$(sha256sum <"$image")" ] || fail "a refusal changed the image"

echo "--- enrol in the good state, open in it after a reboot"
reboot
measure_boot
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2,label=here
expect 0 tpm_open
reboot
measure_boot
expect 0 tpm_open
[ -z "$(tpm2_getcap handles-transient)$(tpm2_getcap handles-loaded-session)" ] ||
	fail "something was left in the TPM"

echo "--- a changed PCR: the TPM refuses, the reason names it, a person's secret still opens"
reboot
measure_boot "another command line"
expect 2 tpm_open
expect_text pcr-mismatch
expect_text 'PCR 9 (initrd and kernel command line): expected'
expect 0 "$fvesetup" open --test --tpm "$tpm" "$image" <"$image.rec"
expect_text pcr-mismatch

echo "--- enrolling again approves this state too; both open"
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2,label=changed
expect 0 tpm_open
reboot
measure_boot
expect 0 tpm_open

echo "--- capped"
measure 15 cap
expect 2 tpm_open
expect_text capped

echo "--- no TPM, another TPM, a cleared TPM"
expect 2 "$fvesetup" open --test --tpm device:/nonexistent --protector tpm2 "$image"
expect_text tpm-absent
stop_tpm
start_tpm "$TMP/other"
measure_boot
expect 2 tpm_open
expect_text tpm-cleared
tpm2_createprimary -Q -C o -g sha256 -G ecc -c "$TMP/srk.ctx"
tpm2_evictcontrol -Q -C o -c "$TMP/srk.ctx" 0x81000001
tpm2_flushcontext -t
expect 2 tpm_open
expect_text tpm-other
stop_tpm

echo "--- a damaged token is named and skipped; the next one finds that the header was changed"
start_tpm "$TMP/tpm"
measure_boot
token=$("$fvesetup" protector list --json "$image" | jq '[.protectors[] | select(.kind == "tpm2")][0].token')
cryptsetup token export --token-id "$token" "$image" | jq '.private |= ("AAAA" + .[4:])' >"$TMP/token"
cryptsetup token remove --token-id "$token" "$image"
cryptsetup token import --token-id "$token" --json-file "$TMP/token" "$image"
expect 2 tpm_open
expect_text token-corrupt
expect_text header-mac
expect 0 "$fvesetup" open --test --key-file "$TMP/pass" "$image" # a person may judge
expect_text header-mac
expect 2 "$fvesetup" protector add --key-file "$TMP/pass" "$image" recovery
expect_text header-mac
cryptsetup token remove --token-id "$token" "$image"
jq '.surprise = 1' "$TMP/token" | cryptsetup token import --token-id "$token" "$image"
expect 0 "$fvesetup" protector list "$image"
expect_text token-corrupt

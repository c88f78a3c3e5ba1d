#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: another system that extends what it can compute into PCRs 9, 11 and 12 gets nothing from the default sets, and a set that allows it is refused, named, and left by one command
# group: host tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img

enrol() { # PCRS...
	new_image "$image"
	format "$image"
	"$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" "tpm2$1"
}
tpm_open() {
	"$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$image"
}
reset() {
	tpm2_shutdown --clear
	stop_tpm
	start_tpm "$TMP/tpm"
	measure 7 "secure boot is off"
}
# A unified kernel image: firmware measures it into 4, systemd-stub its sections into 11.
boot_uki() { # IMAGE
	reset
	measure 4 "$1"
	measure 11 .linux
	measure 11 "the kernel"
	measure 9 "the kernel's LoadOptions and initrd"
}
boot_grub() { # IMAGE
	reset
	measure 4 "$1"
	measure 8 "commands of GRUB"
	measure 9 "kernel and initrd"
}
masks() {
	"$fvesetup" tpm status --json --tpm "$tpm" "$image" | jq -r '[.approvals[] | select(.state != "revoked") |
		.pcrs | keys_unsorted | join("+")] | join(" ")'
}
concerns() { # STATUS_ACTION...
	"$fvesetup" "$@" --json --tpm "$tpm" "$image" | jq -r '.concerns | join(" ")'
}
# with_firmware SECURE_BOOT SETUP_MODE COMMAND...: with these variables of the firmware.
with_firmware() {
	local efivars=/sys/firmware/efi/efivars guid=8be4df61-93ca-11d2-aa0d-00e098032b8c
	# shellcheck disable=SC2016 # that shell expands them
	unshare --mount bash -ec 'mount -t tmpfs none /sys/firmware
		mkdir -p "$0"
		printf "\6\0\0\0\\$2" >"$0/SecureBoot-$1"
		printf "\6\0\0\0\\$3" >"$0/SetupMode-$1"
		shift 3
		"$@"' "$efivars" "$guid" "$@"
}

start_tpm "$TMP/tpm"

echo "--- a unified kernel image: another system that extends 9 and 11 by hand is refused"
boot_uki "the owner's"
expect 0 enrol ""
[ "$(masks)" = 4+7+11+12+13+15 ] || fail "the default is $(masks)"
expect 0 tpm_open
boot_uki "a thief's, which then measures as the owner's would"
expect 2 tpm_open
expect_text pcr-mismatch
expect_text 'PCR 4 '
boot_uki "the owner's"
expect 0 tpm_open
echo "--- and so is one to which a command line was passed, and a system extension"
measure 12 "init=/bin/sh"
expect 2 tpm_open
expect_text 'PCR 12 '
boot_uki "the owner's"
measure 13 "an extension"
expect 2 tpm_open
expect_text 'PCR 13'

echo "--- GRUB, or a kernel by its EFI stub: the same"
boot_grub "the owner's"
expect 0 enrol ""
[ "$(masks)" = 4+7+8+9+15 ] || fail "the default is $(masks)"
expect 0 tpm_open
boot_grub "a thief's"
expect 2 tpm_open

echo "--- sets that can be replayed are refused, before anything is written"
boot_uki "the owner's"
new_image "$image"
format "$image"
before=$(sha256sum <"$image")
for pcrs in 7+11 7+9 9 7+11+12+13; do
	expect 2 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" "tpm2,pcrs=$pcrs"
	expect_text weak-pcrs
done
expect 2 with_firmware 0 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2,pcrs=7+11
expect 2 with_firmware 1 1 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2,pcrs=7+11
[ "$before" = "$(sha256sum <"$image")" ] || fail "a refusal changed the image"
echo "--- but with Secure Boot, which does not start that system"
expect 0 with_firmware 1 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2,pcrs=7+11
[ "$(with_firmware 1 0 "$fvesetup" tpm status --json --tpm "$tpm" "$image" | jq -c .concerns)" = "[]" ] ||
	fail "it is called weak with Secure Boot"

echo "--- a volume that has such a set opens, and its status names it"
expect 0 enrol ,pcrs=7+11,unsafe-pcrs
expect 0 tpm_open
expect 0 "$fvesetup" tpm status --tpm "$tpm" "$image"
expect_text 'weak-pcrs'
expect_text 'tpm approve --pcrs default'
[ "$(concerns tpm status),$(concerns status)" = weak-pcrs,weak-pcrs ] || fail "JSON does not say weak-pcrs"
expect 0 "$fvesetup" status --tpm "$tpm" "$image"
expect_text weak-pcrs
boot_uki "a thief's" # what the set is weak against
expect 0 tpm_open

echo "--- approve alone stays with the set; --pcrs moves it, to a weak one only with --force"
boot_uki "the owner's"
cp "$image" "$TMP/old.img"
approve() {
	"$fvesetup" tpm approve --tpm "$tpm" --key-file "$TMP/pass" "$@" "$image"
}
expect 0 approve
[ "$(masks)" = 7+11+15 ] || fail "the set is $(masks)"
expect 1 approve --pcrs 4+4
expect 2 approve --pcrs 11
expect_text weak-pcrs
expect 0 approve --pcrs default
expect_text 'is taken back'
[ "$(masks)" = 4+7+11+12+13+15 ] || fail "the set is $(masks)"
[ -z "$(concerns tpm status)$(concerns status)" ] || fail "it is still called weak"
expect 0 tpm_open
boot_uki "a thief's"
expect 2 tpm_open
expect_text 'PCR 4 '
echo "--- nor does an old header help"
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$TMP/old.img"
expect_text policy-revoked
boot_uki "the owner's"
expect 0 tpm_open
expect 0 approve --pcrs 7+11 --force
[ "$(masks)" = 7+11+15 ] || fail "the set is $(masks)"

echo "--- without a counter the others are forgotten, and it is said what that does not reach"
expect 0 enrol ,pcrs=7+11,unsafe-pcrs,no-revocation
expect 0 approve --pcrs default
expect_text 'old copy of the header'
[ "$(masks)" = 4+7+11+12+13+15 ] || fail "the set is $(masks)"
boot_uki "a thief's"
expect 2 tpm_open

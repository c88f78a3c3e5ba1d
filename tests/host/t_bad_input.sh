#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: bad input gets one clear line, the right exit code, and changes nothing on disk
# group: host fast
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
new_image "$image"
format "$image"

# refused STATUS TEXT FILE COMMAND...: status, text in one line of output, FILE untouched.
refused() {
	local status=$1 text=$2 file=$3 before=none after=none
	shift 3
	[ ! -f "$file" ] || before=$(sha256sum <"$file")
	expect "$status" "$@"
	expect_text "$text"
	[ "$(grep -c . "$TMP/out")" = 1 ] || fail "more than one line"
	[ ! -f "$file" ] || after=$(sha256sum <"$file")
	[ "$before" = "$after" ] || fail "$file was changed by: $*"
}

echo "--- the command line"
refused 1 'no action' "$image" "$fvesetup"
refused 1 'there is no action frobnicate' "$image" "$fvesetup" frobnicate
refused 1 'usage: fvesetup open' "$image" "$fvesetup" open "$image"
refused 1 'unrecognized option' "$image" "$fvesetup" --no-such open "$image" name
refused 1 'does not go with' "$image" "$fvesetup" --json close name
refused 1 '--sector-size takes' "$image" "$fvesetup" format -q --sector-size 513 "$image"
refused 1 'no protector kind' "$image" "$fvesetup" format -q --protector frob "$image"
refused 1 'does not take' "$image" "$fvesetup" format -q --protector recovery,pcrs=7 "$image"
refused 1 'does not take' "$image" "$fvesetup" format -q --protector tpm2,pcrs=24 "$image"
refused 1 'lost with it' "$image" "$fvesetup" format -q --no-recovery --protector tpm2 "$image"
refused 1 'lost with it' "$image" "$fvesetup" format -q --no-recovery --protector tpm2-pin "$image"
refused 1 'goes with --protector tpm2-pin' "$image" "$fvesetup" format -q --pin-file /dev/null "$image"
refused 1 'at least 6 characters' "$image" "$fvesetup" format -q --protector tpm2-pin \
	--pin-file <(echo 1) "$image"
refused 1 'at most 47 bytes' "$image" "$fvesetup" format -q --key-file "$TMP/pass" --no-recovery \
	--label "$(printf 'x%.0s' {1..48})" "$image"
refused 1 'at most 47 bytes' "$image" "$fvesetup" format -q --key-file "$TMP/pass" --no-recovery \
	--label "$(printf '\303\251%.0s' {1..24})" "$image"
refused 1 'at most 63 bytes' "$image" "$fvesetup" protector add --key-file "$TMP/pass" "$image" \
	"recovery,label=$(printf 'x%.0s' {1..64})"
refused 1 'cannot be the name' "$image" "$fvesetup" open --key-file "$TMP/pass" "$image" a/b
refused 1 'se --batch-mode' "$image" "$fvesetup" format "$image" </dev/null
refused 5 'exists' "$image" "$fvesetup" format -q --recovery-file "$TMP/pass" "$image"
refused 1 'two secrets cannot go into one file' "$image" "$fvesetup" format -q --key-file "$TMP/pass" \
	--protector passphrase --protector startup-key --startup-key-file "$TMP/one" \
	--recovery-file "$TMP/../$(basename "$TMP")/one" "$image"
[ ! -e "$TMP/one" ] || fail "a refusal left a file"

echo "--- labels of the greatest length are whole"
new_image "$TMP/longest"
label=$(printf 'x%.0s' {1..45})$(printf '\303\251')
format "$TMP/longest" --label "$label" --protector "passphrase,label=$label$label" 2>/dev/null &&
	fail "a label of 94 bytes was taken"
format "$TMP/longest" --label "$label"
expect 0 "$fvesetup" dump --json "$TMP/longest"
[ "$(jq -r .label "$TMP/out")" = "$label" ] || fail "the label was cut"

echo "--- the device"
refused 4 'cannot open' /nonexistent "$fvesetup" open --test /nonexistent
refused 4 'neither a block device nor' /dev/null "$fvesetup" open --test /dev/null
new_image "$TMP/blank"
refused 4 'is not a LUKS2 volume' "$TMP/blank" "$fvesetup" open --test "$TMP/blank"
new_image "$TMP/foreign"
cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
	"$TMP/foreign" "$TMP/pass"
refused 4 'was not made by fvesetup' "$TMP/foreign" "$fvesetup" open --test "$TMP/foreign"
new_image "$TMP/luks1"
cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 "$TMP/luks1" "$TMP/pass"
refused 4 'not a whole LUKS2' "$TMP/luks1" "$fvesetup" open --test "$TMP/luks1"
for size in 4096 100000 131072 1000000 16777216; do
	head -c "$size" "$image" >"$TMP/cut"
	refused 4 'fvesetup: ' "$TMP/cut" "$fvesetup" open --test --key-file "$TMP/pass" "$TMP/cut"
done
new_image "$TMP/small" 1M
mkswap -q "$TMP/small" # a refusal must leave what is there
refused 1 'too small' "$TMP/small" "$fvesetup" format -q --key-file "$TMP/pass" "$TMP/small"
new_image "$TMP/odd" 20000001
mkswap -q "$TMP/odd"
refused 1 'no multiple' "$TMP/odd" "$fvesetup" format -q --key-file "$TMP/pass" "$TMP/odd"

echo "--- what format needs is looked at before the device is overwritten"
new_image "$TMP/kept"
mkfs.ext4 -q -F "$TMP/kept"
refused_format() { # STATUS TEXT OPTION...
	local status=$1 text=$2
	shift 2
	refused "$status" "$text" "$TMP/kept" "$fvesetup" format -q "${cheap[@]}" --key-file "$TMP/pass" \
		--protector passphrase "$@" "$TMP/kept" </dev/null
}
with_tpm=(--protector tpm2 --event-log /dev/null --no-recovery)
refused_format 4 'tpm-absent' "${with_tpm[@]}" --tpm device:/nonexistent
start_tpm "$TMP/tpm"
refused_format 2 'measured nothing' "${with_tpm[@]}" --tpm "$tpm"
measure_boot
printf 'correct horse' >"$TMP/pin"
refused_format 1 'must differ' --protector tpm2-pin --pin-file "$TMP/pin" --event-log /dev/null \
	--no-recovery --tpm "$tpm"
! tpm2_getcap handles-nv-index | grep -qi 0x18465 || fail "a counter was left in the TPM"
tpm2_changeauth -c owner secret # the SRK is there by now, and no counter can be made
refused_format 2 'tpm-owned' "${with_tpm[@]}" --tpm "$tpm"
refused_format 4 'cannot write /nonexistent/rec' --recovery-file /nonexistent/rec
refused_format 4 'cannot write /nonexistent/key' --startup-key-file /nonexistent/key --no-recovery \
	--protector startup-key

echo "--- secrets and protectors"
refused 2 'secret-wrong' "$image" "$fvesetup" open --test --key-file /etc/hostname "$image"
refused 2 'no secret was given' "$image" "$fvesetup" open --test "$image" </dev/null
refused 4 'cannot open the key file' "$image" "$fvesetup" open --test --key-file /nonexistent "$image"
refused 4 'has no protector deadbeef' "$image" "$fvesetup" protector remove "$image" deadbeef
refused 4 'has no protector tpm2' "$image" "$fvesetup" open --test --protector tpm2 "$image"
refused 4 'tpm-absent' "$image" "$fvesetup" protector add --tpm device:/nonexistent \
	--key-file "$TMP/pass" "$image" tpm2
refused 4 'no open volume' "$image" "$fvesetup" close no-such-volume
refused 4 'no open volume' "$image" "$fvesetup" status no-such-volume
refused 4 'image file' "$image" "$fvesetup" open --key-file "$TMP/pass" "$image" name

echo "--- a full disk"
if mountpoint -q "$TMP/full" 2>/dev/null || { mkdir -p "$TMP/full" && mount -t tmpfs -o size=4k none "$TMP/full" 2>/dev/null; }; then
	head -c 4096 /dev/zero >"$TMP/full/filler"
	status=0
	"$fvesetup" protector add --key-file "$TMP/pass" --recovery-file "$TMP/full/rec" "$image" \
		recovery 2>"$TMP/out" || status=$?
	umount "$TMP/full"
	[ "$status" != 0 ] || fail "a recovery password was accepted that could not be written"
	[ "$("$fvesetup" protector list "$image" | grep -c recovery)" = 1 ] ||
		fail "a recovery protector was added whose password nobody has"
fi

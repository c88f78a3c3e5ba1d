#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: boot check names what falls short of the threat model, with what to do, and says nothing else
# group: host boot
. "$(dirname "$0")/lib.sh"

image=$TMP/home.img
start_tpm "$TMP/state"
measure_boot >/dev/null
new_image "$image"
format "$image" --protector tpm2 --tpm "$tpm"
uuid=$(cryptsetup luksUUID "$image")
mkdir -p "$FVE_STATE/names"
printf 'UUID=1234-AB\nLABEL=people\n' >"$FVE_STATE/names/home"

# in_machine STATUS TABLE FSTAB CRYPTTAB CMDLINE [OPTION...]: with these as its own.
in_machine() {
	printf '%b' "$2" >"$TMP/fvetab"
	printf '%b' "$3" >"$TMP/fstab"
	printf '%b' "$4" >"$TMP/crypttab"
	echo "$5 systemd.import_credentials=no" >"$TMP/cmdline"
	# shellcheck disable=SC2016 # the inner shell expands it
	expect "$1" unshare -m sh -euc '
		mkdir -p "$0/etc"
		mount -t tmpfs tmp "$0/etc"
		cp "$0/fstab" "$0/crypttab" "$0/etc/"
		mount --bind "$0/etc" /etc
		exec "$@"' "$TMP" \
		"$fvesetup" boot check --tpm "$tpm" --fvetab "$TMP/fvetab" --kernel-cmdline "$TMP/cmdline" "${@:6}"
}

echo "--- nothing to do"
in_machine 0 "home $image\n" '/dev/mapper/home /home ext4 defaults 0 2\nUUID=77 /boot ext4\n' '' 'root=/dev/mapper/root'
expect_text "Nothing to do."

echo "--- names of what is inside, in whatever spelling"
in_machine 1 "home $image\n" '# x\nUUID=1234-ab /home ext4\nLABEL=people /h ext4\n/dev/disk/by-uuid/1234-AB none swap\n' \
	'' 'root=UUID=1234-AB resume=LABEL=people'
for where in "/etc/fstab line 2" "/etc/fstab line 3" "/etc/fstab line 4" "root= of the" "resume= of the"; do
	expect_text "$where"
done
expect_text "write /dev/mapper/home (inner-name)"
[ "$(grep -c inner-name "$TMP/out")" = 5 ] || fail "other lines are named as well"

echo "--- a volume of ours in crypttab, one without identity, and identity=any"
in_machine 1 "home $image\n" '' "h UUID=$uuid none luks\nother UUID=9 none\n" '' --json
[ "$(jq -r '.findings | map(.code + " " + .subject) | join(",")' "$TMP/out")" = "stock-table /etc/crypttab line 1" ] ||
	fail "another finding"
mv "$FVE_STATE/identity/$uuid" "$TMP/identity"
in_machine 1 "home $image\n" '' '' ''
expect_text "home: another volume with its UUID could take its place: fvesetup identity $image"
in_machine 1 "home $image - identity=any\n" '' '' ''
expect_text "(identity-any)"
mv "$TMP/identity" "$FVE_STATE/identity/$uuid"

echo "--- a TPM protector from before: PCRs that can be replayed, a lockout that anybody lifts"
expect 0 "$fvesetup" protector add --force --tpm "$tpm" --key-file "$TMP/pass" "$image" tpm2,pcrs=7+9,unsafe-pcrs
in_machine 1 "home $image\n" '' '' ''
expect_text "(weak-pcrs)"

echo "--- all of it by one command"
printf 123456 >"$TMP/pin"
expect 0 "$fvesetup" protector add --tpm "$tpm" --key-file "$TMP/pass" --new-key-file "$TMP/pin" "$image" tpm2-pin
mv "$FVE_STATE/identity/$uuid" "$TMP/identity"
in_machine 1 "home $image\n" '' '' ''
in_machine 0 "home $image\n" '' '' '' --fix --key-file "$TMP/pass"
expect_text "up to date"
in_machine 0 "home $image\n" '' '' ''
expect_text "Nothing to do."
cmp "$FVE_STATE/identity/$uuid" "$TMP/identity" || fail "another identity"

echo "--- credentials of the firmware"
printf 'home %s\n' "$image" >"$TMP/fvetab"
echo "root=/dev/mapper/root" >"$TMP/cmdline"
[ ! -d /sys/firmware/dmi ] || {
	expect 1 "$fvesetup" boot check --tpm "$tpm" --fvetab "$TMP/fvetab" --kernel-cmdline "$TMP/cmdline"
	expect_text "(firmware-credentials)"
}

echo "--- and what udev is told: no plain disk bears the name of what is inside"
mkdir "$TMP/units"
expect 0 "$fvesetup" boot-generator --fvetab "$TMP/fvetab" --kernel-cmdline "$TMP/cmdline" "$TMP/units"
grep -qF 'ENV{ID_FS_UUID}=="1234-AB", ENV{DM_UUID}!="FVE-*", ENV{SYSTEMD_READY}="0"' "$TMP/units/62-fve-names.rules" ||
	fail "udev is told nothing"
printf 'UUID=a", RUN+="/x\n' >"$FVE_STATE/names/home"
expect 0 "$fvesetup" boot-generator --fvetab "$TMP/fvetab" --kernel-cmdline "$TMP/cmdline" "$TMP/units"
[ ! -s "$TMP/units/62-fve-names.rules" ] || fail "a name is a rule"

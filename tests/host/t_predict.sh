#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: the predicted PCRs are those of the next boot, update after update, and where the log leaves doubt nothing is predicted
# group: host tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
stub=/usr/lib/systemd/boot/efi/linuxx64.efi.stub
new_image "$image"
format "$image"
RANDOM=${FVE_SEED:-1}

# kernel FILE: an image that UEFI could start, another each time.
kernel() {
	head -c $((RANDOM % 5000 + 100)) /dev/urandom >"$TMP/section"
	"$here/uki.py" "$stub" "$1" .random="$TMP/section"
}

# uki FILE [SECTION=FILE...]: one with a kernel, an initrd and a command line, and these sections.
uki() {
	local kernel=$TMP/inner
	kernel "$kernel"
	head -c $((RANDOM % 9000 + 1)) /dev/urandom >"$TMP/inner.initrd"
	printf 'root=/dev/vda n=%s' "$RANDOM" >"$TMP/inner.cmdline"
	printf 'ID=test\n' >"$TMP/inner.osrel"
	"$here/uki.py" "$stub" "$1" .osrel="$TMP/inner.osrel" .cmdline="$TMP/inner.cmdline" \
		.initrd="$TMP/inner.initrd" .linux="$kernel" "${@:2}"
}

# as_version N STUB COPY: a stub that says it is of systemd N.
as_version() {
	sed "s/LoaderInfo: systemd-stub [0-9]*/LoaderInfo: systemd-stub $1/" "$2" >"$3"
}

# measured_by_systemd [OPTION...]: PCR 11 of the last uki(), as the machine's systemd-measure has it.
measured_by_systemd() {
	objcopy -O binary --only-section=.sbat "$stub" "$TMP/inner.sbat"
	/lib/systemd/systemd-measure calculate --bank=sha256 --linux="$TMP/inner" --osrel="$TMP/inner.osrel" \
		--cmdline="$TMP/inner.cmdline" --initrd="$TMP/inner.initrd" --phase= "$@" | sed 's/.*=//'
}

pcr() {
	tpm2_pcrread "sha256:$1" | sed -n 's/.*0x\(.*\)/\L\1/p'
}

# boot OPTION...: off and on again; the machine boots as boot_log.py has it.
boot() {
	local pcr digest
	tpm2_shutdown --clear
	stop_tpm
	start_tpm "$TMP/tpm"
	/usr/bin/python3 "$here/boot_log.py" "$TMP/log" "$@" >"$TMP/events"
	while read -r pcr digest; do
		printf '%s:sha256=%s\n' "$pcr" "$digest"
	done <"$TMP/events" | xargs tpm2_pcrextend
}

# phases WORD...: what systemd extends PCR 11 with on the way.
phases() {
	local word
	for word; do
		measure 11 "$word"
	done
}

predict() {
	"$fvesetup" tpm predict --tpm "$tpm" --event-log "$TMP/log" --old-cmdline "$cmdline" \
		--key-file "$TMP/pass" "$@" "$image"
}

tpm_open() {
	"$fvesetup" open --test --tpm "$tpm" --event-log "$TMP/log" --protector tpm2 "$image" </dev/null
}

# What the last prediction (JSON) gives and what the TPM holds, one PCR a line.
expect_predicted() {
	jq -r '.pcrs | to_entries[] | "\(.key) \(.value)"' "$TMP/prediction" | sort -n >"$TMP/predicted"
	tpm2_pcrread "sha256:$(cut -d ' ' -f 1 "$TMP/predicted" | paste -s -d ,)" |
		sed -n 's/^ *\([0-9]*\) *: 0x\(.*\)/\1 \L\2/p' | diff "$TMP/predicted" - ||
		fail "PCRs were not as predicted"
}

blob() {
	"$fvesetup" protector list --json "$image" |
		jq '.protectors[] | select(.kind == "tpm2").token' |
		xargs -I{} cryptsetup token export --token-id {} "$image" | sha256sum
}

enrol() {
	expect 0 "$fvesetup" protector add --tpm "$tpm" --event-log "$TMP/log" --key-file "$TMP/pass" \
		"$image" "$1"
	blob >"$TMP/blob"
}

cmdline='root=/dev/vda1 ro quiet'
kernel "$TMP/vmlinuz"
head -c 3000 /dev/urandom >"$TMP/initrd"
start_tpm "$TMP/tpm"
boot --kernel "$TMP/vmlinuz" --initrd "$TMP/initrd" --cmdline "$cmdline"
enrol tpm2
expect 0 tpm_open

updates=${FVE_UPDATES:-20}
echo "--- $updates updates in a row, a random part each time: no question, the sealed key stays"
for i in $(seq "$updates"); do
	old=$cmdline options=()
	change=$((RANDOM % 7 + 1))
	((change & 1)) && { kernel "$TMP/vmlinuz.new"; options+=(--kernel "$TMP/vmlinuz.new"); }
	((change & 2)) && { head -c $((RANDOM + 1)) /dev/urandom >"$TMP/initrd.new"; options+=(--initrd "$TMP/initrd.new"); }
	((change & 4)) && { new="root=/dev/vda1 ro quiet n=$i"; options+=(--cmdline "$new"); } || new=$old
	measure 15 cap
	predict --approve --json "${options[@]}" >"$TMP/prediction" || fail "update $i is not predicted"
	[ ! -e "$TMP/vmlinuz.new" ] || mv "$TMP/vmlinuz.new" "$TMP/vmlinuz"
	[ ! -e "$TMP/initrd.new" ] || mv "$TMP/initrd.new" "$TMP/initrd"
	cmdline=$new
	boot --kernel "$TMP/vmlinuz" --initrd "$TMP/initrd" --cmdline "$cmdline"
	expect_predicted
	tpm_open || fail "update $i does not open"
	[ "$(blob)" = "$(cat "$TMP/blob")" ] || fail "the sealed key changed"
done

echo "--- the same update, not approved, is refused; the first differing event is named"
boot --kernel "$TMP/vmlinuz" --initrd "$TMP/initrd" --cmdline "$cmdline init=/bin/sh"
expect 2 tpm_open
expect_text 'PCR 9'
expect_text 'PCR 9, EV_EVENT_TAG LOADED_IMAGE::LoadOptions'
kernel "$TMP/other"
boot --kernel "$TMP/other" --initrd "$TMP/initrd" --cmdline "$cmdline init=/bin/sh"
expect 2 tpm_open
expect_text 'PCR 4, EV_EFI_BOOT_SERVICES_APPLICATION \vmlinuz.efi'
boot --kernel "$TMP/vmlinuz" --initrd "$TMP/initrd" --cmdline "$cmdline"
expect 0 tpm_open

echo "--- a revoked update is refused, and the one before opens"
expect 0 predict --approve --cmdline "$cmdline bad"
bad=$(sed -n 's/^approved: //p' "$TMP/out")
expect 0 "$fvesetup" tpm revoke --tpm "$tpm" --event-log "$TMP/log" --key-file "$TMP/pass" "$image" "$bad"
expect 0 tpm_open
boot --kernel "$TMP/vmlinuz" --initrd "$TMP/initrd" --cmdline "$cmdline bad"
expect 2 tpm_open
expect_text policy-revoked

echo "--- a boot manager before the kernel; LoadOptions without NUL"
boot --two-images --no-nul --kernel "$TMP/vmlinuz" --initrd "$TMP/initrd" --cmdline "$cmdline"
kernel "$TMP/other"
predict --json --kernel "$TMP/other" --cmdline "$cmdline more" >"$TMP/prediction"
cp "$TMP/vmlinuz" "$TMP/manager"
boot --two-images --no-nul --kernel "$TMP/other" --initrd "$TMP/initrd" --cmdline "$cmdline more"
# boot_log.py makes the manager out of the kernel, so that only PCR 9 can agree.
jq '.pcrs |= {"9": .["9"]}' "$TMP/prediction" >"$TMP/nine"
mv "$TMP/nine" "$TMP/prediction"
expect_predicted

echo "--- refused: a log that does not replay, that is damaged or absent, another command line"
boot --kernel "$TMP/vmlinuz" --initrd "$TMP/initrd" --cmdline "$cmdline"
before=$(sha256sum <"$image")
expect 1 predict --approve --old-cmdline "something else" --cmdline new
expect_text 'not what was measured'
expect 4 predict --kernel "$TMP/initrd" --approve
expect_text 'no image that UEFI could start'
expect 4 predict --initrd /nonexistent --approve
expect 1 predict --approve --uki "$TMP/vmlinuz"
expect_text 'not of a unified kernel image'
expect 1 predict --approve --uki "$TMP/vmlinuz" --initrd "$TMP/initrd"
expect 4 predict --event-log /nonexistent --approve --initrd "$TMP/initrd"
head -c -1 "$TMP/log" >"$TMP/short"
expect 4 predict --event-log "$TMP/short" --approve --initrd "$TMP/initrd"
expect_text 'none, or damaged'
measure 9 "something unlogged"
expect 1 predict --approve --initrd "$TMP/initrd"
expect_text 'does not replay to what PCR 9 holds'
[ "$before" = "$(sha256sum <"$image")" ] || fail "a refusal changed the image"

echo "--- GRUB: files of the same name; nothing that needs another grub.cfg"
boot --grub --kernel "$TMP/vmlinuz" --initrd "$TMP/initrd" --cmdline "$cmdline"
enrol tpm2,label=grub
mkdir "$TMP/new"
cp "$TMP/vmlinuz" "$TMP/new/vmlinuz"
head -c 2000 /dev/urandom >"$TMP/new/initrd"
predict --approve --json --initrd "$TMP/new/initrd" >"$TMP/prediction"
expect 1 predict --cmdline new
expect_text 'grub.cfg'
expect 1 predict --initrd "$TMP/short"
expect_text 'GRUB read no file short'
boot --grub --kernel "$TMP/new/vmlinuz" --initrd "$TMP/new/initrd" --cmdline "$cmdline"
expect_predicted
expect 0 tpm_open

echo "--- unified kernel images: PCR 11 as systemd-measure has it, with the phases of a booted system"
# The stub that is installed; $version is its systemd's.
version=$(strings "$stub" | sed -n 's/.*LoaderInfo: systemd-stub \([0-9]*\).*/\1/p')
uki "$TMP/one.efi"
boot --uki "$TMP/one.efi"
sbat=()
[ "$version" -lt 254 ] || sbat=(--sbat="$TMP/inner.sbat")
[ "$(measured_by_systemd "${sbat[@]}")" = "$(pcr 11)" ] || fail "boot_log.py measures another PCR 11"
phases enter-initrd leave-initrd sysinit ready
new_image "$image"
format "$image"
enrol tpm2 # 4+7+11+12+13
boot --uki "$TMP/one.efi"
phases enter-initrd
expect 0 tpm_open
phases leave-initrd sysinit
expect 2 tpm_open
for i in 1 2 3; do
	uki "$TMP/two.efi"
	predict --approve --json --uki "$TMP/two.efi" >"$TMP/prediction"
	boot --uki "$TMP/two.efi"
	phases enter-initrd
	expect_predicted
	expect 0 tpm_open
	[ "$(blob)" = "$(cat "$TMP/blob")" ] || fail "the sealed key changed"
	phases leave-initrd sysinit ready
done

echo "--- with systemd-boot, which passes the image its own command line: PCR 12 follows it"
boot --uki "$TMP/two.efi" --passed
cmdline=$(cat "$TMP/inner.cmdline")
uki "$TMP/three.efi"
"$fvesetup" tpm approve --tpm "$tpm" --event-log "$TMP/log" --key-file "$TMP/pass" "$image"
predict --json --uki "$TMP/three.efi" >"$TMP/prediction"
boot --uki "$TMP/three.efi" --passed
expect_predicted
echo "--- but not a command line that somebody gave the boot menu"
uki "$TMP/four.efi"
cmdline="init=/bin/sh"
boot --uki "$TMP/three.efi" --passed "$cmdline"
predict --json --uki "$TMP/four.efi" >"$TMP/prediction"
boot --uki "$TMP/four.efi" --passed "$cmdline"
expect_predicted

echo "--- an add-on, which the firmware measures as an image: it stays"
printf 'quiet' >"$TMP/addon.cmdline"
"$here/uki.py" "${stub/linux/addon}" "$TMP/addon.efi" .cmdline="$TMP/addon.cmdline" 2>/dev/null ||
	"$here/uki.py" "$stub" "$TMP/addon.efi" .cmdline="$TMP/addon.cmdline"
boot --uki "$TMP/two.efi" --addon "$TMP/addon.efi"
predict --json --uki "$TMP/four.efi" >"$TMP/prediction"
boot --uki "$TMP/four.efi" --addon "$TMP/addon.efi"
expect_predicted

boot --uki "$TMP/two.efi"
expect 1 predict --initrd "$TMP/initrd"
expect_text 'give the next by --uki'

echo "--- the stubs of other versions: what each measures, and in which order"
installed=$stub
for part in ucode splash dtb uname pcrpkey hwids unknown pcrsig; do
	head -c $((RANDOM % 3000 + 1)) /dev/urandom >"$TMP/part.$part"
	parts+=(".$part=$TMP/part.$part")
	[ $part = hwids ] || parts_but_hwids+=(".$part=$TMP/part.$part")
done
printf 'ID=one\n' >"$TMP/profile.0"
printf 'ID=two\n' >"$TMP/profile.1"
printf 'root=/dev/vda rescue' >"$TMP/cmdline.1"
# Not those of a size that the installed systemd-boot-efi would not have either: only what it says it is.
for series in 252 254 256 257 258 262; do
	stub=$TMP/stub.$series
	as_version $series "$installed" "$stub"
	uki "$TMP/one.efi" "${parts[@]}"
	uki "$TMP/two.efi" "${parts[@]}"
	boot --uki "$TMP/one.efi"
	expect 0 "$fvesetup" tpm approve --tpm "$tpm" --event-log "$TMP/log" --key-file "$TMP/pass" "$image"
	predict --json --uki "$TMP/two.efi" >"$TMP/prediction" || fail "an image of systemd $series is not predicted"
	boot --uki "$TMP/two.efi"
	expect_predicted
	[ "$series" = "$version" ] && [ "$version" -ge 257 ] || continue
	# systemd-measure 257.13 takes the file of --hwids for a section .dtbauto.
	uki "$TMP/one.efi" "${parts_but_hwids[@]}"
	boot --uki "$TMP/one.efi"
	[ "$(measured_by_systemd --sbat="$TMP/inner.sbat" --ucode="$TMP/part.ucode" --splash="$TMP/part.splash" \
		--dtb="$TMP/part.dtb" --uname="$TMP/part.uname" --pcrpkey="$TMP/part.pcrpkey")" = "$(pcr 11)" ] ||
		fail "systemd-measure has another PCR 11"
done

echo "--- profiles: the sections of the one that was chosen, and what is common; PCR 12 has its number"
uki "$TMP/one.efi" .profile="$TMP/profile.0" .profile="$TMP/profile.1" .cmdline="$TMP/cmdline.1"
uki "$TMP/two.efi" .profile="$TMP/profile.0" .uname="$TMP/part.uname" \
	.profile="$TMP/profile.1" .cmdline="$TMP/cmdline.1" .uname="$TMP/part.ucode"
for profile in 0 1; do
	boot --uki "$TMP/one.efi" --profile $profile
	predict --json --uki "$TMP/two.efi" >"$TMP/prediction"
	jq -r '.pcrs["11"]' "$TMP/prediction" >>"$TMP/elevens"
	boot --uki "$TMP/two.efi" --profile $profile
	expect_predicted
done
[ "$(sort -u "$TMP/elevens" | wc -l)" = 2 ] || fail "two profiles have one PCR 11"
uki "$TMP/three.efi" .profile="$TMP/profile.0"
expect 1 predict --uki "$TMP/three.efi"
expect_text "of a profile of its image that $TMP/three.efi does not have"

echo "--- refused by name: sections that the hardware chooses, stubs that are not known, a kernel measured otherwise"
boot --uki "$TMP/one.efi"
for part in dtbauto efifw; do
	uki "$TMP/two.efi" ".$part=$TMP/part.dtb"
	expect 1 predict --uki "$TMP/two.efi"
	expect_text "has a section .$part"
done
for series in 251 253 263; do
	as_version $series "$installed" "$stub"
	uki "$TMP/two.efi"
	expect 1 predict --uki "$TMP/two.efi"
	expect_text 'is no image with the systemd-stub of systemd 252 or 254 to 262'
done
stub=$TMP/stub.257
uki "$TMP/two.efi"
expect 1 predict --uki "$TMP/two.efi"
expect_text 'has the kernel inside measured into PCR 4 otherwise'
echo "--- but shim loads it in both"
as_version 262 "$installed" "$TMP/stub.262"
stub=$TMP/stub.262
uki "$TMP/two.efi"
boot --uki "$TMP/one.efi" --shim
predict --json --uki "$TMP/two.efi" >"$TMP/prediction"
boot --uki "$TMP/two.efi" --shim
expect_predicted

echo "--- the separators of systemd 260 and later, which end the firmware's part before the TPM is asked"
separated() {
	local pcr
	phases enter-initrd
	for pcr in 0 1 2 3 4 5 6 7 9 12 13 14; do
		measure $pcr os-separator
	done
	measure 9 nvpcr-separator
}
boot --uki "$TMP/one.efi"
separated
expect 0 "$fvesetup" tpm approve --tpm "$tpm" --event-log "$TMP/log" --key-file "$TMP/pass" "$image"
phases leave-initrd sysinit ready
uki "$TMP/two.efi"
predict --approve --json --uki "$TMP/two.efi" >"$TMP/prediction"
boot --uki "$TMP/two.efi"
phases enter-initrd
expect 2 tpm_open # too early
boot --uki "$TMP/two.efi"
separated
expect_predicted
expect 0 tpm_open
phases leave-initrd sysinit ready
measure 12 os-separator
expect 1 predict --uki "$TMP/one.efi"
expect_text 'does not replay to what PCR 12 holds'

boot --uki "$TMP/two.efi"
measure 11 "something else"
expect 1 "$fvesetup" tpm approve --tpm "$tpm" --event-log "$TMP/log" --key-file "$TMP/pass" "$image"
expect_text 'PCR 11 holds more'
echo "all as expected"

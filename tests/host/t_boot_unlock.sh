#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: boot-unlock opens what the table says, caps before it asks a person, and says why
# group: host boot
. "$(dirname "$0")/lib.sh"

state=$TMP/state
root=$TMP/root.img data=$TMP/data.img
typist=$here/typist.py

# power_on: a TPM after reset, and a boot chain measured into it. $1 is another one.
power_on() {
	[ ${#swtpm_pids[@]} = 0 ] || stop_tpm
	start_tpm "$state"
	measure_boot "$@" >/dev/null
}

# volume FILE [OPTION...]: a new one.
volume() {
	new_image "$1"
	format "$@"
}

# boot STATUS [OPTION...]: unlock as in the initramfs, without mapping anything.
boot() {
	local want=$1
	shift
	expect "$want" "$fvesetup" boot-unlock --in-initrd --test --tpm "$tpm" \
		--fvetab "$TMP/fvetab" --kernel-cmdline "$TMP/cmdline" "$@"
}

# The TPM releases nothing any more.
expect_capped() {
	expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$1"
	expect_text "PCR 15 (cap after unlock)"
}

# ask STATUS ANSWER... -- COMMAND...: at a terminal.
ask() {
	local want=$1
	shift
	expect "$want" "$typist" "$@"
}

printf 123456 >"$TMP/pin"
printf 654321 >"$TMP/wrong"
echo "root=/dev/mapper/root" >"$TMP/cmdline"
cat >"$TMP/fvetab" <<END
data $data - initrd
root $root - initrd
END

power_on
volume "$root" --protector tpm2 --tpm "$tpm"
volume "$data"

# Root by the TPM; then capped; data by its passphrase.
boot 0 --key-file "$TMP/pass"
expect_text "root ($root) opened by protector tpm2"
expect_text "data ($data) opened by protector passphrase"
[ "$(grep -n "root ($root) opened" "$TMP/out" | cut -d: -f1)" -lt \
	"$(grep -n "data ($data) opened" "$TMP/out" | cut -d: -f1)" ] || fail "root comes first"
expect_capped "$root"

# Without the cap it would have worked.
power_on
expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$root"

# The identity in PCR 15 is the same in each boot, and not that of a fallback.
pcr15() {
	tpm2_pcrread sha256:15 | tail -n 1
}
boot 0 --key-file "$TMP/pass"
first=$(pcr15)
power_on
boot 0 --key-file "$TMP/pass"
[ "$(pcr15)" = "$first" ] || fail "the identity differs between two boots"

# Another boot chain: the reason, and the cap before the question.
power_on "something else"
boot 2 --key-file "$TMP/wrong"
expect_text "(pcr-mismatch)"
expect_text "PCR 9 (initrd"
[ "$(pcr15)" != "$first" ] || fail "a fallback has the identity of a success"
expect_capped "$root"
before=$(pcr15)
expect 0 "$fvesetup" boot-cap --tpm "$tpm" --fvetab "$TMP/fvetab"
[ "$(pcr15)" = "$before" ] || fail "a second cap changes PCR 15"

# Whoever is asked finds the TPM capped: the question is never answered.
power_on "something else"
ask 2 -- "$fvesetup" boot-unlock --in-initrd --test --tpm "$tpm" --fvetab "$TMP/fvetab" \
	--kernel-cmdline "$TMP/cmdline"
expect_capped "$root"

# Recovery on the command line: no machine's protector is used, and the TPM is capped.
power_on
echo "root=/dev/mapper/root rd.fve.recovery=1" >"$TMP/cmdline"
ask 0 "$(cat "$root.rec")" "$(cat "$data.rec")" -- "$fvesetup" boot-unlock --in-initrd --test \
	--tpm "$tpm" --fvetab "$TMP/fvetab" --kernel-cmdline "$TMP/cmdline"
expect_text "opened by protector recovery"
expect_capped "$root"

# rd.fve=0: nothing is opened; boot-cap caps on its own.
power_on
echo "rd.fve=0" >"$TMP/cmdline"
boot 0
[ ! -s "$TMP/out" ] || fail "rd.fve=0 says something"
expect 0 "$fvesetup" boot-cap --tpm "$tpm" --fvetab "$TMP/fvetab"
expect_capped "$root"

# A PIN: wrong, then right, with the tries that are left.
echo "root=/dev/mapper/root" >"$TMP/cmdline"
power_on
volume "$root" --protector tpm2-pin --tpm "$tpm" --pin-file "$TMP/pin"
power_on
ask 0 654321 123456 -- "$fvesetup" boot-unlock root --in-initrd --test --tpm "$tpm" \
	--fvetab "$TMP/fvetab" --kernel-cmdline "$TMP/cmdline"
expect_text "(pin-wrong)"
expect_text "left before the TPM locks"
expect_text "opened by protector tpm2-pin"
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$TMP/pin" "$root"
expect_text "(capped)"

# An empty answer goes on to the recovery password, with the TPM capped.
power_on
ask 2 "" -- "$fvesetup" boot-unlock root --in-initrd --test --tpm "$tpm" \
	--fvetab "$TMP/fvetab" --kernel-cmdline "$TMP/cmdline"
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2-pin --pin-file "$TMP/pin" "$root"
expect_text "(capped)"

# A header that one machine's protector finds changed: the PIN is not asked for, a passphrase is.
volume "$root" --protector tpm2 --protector tpm2-pin --tpm "$tpm" --pin-file "$TMP/pin"
cryptsetup config --batch-mode --priority ignore --key-slot 1 "$root"
power_on
ask 0 "$(cat "$TMP/pass")" -- "$fvesetup" boot-unlock root --in-initrd --test --tpm "$tpm" \
	--fvetab "$TMP/fvetab" --kernel-cmdline "$TMP/cmdline"
expect_text "(header-mac)"
expect_text "opened by protector passphrase"
! grep -q "PIN of" "$TMP/out" || fail "somebody was asked for the PIN"

# One passphrase for two volumes is asked for once.
volume "$root"
power_on
ask 0 "$(cat "$TMP/pass")" -- "$fvesetup" boot-unlock --in-initrd --test --tpm "$tpm" \
	--fvetab "$TMP/fvetab" --kernel-cmdline "$TMP/cmdline"
expect_text "root ($root) opened by protector passphrase"
expect_text "data: trying what opened the volume before"
expect_text "data ($data) opened by protector passphrase"

# A startup key, by the table, and one that is not there.
volume "$root.key" --protector startup-key --startup-key-file "$TMP/startup"
cat >"$TMP/fvetab" <<END
root $root.key - initrd,startup-key=$TMP/startup
gone $TMP/none - initrd,nofail,timeout=1
END
boot 0
expect_text "opened by protector startup-key"
expect_text "gone stays closed"
mv "$TMP/startup" "$TMP/elsewhere"
boot 2 --key-file "$TMP/wrong"
expect_text "cannot open the startup key"

# A device that is not there: an error within its time, and the TPM is capped.
power_on
cat >"$TMP/fvetab" <<END
root $TMP/none - initrd,timeout=1
END
boot 4
expect_text "is not there after 1 s"
[ "$(pcr15)" != "$(printf '    15: 0x%064d' 0)" ] || fail "PCR 15 is not extended"

# What the table says is wrong is said with its line, and the rest counts.
cat >"$TMP/fvetab" <<END
wrong $root.key - timeout=soon
root $root - initrd,tries=1,unheard-of
END
boot 0 --key-file "$TMP/pass"
expect_text "line 1 of the table"
expect_text "line 2 of the table: unknown option, skipped: unheard-of"

# A line as crypttab would have it opens. One that cannot be read is an error, also where nothing else is.
echo "root $root - initrd,timeout=1min30s,tries=many # the root" >"$TMP/fvetab"
boot 0 --key-file "$TMP/pass"
expect_text "line 1 of the table: wrong value of option, skipped: tries"
expect_text "root ($root) opened by"
echo "root $root - initrd,identity=none" >"$TMP/wrong-table"
boot 1 --key-file "$TMP/pass" --fvetab "$TMP/wrong-table"
expect_text "nothing was opened by them"
expect 1 "$fvesetup" boot-table --fvetab "$TMP/wrong-table"

# No TPM: boot-cap has nothing to do. A TPM that fails: it matters where a volume depends on it.
expect 0 "$fvesetup" boot-cap --fvetab "$TMP/fvetab"
stop_tpm
swtpm_pids=()
expect 0 "$fvesetup" boot-cap --tpm "$tpm" --fvetab "$TMP/fvetab"
start_tpm "$state"
volume "$root.tpm" --protector tpm2,unsafe-pcrs --tpm "$tpm"
stop_tpm
echo "root $root.tpm - initrd" >"$TMP/fvetab"
expect 4 "$fvesetup" boot-cap --tpm "$tpm" --fvetab "$TMP/fvetab" --in-initrd
expect_text "the boot does not go on"
boot 4 --key-file "$TMP/pass"
expect_text "the boot does not go on"

# What systemd is told of the table: the devices wait for the unlock, and not for ever.
printf 'root /dev/a - initrd\nda-ta/x /dev/b\nda-ta /dev/b\n' >"$TMP/fvetab"
mkdir "$TMP/units"
expect 0 "$fvesetup" boot-generator --fvetab "$TMP/fvetab" "$TMP/units"
grep -qx After=fve-unlock.service "$TMP/units/dev-mapper-root.device.d/50-fve.conf" || fail "no order"
[ -e "$TMP/units/dev-mapper-da\\x2dta.device.d/50-fve.conf" ] || fail "the name is not escaped"
grep -qx 'ExecStart=' "$TMP/units/systemd-cryptsetup@root.service.d/50-fve.conf" ||
	fail "a stock unit of the same name would ask"
[ -h "$TMP/units/sysinit.target.wants/fve.target" ] || fail "nobody wants fve.target"
[ -h "$TMP/units/dev-tpmrm0.device.wants/fve-cap.service" ] || fail "a late TPM stays uncapped"
rm -r "$TMP/units"
mkdir "$TMP/units"
: >"$TMP/fvetab"
expect 0 "$fvesetup" boot-generator --fvetab "$TMP/fvetab" "$TMP/units"
[ -z "$(ls "$TMP/units")" ] || fail "units without a table"

# Nobody has used a recovery password here.
expect 0 "$fvesetup" boot-finish --fvetab "$TMP/fvetab" --kernel-cmdline "$TMP/cmdline"

# finish NOTE: after a boot that left it, in a /run of its own.
finish() {
	# shellcheck disable=SC2016 # the inner shell expands it
	expect 0 unshare -m sh -ec 'mount -t tmpfs tmp /run; mkdir -p /run/fve/boot
		echo "$1" >/run/fve/boot/root; shift; "$@"; cat /run/fve/boot/root' sh "$1" \
		"$fvesetup" boot-finish --tpm "$tpm" --fvetab "$TMP/fvetab" \
		--kernel-cmdline "$TMP/cmdline"
}

used() {
	"$fvesetup" protector list "$root" | awk '$2 == "recovery" { print $1 }'
}

power_on
volume "$root" --protector tpm2 --tpm "$tpm"
"$fvesetup" protector add "${cheap[@]}" --force --key-file "$TMP/pass" "$root" "auto,file=$TMP/self"
mkdir "$TMP/recovery"
power_on "something else"
first=$(used)

# Without leave it is said how, by a command that works as it stands; with never= not even that.
echo "root $root - initrd" >"$TMP/fvetab"
finish "recovery $first pcr-mismatch"
expect_text "fvesetup tpm approve $root"
expect_text "fvesetup rotate recovery $root $first"
echo "root $root - initrd,reseal=never" >"$TMP/fvetab"
finish "passphrase 12345678 pcr-mismatch"
! grep -q approve "$TMP/out" || fail "reseal=never says something"
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$root"

# With leave the state is approved, and the password replaced: the used one opens nothing.
echo "root $root - initrd,reseal=auto,new-recovery=$TMP/recovery" >"$TMP/fvetab"
finish "recovery $first pcr-mismatch"
expect_text "it is approved now"
expect_text "is replaced"
note=$(tail -n 1 "$TMP/out")
[ "${note#recovery replaced }" != "$note" ] || fail "it would be replaced once more"
finish "$note"
! grep -q "is replaced" "$TMP/out" || fail "it is replaced once more"
[ "$(used)" != "$first" ] || fail "the recovery password is the old one"
expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$root"
expect 2 "$fvesetup" open --test --key-file "$root.rec" --protector recovery "$root"
expect 0 "$fvesetup" open --test --key-file "$(echo "$TMP"/recovery/root-*)" --protector recovery "$root"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a stranger's volume with our UUID, sealed in the same TPM for the same boot, is not opened
# group: host boot
. "$(dirname "$0")/lib.sh"

ours=$TMP/ours.img theirs=$TMP/theirs.img data=$TMP/data.img

# A boot chain is measured; the thief's own system would do the same to the TPM.
power_on() {
	[ ${#swtpm_pids[@]} = 0 ] || stop_tpm
	start_tpm "$TMP/state"
	measure_boot >/dev/null
}

boot() {
	local want=$1
	shift
	expect "$want" "$fvesetup" boot-unlock --in-initrd --test --tpm "$tpm" \
		--fvetab "$TMP/image/fvetab" --kernel-cmdline "$TMP/cmdline" "$@"
}

identity() {
	"$fvesetup" identity --key-file "$TMP/pass" "$1"
}

# As dracut's module has it; the initramfs itself remembers nothing.
make_image() {
	mkdir -p "$TMP/image"
	expect 0 "$fvesetup" boot-table --fvetab "$TMP/fvetab"
	cp "$TMP/out" "$TMP/image/fvetab"
}
# thief_makes UUID: a volume of his own, on this machine, in a system of his own.
thief_makes() {
	new_image "$theirs"
	cryptsetup luksFormat -q --uuid "$1" --pbkdf-force-iterations 4 --pbkdf-memory 32 --key-size 512 \
		--sector-size 4096 --key-file "$TMP/pass.thief" "$theirs"
	FVE_STATE=$TMP/thief expect 0 "$fvesetup" adopt --key-file "$TMP/pass.thief" "$theirs"
	FVE_STATE=$TMP/thief expect 0 "$fvesetup" protector add "${cheap[@]}" --tpm "$tpm" \
		--key-file "$TMP/pass.thief" "$theirs" tpm2
}
in_image() {
	FVE_STATE=$TMP/nothing "$@"
}

printf 123456 >"$TMP/pin"
printf 'another' >"$TMP/pass.thief"
echo "root=/dev/mapper/root" >"$TMP/cmdline"
power_on
new_image "$ours"
format "$ours" --protector tpm2 --protector tpm2-pin --tpm "$tpm" --pin-file "$TMP/pin" --json >"$TMP/json"
uuid=$(jq -r .uuid "$TMP/json")
new_image "$data"
format "$data" --protector tpm2 --tpm "$tpm"

echo "--- what it is: shown by format, open and identity, remembered, and no UUID"
[ "$(jq -r .identity "$TMP/json")" = "$(identity "$ours")" ] || fail "format and identity disagree"
[ "$(cat "$FVE_STATE/identity/$uuid")" = "$(identity "$ours")" ] || fail "it is not remembered"
[ "$("$fvesetup" open --test --json --key-file "$TMP/pass" "$ours" | jq -r .identity)" = "$(identity "$ours")" ] ||
	fail "open and identity disagree"
expect 1 "$fvesetup" format --batch-mode "${cheap[@]}" --json --key-file "$TMP/pass" "$TMP/none"
expect_text "--recovery-file"

echo "--- the table of an initramfs has it, for volumes that are opened there"
printf '# a comment\nroot %s - initrd,tries=1\ndata UUID=%s - initrd\nlater /dev/none - noauto\n' \
	"$ours" "$(cryptsetup luksUUID "$data")" >"$TMP/fvetab"
make_image
grep -qx "root $ours - initrd,tries=1,identity=$(identity "$ours")" "$TMP/image/fvetab" || fail "no identity of root"
grep -qx "data UUID=[0-9a-f-]* - initrd,identity=$(identity "$data")" "$TMP/image/fvetab" || fail "no identity of data"
grep -qx "later /dev/none - noauto" "$TMP/image/fvetab" || fail "another line was lost"
printf 'root %s - initrd\ndata %s - initrd\n' "$ours" "$data" >"$TMP/fvetab"
make_image

echo "--- the thief's: same UUID, tpm2 under the same SRK, approved for this very boot, its MAC right"
thief_makes "$uuid"
FVE_STATE=$TMP/thief expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$theirs"
FVE_STATE=$TMP/thief expect 0 "$fvesetup" header verify --key-file "$TMP/pass.thief" "$theirs"
cp "$ours" "$TMP/genuine.img"

echo "--- as root: refused, the TPM capped, and the data volume stays closed"
power_on
in_image boot 0
expect_text "root ($ours) opened by protector tpm2"
expect_text "data ($data) opened by protector tpm2"
cp "$theirs" "$ours"
power_on
in_image boot 2 --key-file "$TMP/pass"
expect_text "(not-ours)"
! grep -q "opened by" "$TMP/out" || fail "something was opened"
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$data"
expect_text "(capped)"

echo "--- the root's header destroyed: its own tpm2 opens no data volume either"
head -c 16M /dev/zero | dd of="$ours" conv=notrunc status=none
power_on
in_image boot 4 --key-file "$TMP/pass"
! grep -q "opened by" "$TMP/out" || fail "the data volume was opened without its root"
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$data"
expect_text "(capped)"
cp "$theirs" "$ours"

echo "--- the question says it; who answers it opens it, with a warning, and nothing else opens"
power_on
expect 0 "$here/typist.py" another -- env FVE_STATE="$TMP/nothing" "$fvesetup" boot-unlock --in-initrd --test --tpm "$tpm" \
	--fvetab "$TMP/image/fvetab" --kernel-cmdline "$TMP/cmdline"
expect_text "NOT the volume that this machine had!"
expect_text "WARNING: $ours: this is not the volume that the machine had (not-ours)"
expect_text "root ($ours) opened by protector passphrase"
! grep -q "data ($data) opened" "$TMP/out" || fail "the data volume was opened beside a stranger's root"

echo "--- for a root that asks for a PIN as well: his asks for none"
cp "$TMP/genuine.img" "$ours"
printf 'root %s - initrd\n' "$ours" >"$TMP/fvetab"
make_image
cp "$theirs" "$ours"
power_on
in_image boot 2 --key-file "$TMP/pass" --pin-file "$TMP/pin"
expect_text "(not-ours)"

echo "--- as a data volume, beside the genuine root"
cp "$TMP/genuine.img" "$ours"
thief_makes "$(cryptsetup luksUUID "$data")"
printf 'root %s - initrd\ndata %s - initrd\n' "$ours" "$data" >"$TMP/fvetab"
make_image
cp "$data" "$TMP/data.genuine"
cp "$theirs" "$data"
power_on
in_image boot 0
expect_text "root ($ours) opened by protector tpm2"
expect_text "(not-ours)"
! grep -q "data ($data) opened" "$TMP/out" || fail "the stranger's data volume was opened"

echo "--- and later, in the booted system, where the machine remembers"
power_on
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$data"
expect_text "(not-ours)"
power_on
expect 2 "$fvesetup" boot-unlock --test --tpm "$tpm" --fvetab "$TMP/fvetab" \
	--kernel-cmdline "$TMP/cmdline" --key-file "$TMP/pass" data
expect_text "(not-ours)"

echo "--- without an identity no initramfs is made; with identity=any the attack works, and it is said"
FVE_STATE=$TMP/nothing expect 4 "$fvesetup" boot-table --fvetab "$TMP/fvetab"
expect_text "fvesetup identity"
cp "$theirs" "$ours"
printf 'root %s - initrd,identity=any\n' "$ours" >"$TMP/fvetab"
FVE_STATE=$TMP/nothing expect 0 "$fvesetup" boot-table --fvetab "$TMP/fvetab"
expect_text "WARNING: root has identity=any"
printf 'root %s - initrd,identity=any\n' "$ours" >"$TMP/image/fvetab"
power_on
in_image boot 0
expect_text "root ($ours) opened by protector tpm2"
printf 'root %s - initrd\n' "$ours" >"$TMP/image/fvetab"
power_on
in_image boot 2 --key-file "$TMP/pass"
expect_text "no identity of it is known here"

echo "--- what the machine remembers is noise on its disk: no machine's protector opens anything by that"
cp "$TMP/genuine.img" "$ours"
cp "$FVE_STATE/identity/$uuid" "$TMP/identity"
head -c 65 /dev/urandom >"$FVE_STATE/identity/$uuid"
power_on
expect 2 "$fvesetup" open --test --tpm "$tpm" "$ours" </dev/null
! grep -q "Unlocked" "$TMP/out" || fail "a machine's protector opened it unchecked"
printf 'root %s\n' "$ours" >"$TMP/fvetab"
expect 2 "$fvesetup" boot-unlock --test --tpm "$tpm" --fvetab "$TMP/fvetab" \
	--kernel-cmdline "$TMP/cmdline" --key-file "$TMP/pass.thief"
! grep -q "opened by" "$TMP/out" || fail "a machine's protector opened it unchecked at boot"
expect 0 "$fvesetup" open --test --key-file "$TMP/pass" "$ours"
cp "$TMP/identity" "$FVE_STATE/identity/$uuid"

echo "--- the owner made it anew: with --force it is the machine's"
cp "$TMP/genuine.img" "$ours"
printf '%064d\n' 7 >"$FVE_STATE/identity/$uuid"
power_on
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$ours"
expect 0 "$fvesetup" identity --key-file "$TMP/pass" "$ours"
expect_text "WARNING"
expect 2 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$ours"
expect 0 "$fvesetup" identity --force --key-file "$TMP/pass" "$ours"
expect_text "make that again"
expect 0 "$fvesetup" open --test --tpm "$tpm" --protector tpm2 "$ours"

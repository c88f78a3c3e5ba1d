#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a kernel's installation approves its boot beforehand where the owner allowed it and all of it was made on this system; its removal revokes that
# group: host boot tpm
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

image=$TMP/volume.img
hooks=$here/../../dracut/hooks
stub=/usr/lib/systemd/boot/efi/linuxx64.efi.stub
cmdline='root=/dev/mapper/root ro'

# image FILE: one that UEFI could start.
image() {
	head -c 500 /dev/urandom >"$TMP/section"
	"$here/uki.py" "$stub" "$1" .random="$TMP/section"
}

# listed RELEASE: what lies there is what dpkg has unpacked.
listed() {
	(cd / && md5sum "${FVE_BOOT#/}/vmlinuz-$1") >"$TMP/dpkg/linux-image-$1"
}

unpack() {
	image "$FVE_BOOT/vmlinuz-$1"
	listed "$1"
}

# dracut RELEASE: what it does to /boot, with our module in it; "fails": it did not get that far.
dracut() {
	kernel=$1 dracutsysrootdir='' bash -ec '. "$0"; install' "$TMP/begin"
	[ "${2-}" = fails ] || head -c 3000 /dev/urandom >"$FVE_BOOT/initrd.img-$1"
}

kernel() {
	unpack "$1"
	dracut "$1"
}

# boot RELEASE: off and on again, with that kernel.
boot() {
	local pcr digest
	[ ${#swtpm_pids[@]} -eq 0 ] || { tpm2_shutdown --clear && stop_tpm; }
	start_tpm "$TMP/tpm"
	/usr/bin/python3 "$here/boot_log.py" "$TMP/log" --kernel "$FVE_BOOT/vmlinuz-$1" \
		--initrd "$FVE_BOOT/initrd.img-$1" --cmdline "$cmdline" >"$TMP/events"
	while read -r pcr digest; do
		printf '%s:sha256=%s\n' "$pcr" "$digest"
	done <"$TMP/events" | xargs tpm2_pcrextend
}

tpm_open() {
	"$fvesetup" open --test --tpm "$tpm" --event-log "$TMP/log" --protector tpm2 "$image" </dev/null
}

# As run-parts calls it when dpkg configures or removes the kernel's package.
hook() {
	local name=$1 release=$2 maintainer=$3
	DEB_MAINT_PARAMS="'$maintainer' '1.0'" expect 0 sh "$TMP/$name" "$release" "$FVE_BOOT/vmlinuz-$release"
}

# The hooks know the machine's TPM, its log and its command line; here they are others. A run that
# asks anybody would hang, hence the limit.
mkdir "$TMP/bin"
cat >"$TMP/bin/fvesetup" <<END
#!/bin/sh
case "\$1 \$2" in
"tpm predict") set -- "\$@" --old-cmdline "$cmdline" --tpm "swtpm:path=$TMP/tpm/sock" --event-log "$TMP/log" ;;
"tpm "*) set -- "\$@" --tpm "swtpm:path=$TMP/tpm/sock" --event-log "$TMP/log" ;;
esac
exec timeout 300 "$fvesetup" "\$@"
END
cat >"$TMP/bin/dpkg-query" <<END
#!/bin/sh
case \$1 in
--search) [ ! -e "$TMP/dpkg/linux-image-\${2##*/vmlinuz-}" ] || echo "linux-image-\${2##*/vmlinuz-}: \$2" ;;
--control-show) cat "$TMP/dpkg/\$2" ;;
esac
END
chmod +x "$TMP/bin/fvesetup" "$TMP/bin/dpkg-query"
sed "s,/usr/lib/fve/,$(realpath "$hooks")/,g" "$hooks/../91fve-begin/module-setup.sh" >"$TMP/begin"
for name in kernel-postinst kernel-postrm; do
	sed "s,/usr/lib/fve/,$(realpath "$hooks")/," "$hooks/$name" >"$TMP/$name"
done
export PATH="$TMP/bin:$PATH" FVE_BOOT=$TMP/boot FVE_FVETAB=$TMP/fvetab FVE_SETTINGS=$TMP/settings
export FVE_STATE=$TMP/state FVE_RUN=$TMP/run
mkdir "$FVE_BOOT" "$TMP/dpkg"

echo "--- nothing to do: no table, no volume of the initramfs, no TPM protector"
kernel 1
[ ! -e "$FVE_RUN" ] || fail "it remembers what is nobody's"
hook kernel-postinst 1 configure
[ ! -s "$TMP/out" ] || fail "it talks although there is nothing"
new_image "$image"
format "$image"
boot 1
printf '# comment\ndata %s - nofail,reseal=auto\n' "$image" >"$FVE_FVETAB"
hook kernel-postinst 1 configure
[ ! -s "$TMP/out" ] || fail "it talks about a volume that the initramfs does not open"
printf 'root %s - initrd,reseal=auto\n' "$image" >"$FVE_FVETAB"
hook kernel-postinst 1 configure
[ ! -s "$TMP/out" ] || fail "it talks about a volume without a TPM protector"

expect 0 "$fvesetup" protector add --tpm "$tpm" --event-log "$TMP/log" --key-file "$TMP/pass" "$image" tpm2
expect 0 tpm_open
boot 1
expect 0 tpm_open

echo "--- allowed, but nothing opens the header: a warning that says why, and no question"
kernel 2
before=$(sha256sum <"$image")
hook kernel-postinst 2 configure
expect_text 'WARNING: root: the next boot of Linux 2 will ask for the recovery password'
expect_text "fvesetup tpm predict --approve --label linux-2 --kernel $FVE_BOOT/vmlinuz-2 --initrd $FVE_BOOT/initrd.img-2 $image"
[ "$before" = "$(sha256sum <"$image")" ] || fail "the volume was changed"

echo "--- allowed, by a key on the root volume: the next boot asks nothing, after the cap as well"
expect 0 "$fvesetup" protector add --force --key-file "$TMP/pass" "$image" "auto,file=$TMP/auto.key"
measure 15 cap
hook kernel-postinst 2 configure
expect_text 'root: the TPM will open it for Linux 2'
boot 2
expect 0 tpm_open
boot 1
expect 0 tpm_open

echo "--- another initramfs that was not approved is refused"
cp "$FVE_BOOT/initrd.img-1" "$TMP/initrd"
head -c 3000 /dev/urandom >"$FVE_BOOT/initrd.img-1"
boot 1
expect 2 tpm_open
cp "$TMP/initrd" "$FVE_BOOT/initrd.img-1"
boot 1

echo "--- not allowed: a warning with the command, and nothing is done"
kernel 3
for reseal in ask never; do
	printf 'root\t%s\t-\tx-initrd.attach,reseal=%s\n' "$image" "$reseal" >"$FVE_FVETAB"
	before=$(sha256sum <"$image")
	hook kernel-postinst 3 configure
	expect_text 'WARNING: root: the next boot of Linux 3 will ask for the recovery password'
	expect_text 'reseal=auto'
	[ "$before" = "$(sha256sum <"$image")" ] || fail "the volume was changed"
done
printf 'root %s - reseal=auto,initrd\n' "$image" >"$FVE_FVETAB"

echo "--- what cannot be predicted: a warning"
printf 'garbage' >"$FVE_BOOT/vmlinuz-3"
listed 3
hook kernel-postinst 3 configure
expect_text 'WARNING: root: the next boot of Linux 3 will ask'
expect_text 'no image that UEFI could start'

echo "--- the coming command line is the owner's to tell"
kernel 3
echo 'CMDLINE="root=/dev/mapper/root ro quiet"' >"$FVE_SETTINGS"
hook kernel-postinst 3 configure
rm "$FVE_SETTINGS"
old=$cmdline cmdline='root=/dev/mapper/root ro quiet'
boot 3
expect 0 tpm_open
cmdline=$old
boot 3
expect 2 tpm_open
boot 1

echo "--- a thief has changed /boot while the machine was off: nothing of that is approved"
# refused FILE: the last command's output says that it was not made here.
refused() {
	expect_text 'reseal: changed outside'
	expect_text "WARNING: $1 is not what"
	expect_text 'fve-approve --accept 2'
	! grep -q 'open it for Linux 2' "$TMP/out" || fail "it was approved"
}
before=$(sha256sum <"$image")
image "$FVE_BOOT/vmlinuz-2"
head -c 3000 /dev/urandom >"$FVE_BOOT/initrd.img-2"
rm -rf "$FVE_RUN"
expect 0 sh "$hooks/fve-approve" 2
refused "$FVE_BOOT/vmlinuz-2"
refused "$FVE_BOOT/initrd.img-2"
[ "$before" = "$(sha256sum <"$image")" ] || fail "the volume was changed"
boot 2
expect 2 tpm_open
boot 1
expect 0 tpm_open

echo "--- the owner boots another kernel, and dracut makes all images anew: that does not make his kernel ours"
for release in 1 2 3; do
	dracut $release
done
expect 0 sh "$hooks/fve-approve" 1 2 3
refused "$FVE_BOOT/vmlinuz-2"
[ "$(grep -c 'is not what' "$TMP/out")" = 1 ] || fail "not one file is said to be changed"
expect_text 'root: the TPM will open it for Linux 1'
expect_text 'root: the TPM will open it for Linux 3'
boot 2
expect 2 tpm_open
boot 1
expect 0 tpm_open

echo "--- nor does a configuration of its package, in any way"
rm "$FVE_STATE/boot/vmlinuz-2"
hook kernel-postinst 2 configure
refused "$FVE_BOOT/vmlinuz-2"
expect 0 sh "$TMP/kernel-postinst" 2
refused "$FVE_BOOT/vmlinuz-2"
rm "$TMP/dpkg/linux-image-2"
hook kernel-postinst 2 configure
refused "$FVE_BOOT/vmlinuz-2"

echo "--- the kernel is right, and dracut did not get as far as to write the image"
unpack 2
head -c 3000 /dev/urandom >"$FVE_BOOT/initrd.img-2"
dracut 2 fails
hook kernel-postinst 2 configure
refused "$FVE_BOOT/initrd.img-2"
! grep -q 'vmlinuz-2 is' "$TMP/out" || fail "the kernel is as it was unpacked"

echo "--- what cannot be read is not known"
rm "$FVE_STATE/boot/initrd.img-2"
ln -sf /proc/self/clear_refs "$FVE_BOOT/initrd.img-2"
expect 0 sh "$hooks/fve-approve" 2
refused "$FVE_BOOT/initrd.img-2"
rm "$FVE_BOOT/initrd.img-2"

echo "--- written by dracut: approved, and again while it stays so"
dracut 2
dracut 2 # by hand, before anybody asked
hook kernel-postinst 2 configure
expect_text 'root: the TPM will open it for Linux 2'
expect 0 sh "$TMP/kernel-postinst" 2
expect_text 'root: the TPM will open it for Linux 2'
dracut 2 fails
expect 0 sh "$hooks/fve-approve" 2
expect_text 'root: the TPM will open it for Linux 2'
boot 2
expect 0 tpm_open
boot 1

echo "--- the same release with other bytes is believed to dpkg alone"
unpack 2
expect 0 sh "$hooks/fve-approve" 2
refused "$FVE_BOOT/vmlinuz-2"
hook kernel-postinst 2 configure
expect_text 'root: the TPM will open it for Linux 2'

echo "--- the owner says that it is theirs, which holds until it changes again"
image "$FVE_BOOT/vmlinuz-2"
expect 0 sh "$hooks/fve-approve" --accept 2
expect_text 'root: the TPM will open it for Linux 2'
expect 0 sh "$hooks/fve-approve" 2
expect_text 'root: the TPM will open it for Linux 2'
image "$FVE_BOOT/vmlinuz-2"
expect 0 sh "$hooks/fve-approve" 2
refused "$FVE_BOOT/vmlinuz-2"

echo "--- a unified image is ours where it was made since the machine was switched on, of a kernel that is ours"
echo "UKI=$FVE_BOOT/linux-%v.efi" >"$FVE_SETTINGS"
unpack 2
dracut 2
image "$FVE_BOOT/linux-2.efi"
hook kernel-postinst 2 configure
! grep -q 'is not what' "$TMP/out" || fail "it was made here"
image "$FVE_BOOT/linux-2.efi"
dracut 2
hook kernel-postinst 2 configure
refused "$FVE_BOOT/linux-2.efi"
dracut 2
image "$FVE_BOOT/vmlinuz-2"
image "$FVE_BOOT/linux-2.efi"
hook kernel-postinst 2 configure
refused "$FVE_BOOT/vmlinuz-2"
! grep -q 'linux-2.efi is' "$TMP/out" || fail "the unified image was made here"
rm "$FVE_SETTINGS" "$FVE_BOOT/linux-2.efi"
kernel 2
hook kernel-postinst 2 configure
expect_text 'root: the TPM will open it for Linux 2'

echo "--- an upgrade's own removal does nothing; a kernel that is removed opens no more"
hook kernel-postrm 2 upgrade
[ ! -s "$TMP/out" ] || fail "an upgrade revoked something"
hook kernel-postrm 2 remove
expect_text 'root: the TPM will no more open it for Linux 2'
boot 2
expect 2 tpm_open
expect_text policy-revoked
boot 1
expect 0 tpm_open
[ -z "$(find "$FVE_STATE/boot" -name '*-2')" ] || fail "it is still known what Linux 2 was"
echo "all as expected"

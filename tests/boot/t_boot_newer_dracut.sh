#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: an initramfs made by the dracut of Debian 12's backports opens the root by the TPM and caps it, and asks when its command line is another
# by-hand: two boots and one to the question, five minutes, in make boot-tests
# timeout: 7200
export FVE_SUITE=bookworm
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"

# The installed root's files, with that dracut in the place of its own.
mkdir "$TMP/debs"
(cd "$TMP/debs" && "$here/../vm/backports" --suite bookworm download dracut dracut-core dracut-install &&
	apt-get download -q linux-base)
cp -a "$inst/tree" "$TMP/tree"
cp -r "$TMP/debs" "$TMP/tree/debs"
chroot "$TMP/tree" sh -c 'dpkg --force-confnew -i /debs/*.deb' >"$TMP/dpkg" 2>&1 || {
	cat "$TMP/dpkg"
	fail "the newer dracut does not install"
}
rm -r "$TMP/tree/debs"
version=$(chroot "$TMP/tree" dracut --version)
echo "$version"
[ "$version" != "$(chroot "$inst/tree" dracut --version)" ] || fail "it is the dracut of before"
"$here/initramfs" "$TMP/tree" "$(basename "$inst"/tree/usr/lib/modules/*)" "$TMP/initrd"

own_disk
remove tpm2
remove tpm2-pin
script "
set -e
fvesetup protector add --key-file /root/pass /dev/vda tpm2
"
boot 0 --initrd "$TMP/initrd" --script "$TMP/script" "$asked" "type=$pass"
script "
journalctl -b -u fve-unlock --no-pager -o cat
dmsetup table home | cut -d ' ' -f 3
$(attempt)
"
boot 0 --initrd "$TMP/initrd" --script "$TMP/script"
not_said "assphrase"
reported "root (/dev/vda) opened by protector tpm2"
grep -qx fve "$TMP/out" || fail "home is not open by fve"
reported "(capped)"
reported "unseal 2"

boot 126 --initrd "$TMP/initrd" --append "$cmdline tampered" "expect=(pcr-mismatch)" "$asked" monitor=quit

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: under UEFI, a new kernel and initramfs approved by fve-approve open by the TPM at their first boot; another command line does not
# by-hand: new, and not yet seen to pass; three boots, four minutes
# group: boot tpm
# timeout: 2700
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/../host/lib.sh"

top=$(cd "$here/../.." && pwd)
old=6.1 new=6.12
release=$("$top/tests/vm/kernel" --print release $new)

# What the upgrade puts into /boot.
mkdir "$TMP/boot"
cp "$("$top/tests/vm/kernel" --print vmlinuz $new)" "$TMP/boot/vmlinuz-$release"
cp "$("$top/tests/vm/image" $new)/initrd" "$TMP/boot/initrd.img-$release"
truncate -s 64M "$TMP/disk"

cat >"$TMP/install.sh" <<END
. "\$TESTS/vm/lib.sh"
printf 'correct horse' >pass
fvesetup format -q --iter-time 1 --pbkdf-memory 32 --protector passphrase --protector tpm2 \\
	--key-file pass --recovery-file rec /dev/vda
fvesetup open --test --protector tpm2 /dev/vda </dev/null
fvesetup protector add --force --key-file pass /dev/vda auto,file=/root/auto.key
echo "root /dev/vda - initrd,reseal=auto" >/etc/fvetab
fvesetup boot-cap
assert_fails fvesetup open --test --protector tpm2 /dev/vda </dev/null
out=\$(FVE_BOOT=/root/boot ./fve-approve $release)
echo "\$out"
grep -qF "root: the TPM will open it for Linux $release" <<<"\$out" || fail "that is not what it must say"
END
cat >"$TMP/first.sh" <<'END'
. "$TESTS/vm/lib.sh"
uname -r
fvesetup open --test --verbose --protector tpm2 /dev/vda </dev/null
END
cat >"$TMP/tampered.sh" <<'END'
. "$TESTS/vm/lib.sh"
assert_status 2 fvesetup open --test --protector tpm2 /dev/vda </dev/null
END

boot() {
	expect 0 "$top/tests/vm/vm" --timeout 800 --uefi "$TMP/vars.fd" --tpm "$TMP/tpm" \
		--disk "$TMP/disk" "$@"
}

echo "--- the old kernel, capped, is told of the new one"
boot --kernel $old --include "$TMP/boot" --include "$top/dracut/hooks/fve-approve" \
	--include "$(command -v jq):/usr/bin/jq" "$TMP/install.sh"
echo "--- the new one's first boot: no question"
boot --kernel $new "$TMP/first.sh"
expect_text "$release"
echo "--- the new one with another command line: refused"
boot --kernel $new --append "init=/bin/sh" "$TMP/tampered.sh"
expect_text 'pcr-mismatch'

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: the documented way: shim's MokManager enrols the owner's key, and Debian's own signed boot chain loads the module signed with it
# by-hand: three boots and menus over the serial line, six minutes
# group: boot secure-boot
# kernels: 6.1
# timeout: 2400
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/../host/lib.sh"

top=$(cd "$here/../.." && pwd)
release=$("$top/tests/vm/kernel" --print release "$FVE_KERNEL")
kbuild=$("$top/tests/vm/kernel" --print kbuild "$FVE_KERNEL")
modules=$("$top/tests/vm/kernel" --print modules "$FVE_KERNEL")
shim=$("$top/tests/vm/sign" shim)
tree=$TMP/tree
password=12345678

# The key as DKMS makes it when it first signs something, and the module as DKMS signs it.
openssl req -new -x509 -nodes -days 36500 -subj "/CN=DKMS module signing key" -newkey rsa:2048 \
	-keyout "$TMP/mok.key" -outform DER -out "$TMP/mok.pub" 2>/dev/null
mkdir -p "$tree"/{bin,proc,sys,dev,m}
cp "$BUILD/$release/dm-fve.ko" "$tree/m/unsigned"
"$kbuild/scripts/sign-file" sha256 "$TMP/mok.key" "$TMP/mok.pub" "$BUILD/$release/dm-fve.ko" \
	"$tree/m/signed"

# An initramfs of busybox, mokutil and the modules that the target stands on.
cp "$(command -v busybox)" "$(command -v mokutil)" "$tree/bin/"
ldd "$tree/bin/mokutil" | grep -o '/[^ ]*' | sort -u | xargs -I{} cp -L --parents {} "$tree/"
cp "$TMP/mok.pub" "$tree/m/"
number=10
for name in efivarfs dm-mod aes_generic ecb xts; do
	while read -r _ file; do
		cp "$file" "$tree/m/$number-$(basename "$file")"
		number=$((number + 1))
	done < <(modprobe -d "${modules%/lib/modules/*}" -S "$release" --show-depends "$name" | grep ^insmod)
done
cat >"$tree/init" <<END
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec >/dev/ttyS1 2>&1
for module in /m/*.ko; do insmod \$module; done
mount -t efivarfs efivarfs /sys/firmware/efi/efivars
mount -t securityfs securityfs /sys/kernel/security
cat /sys/kernel/security/lockdown
mokutil --sb-state
insmod /m/unsigned; echo "unsigned: \$?"
insmod /m/signed; signed=\$?; echo "signed: \$signed"
dmesg | grep -E 'integrity: Loaded|is rejected'
for pcr in 7 14; do echo "PCR \$pcr \$(cat /sys/class/tpm/tpm0/pcr-sha256/\$pcr)"; done
if [ \$signed -eq 0 ]; then
	mokutil --test-key /m/mok.pub
else
	printf '$password\n$password\n' | mokutil --import /m/mok.pub && echo "import: asked for"
fi
echo "status 0"
sleep 1
poweroff -f
END
chmod +x "$tree/init"

# What Debian's packages put on an EFI system partition, and a grub.cfg.
mkdir -p "$TMP/esp/EFI"/{BOOT,debian}
cp "$shim/shimx64.efi.signed" "$TMP/esp/EFI/BOOT/BOOTX64.EFI"
cp "$shim/mmx64.efi.signed" "$TMP/esp/EFI/BOOT/mmx64.efi"
cp "$shim/grubx64.efi.signed" "$TMP/esp/EFI/BOOT/grubx64.efi"
cp "$("$top/tests/vm/kernel" --print vmlinuz "$FVE_KERNEL")" "$TMP/esp/vmlinuz"
(cd "$tree" && find . | cpio -o -H newc --quiet) >"$TMP/esp/initrd"
cat >"$TMP/esp/EFI/debian/grub.cfg" <<'END'
search --no-floppy --file --set=root /vmlinuz
linux /vmlinuz console=ttyS0 no_timer_check panic=-1 quiet
initrd /initrd
boot
END
truncate -s 64M "$TMP/esp.img"
mformat -i "$TMP/esp.img" -F ::
mcopy -s -i "$TMP/esp.img" "$TMP"/esp/* ::
# Microsoft's keys, as in a machine that one buys.
cp /usr/share/OVMF/OVMF_VARS_4M.ms.fd "$TMP/vars.fd"

boot() {
	expect "$1" "$top/tests/boot/machine" --esp "$TMP/esp.img" --uefi "$TMP/vars.fd" --secure-boot \
		--tpm "$TMP/tpm" --timeout 700 --console "$TMP/console" "${@:2}"
}

pcr() {
	sed -n "s/^PCR $1 //p" "$TMP/out"
}

echo "--- before: neither module loads; the key is offered for enrolment"
boot 0
expect_text 'SecureBoot enabled'
expect_text '[integrity]'
expect_text 'Loading of unsigned module is rejected'
expect_text 'Loading of module with unavailable key is rejected'
expect_text 'import: asked for'
! grep -q ': 0$' "$TMP/out" || fail "a module was loaded"
before7=$(pcr 7) before14=$(pcr 14)

echo "--- the owner at the console: Enroll MOK, Continue, Yes, the password, Reboot"
down=$'\e[B'
boot 126 expect="Press any key to perform MOK management" type= \
	expect="Enroll MOK" "type=$down" expect=Continue "type=$down" expect=Yes "type=$down" \
	expect=Password "type=$password" expect=Reboot type=

echo "--- after: the signed one loads, the other one does not"
boot 0
expect_text 'unsigned: 129'
expect_text 'signed: 0'
expect_text 'Loaded X.509 cert '"'"'DKMS module signing key'
expect_text 'is already enrolled'

echo "--- PCR 7 is the same, PCR 14 is not: docs/secure-boot.md"
[ -n "$before7" ] && [ "$before7" = "$(pcr 7)" ] || fail "PCR 7 has changed"
[ -n "$before14" ] && [ "$before14" != "$(pcr 14)" ] || fail "PCR 14 has not changed"
echo "all as expected"

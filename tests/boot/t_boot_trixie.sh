#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a Debian 13 root with its own kernel, systemd and dracut opens itself by the TPM and is capped; changed, it asks; in disorder, it is locked
# kernels: 6.1
# timeout: 7200
#
# All by make boot-tests; make check has all but the last.
export FVE_SUITE=trixie
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"

echo "=== unattended"
script "
. /etc/os-release
echo system \$VERSION_CODENAME \$(uname -r)
journalctl -b -u fve-unlock --no-pager -o cat
systemctl list-units --failed --no-legend --plain | sed 's/^/failed /'
findmnt -no SOURCE /
dmsetup table --target fve | cut -d ' ' -f 1-5
echo pcr15 \$(cat /sys/class/tpm/tpm0/pcr-sha256/15)
$(attempt)
"
boot 0 --script "$TMP/script"
not_said "assphrase"
grep -qE 'system trixie .*\+deb13-' "$TMP/out" || fail "it is not Debian 13 with its own kernel"
reported "root (/dev/vda) opened by protector tpm2"
reported "opened by protector auto"
reported "/dev/mapper/root"
[ "$(grep -cE '^(root|home|swap): 0 ' "$TMP/out")" = 3 ] || fail "not all three are open by fve"
reported_capped
# Root in the booted system, and one unseal: the attempt must not even reach one.
reported "unseal 2"
reported "(capped)"
[ "$(unseals)" = 1 ] || fail "$(unseals) unseals instead of 1"
! grep '^failed ' "$TMP/out" || fail "units have failed"

echo "=== another command line"
boot 126 --append "$cmdline tampered" "expect=(pcr-mismatch)" "$asked" monitor=quit
said "PCR 9 (initrd and kernel command line)"

echo "=== noise in the group descriptors: fsck fails"
own_disk
noise 4096
ends_locked
said "root (/dev/vda) opened by protector tpm2"
said "is locked again: nobody had typed a secret"

[ -n "${FVE_BOOT_ALL-}" ] || exit 0

disks=(--disk "$inst/disk,snapshot=on" "${others[@]}")
# systemd 257 makes units of them. In the initramfs nothing does; that the booted system still takes them
# (docs/threat-model.md) shows that they arrive.
echo "=== a unit from the firmware's strings"
credential() {
	printf 'io.systemd.credential.binary:%s=%s' "$1" "$(base64 -w0)"
}
unit=$(credential systemd.extra-unit.thief.service <<-'END'
	[Unit]
	DefaultDependencies=no
	[Service]
	Type=oneshot
	ExecStart=/bin/sh -c 'if [ -e /etc/initrd-release ]; then at=initramfs; else at=system; fi; echo "THIEF in the $at" >/dev/ttyS1'
END
)
wanted=$(printf '[Unit]\nWants=thief.service\n' | credential systemd.unit-dropin.sysinit.target)
script "echo booted"
boot 0 --firmware-string "$unit" --firmware-string "$wanted" --script "$TMP/script"
reported "booted"
reported "THIEF in the system"
! grep -q "THIEF in the initramfs" "$TMP/out" || fail "a unit of the firmware's ran in the initramfs"

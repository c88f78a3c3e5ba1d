#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: with the TPM alone nobody gets a shell beside open data, nor his own root: noise, and a volume of his
# timeout: 3600
#
# All attacks by make boot-tests; make check has one boot of each kind.
. "$(dirname "$0")/lib.sh"

echo "=== noise in the group descriptors: fsck fails"
own_disk
noise 4096
ends_locked
said "root (/dev/vda) opened by protector tpm2"
said "is locked again: nobody had typed a secret"

echo "=== a volume of the thief's in the root's place: his UUID, his tpm2, this very boot"
disks=(--disk "$inst/thief,snapshot=on" "${others[@]}")
not_his="expect=NOT the volume that this machine had!"
ends_locked "expect=(not-ours)" "$not_his" type=wrong "$not_his" type=wrong "$not_his" type=wrong
not_said "home (/dev/vdb) opened"
not_said "swap (/dev/vdc) opened"
no_thief

[ -n "${FVE_BOOT_ALL-}" ] || exit 0 # t_fvesetup_forged has this one in make check

echo "=== a header whose keyslots hold the thief's key in clear, over his own root"
own_disk
"$here/thief" "$TMP/thief.ext4" "$(cat "$inst/fs-uuid")"
"$BUILD/tools/null_cipher" "$TMP/disk" --fill "$TMP/thief.ext4" >/dev/null
then=${refused#expect=} ends_locked "expect=no protector of /dev/vda opened it"
said "(keyslot-unsafe)"
not_said "opened by protector"
no_thief

[ "$suite" != bookworm ] || exit 0

disks=(--disk "$inst/disk,snapshot=on" "${others[@]}")
# systemd 257, and not yet Debian 12's, makes units of them. In the initramfs nothing does; that the booted
# system still takes them (docs/threat-model.md) shows that they arrive.
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

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a Debian root opens itself by the TPM, swap and data with it by one unseal, and is capped
# timeout: 3600
. "$(dirname "$0")/lib.sh"

script "
set -e
. /etc/os-release
echo system \$VERSION_CODENAME \$(uname -r)
journalctl -b -u fve-unlock --no-pager -o cat
systemctl list-units --failed --no-legend --plain | sed 's/^/failed /'
findmnt -no SOURCE /
dmsetup table --target fve | cut -d ' ' -f 1-5
since=\$(systemctl show -p UserspaceTimestampMonotonic --value)
[ \$(systemctl show fve-unlock -p ExecMainStartTimestampMonotonic --value) -lt \$since ] || echo here as well
set +e
echo pcr15 \$(cat /sys/class/tpm/tpm0/pcr-sha256/15)
$(attempt)
rm -f /run/fve/boot/none
udevadm info /dev/vda | grep -E 'E: (FVE|UDISKS_IGNORE|ID_FS_TYPE)='
"
boot 0 --script "$TMP/script"
not_said "assphrase"
grep -qE 'system (trixie .*\+deb13-|bookworm )' "$TMP/out" || fail "it is not Debian 13 with its own kernel"
! grep '^failed ' "$TMP/out" || fail "units have failed"
reported "root (/dev/vda) opened by protector tpm2"
reported "opened by protector auto"
reported "/dev/mapper/root"
# What the initramfs leaves closed, and lines without "initrd", are the booted system's to open.
reported "here as well"
reported "UDISKS_IGNORE=1"
reported "ID_FS_TYPE=crypto_LUKS"
[ "$(grep -cE '^(root|home|swap): 0 ' "$TMP/out")" = 3 ] || fail "not all three are open by fve"
# Root in the booted system, and one unseal: the attempt must not even reach one.
reported "unseal 2"
reported "(capped)"
reported_capped
[ "$(unseals)" = 1 ] || fail "$(unseals) unseals instead of 1"

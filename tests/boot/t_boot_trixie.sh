#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a Debian 13 root with its own kernel, systemd and dracut opens itself by the TPM, swap and data with it, and is capped
# by-hand: an installation and one boot, five minutes, in make boot-tests
# timeout: 7200
export FVE_SUITE=trixie
# shellcheck source=tests/boot/lib.sh
. "$(dirname "$0")/lib.sh"

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

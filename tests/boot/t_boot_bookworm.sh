#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a Debian 12 root opens itself by the TPM and is capped; changed, it asks; in disorder its shell has nothing open
# kernels: 6.1
# timeout: 7200
# may-skip: what is built on a Debian 13 does not run on a Debian 12
#
# A sample: make boot-tests runs the others on a Debian 12 as well.
export FVE_SUITE=bookworm
# shellcheck source=tests/vm/apt.sh
. "$(dirname "$0")/../vm/apt.sh"
[ "$(own_suite)" = bookworm ] || { echo "SKIP: this is no Debian 12"; exit 77; }
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
reported "system bookworm 6.1."
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

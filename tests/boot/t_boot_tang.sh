#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a root with tpm2-net opens by a Tang server before anybody answers; without network somebody is asked at once
# by-hand: an installation of its own and two boots, fifteen minutes, in make boot-tests
# timeout: 7200
installation=--network
. "$(dirname "$0")/lib.sh"

own_disk
for kind in tpm2 tpm2-pin; do
	remove "$kind"
done

echo "--- the network that it knows: nobody answers"
script "
journalctl -b -u fve-unlock --no-pager -o cat
systemctl is-system-running || systemctl list-units --failed --no-pager
findmnt -no SOURCE /
fvesetup open --test --protector tpm2-net /dev/vda 2>&1 || true
"
boot 0 --tang "$inst/tang" --script "$TMP/script"
reported "root (/dev/vda) opened by protector tpm2-net"
reported "opened by protector auto"
reported "/dev/mapper/root"
reported "(capped)"
[ "$(unseals)" = 1 ] || fail "$(unseals) unseals instead of 1"

echo "--- no network at all: the question, and the TPM is capped"
boot 0 --script "$TMP/script" "$asked" "type=$pass"
reported "root (/dev/vda) opened by protector passphrase"
reported "(capped)"

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a used recovery password is replaced; reseal=auto approves the boot that a person opened; the root's mapping is gone at shutdown
# by-hand: three boots, two of them with passwords to derive; ten minutes, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

own_disk
echo "=== a recovery password that was used; the shutdown goes back to the initramfs"
script "
systemd-run --quiet --property=After=fve-finish.service true
journalctl -b -u fve-finish --no-pager -o cat
cat /root/recovery/*
echo
sed -i 's/new-recovery/reseal=auto,new-recovery/' /etc/fvetab
sync
echo status 0
systemctl poweroff
sleep 900
"
boot 0 --append "$cmdline tampered" --script "$TMP/script" "expect=(pcr-mismatch)" "$asked" "type=$recovery"
reported "is replaced; the new one is in /root/recovery/root-"
reported "fvesetup tpm approve /dev/vda"
not_said "Failed to finalize"
not_said "Unable to finalize" # Debian 13's words for it
new=$(grep -oE '[0-9]{6}(-[0-9]{6}){7}' "$TMP/out" | head -n 1)
[ "$new" != "$recovery" ] || fail "the recovery password is the old one"
"$fvesetup" open --test --protector recovery --key-file - "$TMP/disk" <<<"$new" || fail "the new one does not open"
! "$fvesetup" open --test --protector recovery --key-file - "$TMP/disk" <<<"$recovery" ||
	fail "the used recovery password opens"

echo "=== leave to approve what a person opened"
script "
systemd-run --quiet --property=After=fve-finish.service true
journalctl -b -u fve-finish --no-pager -o cat
"
boot 0 --append "$cmdline tampered" --script "$TMP/script" "expect=(pcr-mismatch)" "$asked" "type=$pass"
reported "it is approved now"
not_said "Failed to start"

echo "=== and it opens by itself"
script "journalctl -b -u fve-unlock --no-pager -o cat"
boot 0 --append "$cmdline tampered" --script "$TMP/script"
not_said "assphrase"
reported "opened by protector tpm2"

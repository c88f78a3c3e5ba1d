#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a startup key on another disk opens; without that disk somebody is asked, in its time
# by-hand: two boots, four minutes, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

own_disk
for kind in tpm2 tpm2-pin; do
	remove "$kind"
done
truncate -s 8M "$TMP/usb"
mformat -i "$TMP/usb" -v FVEKEY ::
mcopy -i "$TMP/usb" "$inst/startup.key" ::fve.key
script "journalctl -b -u fve-unlock --no-pager -o cat; findmnt /run/fve/key || true"
boot 0 --disk "$TMP/usb,read-only=on" --script "$TMP/script"
not_said "assphrase"
reported "opened by protector startup-key"
! grep -q "/run/fve/key" "$TMP/out" || fail "the stick is still mounted"

boot 126 "expect=FVEKEY, is not there after 5 s" "$asked" monitor=quit

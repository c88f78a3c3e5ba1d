#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: without the cap root in the booted system gets the key out of the TPM: the tests can fail
# by-hand: one boot and an initramfs, four minutes or more, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

FVESETUP=$BUILD/fault/fvesetup-uncapped "$here/initramfs" "$inst/tree" \
	"$(basename "$inst"/tree/usr/lib/modules/*)" "$TMP/initrd"
script "
set -e
fvesetup protector add --key-file /root/pass /dev/vda tpm2
set +e
$(attempt)
"
# These units would run the real fvesetup of the root file system.
boot 0 --initrd "$TMP/initrd" --append "$cmdline systemd.mask=fve-cap.service systemd.mask=fve-unlock.service" \
	--script "$TMP/script" "$asked" "type=$pass"
reported "unseal 0"

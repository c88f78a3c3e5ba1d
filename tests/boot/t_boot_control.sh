#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: without the cap, the identity and the lock the attacks work: the tests of them can fail
# by-hand: four boots and two initramfses, eight minutes or more, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

cmdline+=" $force"
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

# With the rules of docs/threat-model.md off the attacks of t_boot_strangers work: without them those
# tests would show nothing. The TPM is told of this initramfs, as it is of the real one there, and the
# thief approves it for his volume as well.
echo "=== no identity, no lock: enrolment"
FVESETUP=$BUILD/fault/fvesetup-trusting "$here/initramfs" "$inst/tree" \
	"$(basename "$inst"/tree/usr/lib/modules/*)" "$TMP/initrd"
own_disk
{ head -c 1M /dev/zero && cat "$inst/thief"; } >"$TMP/hidden"
script "
set -e
fvesetup tpm approve --key-file /root/pass --protector passphrase /dev/vda
printf \"the thief's\" >/run/thief
FVE_STATE=/run/thief.state fvesetup tpm approve --key-file /run/thief --protector passphrase \
	\$(losetup --offset 1M --find --show /dev/vdd)
"
disks=(--disk "$TMP/disk" "${others[@]}" --disk "$TMP/hidden")
boot 0 --initrd "$TMP/initrd" --script "$TMP/script" "$asked" "type=$pass"
dd if="$TMP/hidden" of="$TMP/thief" bs=1M skip=1 status=none

echo "=== noise: a shell beside open data"
head -c 4096 /dev/urandom | dd of="$TMP/disk" bs=4096 seek=4097 conv=notrunc status=none
disks=(--disk "$TMP/disk,snapshot=on" "${others[@]}")
boot 0 --initrd "$TMP/initrd" "${shell[@]}" "$(look_typed)"
reported "a shell"
grep -qE "^root: [0-9]+ [0-9]+ fve " "$TMP/out" || fail "the root is not open beside the shell"
grep -qE "^read /dev/mapper/root ext4$" "$TMP/out" || fail "nothing could be read"

echo "=== the thief's volume: his root runs"
disks=(--disk "$TMP/thief,snapshot=on" "${others[@]}")
boot 0 --initrd "$TMP/initrd"
thief_ran

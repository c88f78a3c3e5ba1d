#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: systemd-gpt-auto-generator asks nobody for a volume of the table that lies in a partition of its types
# by-hand: one boot, two minutes, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

# The root, and a volume called home in a partition of the type "home" (systemd's Discoverable
# Partitions Specification).
truncate -s 500M "$TMP/gpt"
sfdisk -q "$TMP/gpt" <<-END
	label: gpt
	start=1MiB, size=450MiB
	start=451MiB, size=40MiB, type=933AC7E1-2EB4-4F13-B844-0E14E2AEF915
END
dd if="$inst/disk" of="$TMP/gpt" bs=1M seek=1 conv=notrunc,sparse status=none
dd if="$inst/data" of="$TMP/gpt" bs=1M seek=451 conv=notrunc,sparse status=none
disks=(--disk "$TMP/gpt" "${others[@]:2}")
script "
journalctl -b -u fve-unlock --no-pager -o cat
systemctl show systemd-cryptsetup@home.service -p FragmentPath -p ExecStart -p ActiveState
findmnt -no SOURCE /home
"
boot 0 --script "$TMP/script"
not_said "assphrase"
reported "root (/dev/vda1) opened by protector tpm2"
reported "FragmentPath=/run/systemd/generator.late/systemd-cryptsetup@home.service"
reported "/bin/true"
reported "/dev/mapper/home"

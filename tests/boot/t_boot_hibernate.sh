#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a machine hibernates to swap on the target, resumes from it, and is capped then too
# by-hand: two boots, five minutes, in make boot-tests
# timeout: 7200
. "$(dirname "$0")/lib.sh"

own_disk
cp --sparse=always "$inst/swap" "$TMP/swap"
disks=(--disk "$TMP/disk" --disk "$TMP/swap" "${others[@]:0:2}")
script "
set -e
mkswap /dev/mapper/swap
swapon /dev/mapper/swap
echo \"before \$(cat /proc/sys/kernel/random/boot_id)\"
cat /proc/sys/kernel/random/boot_id >/run/boot_id
sync
cat /sys/class/block/\$(basename \$(realpath /dev/mapper/swap))/dev >/sys/power/resume
echo platform >/sys/power/disk 2>/dev/null || true
echo disk >/sys/power/state
# From here on it is the other boot of the machine.
cmp /run/boot_id /proc/sys/kernel/random/boot_id && echo resumed
set +e
$(attempt)
"
resume="$cmdline resume=/dev/mapper/swap"
boot 126 --memory 512 --append "$resume" --script "$TMP/script" "$asked" "type=$pass"
reported before
boot 0 --memory 512 --append "$resume" --script "$TMP/script" "$asked" "type=$pass"
reported resumed
reported "unseal 2"
reported "PCR 15 (cap after unlock)"

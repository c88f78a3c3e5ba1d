#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: with the TPM alone nobody gets a shell beside open data, nor his own root: noise, and a volume of his
# kernels: 6.1
# timeout: 3600
#
# All attacks by make boot-tests; make check has one boot of each kind.
. "$(dirname "$0")/lib.sh"

# How a machine ends that finds its root in disorder: a shell, or none. Both are looked at.
in_shell=("expect=Press Enter for maintenance" "type=" "expect=# " "$(look_typed)")

# noise BYTE [COUNT]: where the disk has noise, in bytes of the file system; 4 KiB from there on.
noise() {
	head -c 4096 /dev/urandom |
		dd of="$TMP/disk" bs=4096 seek=$((4096 + $1 / 4096)) conv=notrunc status=none
}

echo "=== noise in the group descriptors: fsck fails"
own_disk
noise 4096
boot 0 "${in_shell[@]}"
said "root (/dev/vda) opened by protector tpm2"
said "is locked again: nobody had typed a secret"
reported_locked

echo "=== a volume of the thief's in the root's place: his UUID, his tpm2, this very boot"
disks=(--disk "$inst/thief,snapshot=on" "${others[@]}")
boot 0 "expect=(not-ours)" "expect=NOT the volume that this machine had!" "type=wrong" \
	"$asked" type=wrong "$asked" type=wrong "${in_shell[@]}"
not_said "home (/dev/vdb) opened"
not_said "swap (/dev/vdc) opened"
no_thief
reported_locked

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: with the TPM alone nobody gets a shell beside open data, nor his own root: noise, and a volume of his
# kernels: 6.1
# timeout: 3600
#
# All attacks by make boot-tests; make check has one boot of each kind.
. "$(dirname "$0")/lib.sh"

echo "=== noise in the group descriptors: fsck fails"
own_disk
noise 4096
ends_locked
said "root (/dev/vda) opened by protector tpm2"
said "is locked again: nobody had typed a secret"

echo "=== a volume of the thief's in the root's place: his UUID, his tpm2, this very boot"
disks=(--disk "$inst/thief,snapshot=on" "${others[@]}")
not_his="expect=NOT the volume that this machine had!"
ends_locked "expect=(not-ours)" "$not_his" type=wrong "$not_his" type=wrong "$not_his" type=wrong
not_said "home (/dev/vdb) opened"
not_said "swap (/dev/vdc) opened"
no_thief

[ -n "${FVE_BOOT_ALL-}" ] || exit 0 # t_fvesetup_forged has this one in make check

echo "=== a header whose keyslots hold the thief's key in clear, over his own root"
own_disk
"$here/thief" "$TMP/thief.ext4" "$(cat "$inst/fs-uuid")"
"$BUILD/tools/null_cipher" "$TMP/disk" --fill "$TMP/thief.ext4" >/dev/null
ends_locked "expect=no protector of /dev/vda opened it"
said "(keyslot-unsafe)"
not_said "opened by protector"
no_thief

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: whoever gets a shell finds the TPM capped and nothing open: no answer, rd.break, noise, a mount that fails
# timeout: 7200
#
# All by make boot-tests, nine boots; make check has three.
. "$(dirname "$0")/lib.sh"

# unattended WORD STEP...: the root opens itself, and somebody is there when the shell comes.
unattended() {
	echo "=== $1, approved"
	boot 0 --append "$cmdline $1 $force" "${shell[@]}" "$(look_typed)"
	said "root (/dev/vda) opened by protector tpm2"
	reported_locked
}

echo "=== rd.break with the root open by itself"
also="echo '/dev/vdz /srv ext4 x-systemd.device-timeout=5 0 2' | tee -a /etc/fstab" \
	approved "$cmdline rd.break=pre-pivot $force" "$asked" "type=$pass" "${shell[@]}" "key=d"
unattended rd.break=pre-pivot

# Debian's root has no password here. The same with one: t_fvesetup_lock.
echo "=== a mount of fstab fails in the booted system: locked, and started again"
boot 126
said "root (/dev/vda) opened by protector tpm2"
said "Nobody has typed a secret in this boot"
for volume in home root swap; do
	said "$volume is locked again"
done
not_said "could not be locked"
not_said "still be in memory"

[ -n "${FVE_BOOT_ALL-}" ] || exit 0 # the rest by make boot-tests

shells_for_all

echo "=== no PIN, and wrong answers to the question after it"
own_disk
remove tpm2
boot 0 "expect=PIN of /dev/vda" "type=" "${wrong[@]}" "${shell[@]}" \
	"type=(echo 123456 >/pin; fvesetup open --test --protector tpm2-pin --pin-file /pin /dev/vda; echo unseal \$?) >/dev/ttyS1 2>&1; echo status 0 >/dev/ttyS1; $off"
reported "(capped)"
reported "unseal 2"

echo "=== rd.break before anything is unlocked"
disks=(--disk "$base,snapshot=on" "${others[@]}")
boot 0 --append "$cmdline rd.break=pre-trigger" "${shell[@]}" "$(pcr15_typed)"
reported_capped

echo "=== rd.break after a person opened the root: it is his"
boot 0 --append "$cmdline rd.break=pre-mount" "$asked" "type=$pass" "${shell[@]}" \
	"$(attempt_typed)"
reported "PCR 15 (cap after unlock)"
reported "unseal 2"

echo "=== systemd's emergency target, which the command line asks for"
boot 0 --append "$cmdline rd.systemd.unit=emergency.target" "${shell[@]}" "$(look_typed)"
reported_locked

echo "=== what opened by itself is locked; with a secret it opens again, in that shell"
own_disk
noise 4096
boot 0 "${shell[@]}" "type=fvesetup boot-unlock" "$asked" "type=$pass" "expect=# " \
	"type=dmsetup table >/dev/ttyS1; echo status 0 >/dev/ttyS1; $off"
reported "root: 0 "

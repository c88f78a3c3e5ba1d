#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a device that is read-only, in use, mounted or suspended is not changed, nor waited for: one line says why, for every command that writes
# runs: uml qemu
# group: vm fvesetup
# kernels: 6.12
# disks: 64M 64M 64M
. "$TESTS/vm/lib.sh"

printf 'correct horse' >pass
cheap=(--iter-time 1 --pbkdf-memory 32)
pass=(-q --key-file pass)
fvesetup format "${cheap[@]}" --recovery-file rec "${pass[@]}" /dev/vda
fvesetup header backup /dev/vda backup
id=$(fvesetup protector list /dev/vda | awk '$2 == "recovery" { print $1 }')
none=(--tpm device:/nonexistent)

# Every command that writes to the volume; DEV is its device.
writers=("format ${cheap[*]} --no-recovery ${pass[*]} DEV" "protector add ${pass[*]} --recovery-file new DEV recovery"
	"protector remove ${pass[*]} DEV $id" "protector change ${pass[*]} --recovery-file new DEV $id"
	"rotate vmk ${pass[*]} DEV" "rotate recovery ${pass[*]} --recovery-file new DEV"
	"header accept ${pass[*]} DEV" "header restore -q DEV backup" "release ${none[*]} ${pass[*]} DEV" "erase ${none[*]} -q DEV")
# refused DEVICE STATUS TEXT COMMAND...
refused() {
	local device=$1 wanted=$2 text=$3 got=0 before
	shift 3
	before=$(sha256sum </dev/vda)
	timeout 60 fvesetup "${@//DEV/$device}" >out 2>&1 </dev/null || got=$?
	cat out
	assert_eq "$got" "$wanted" "exit status of $*"
	assert_match "$(cat out)" "$text" "what $* said"
	assert_eq "$(grep -c . out)" 1 "lines that $* said"
	assert_eq "$(sha256sum </dev/vda)" "$before" "the device after $*"
	[ ! -e new ] || fail "a new secret was written"
}

step "read-only: no command writes"
blockdev --setro /dev/vda
for command in "${writers[@]}"; do
	# shellcheck disable=SC2086 # words
	refused /dev/vda 4 '/dev/vda is read-only' $command
done
blockdev --setrw /dev/vda

step "in use by a mapping of another's, by a mirror, and by a mount: it is not made anew, erased or mapped"
dmsetup create other --table "0 $(sectors /dev/vda) linear /dev/vda 0"
refused /dev/vda 5 'in use' format "${cheap[@]}" --no-recovery "${pass[@]}" DEV
refused /dev/vda 5 'in use' erase "${none[@]}" -q DEV
refused /dev/vda 5 'in use' open --key-file pass DEV data
dmsetup remove other
modprobe raid1
dd if=/dev/vda of=/dev/vdb bs=1M oflag=direct status=none
mdadm --create /dev/md0 --quiet --run --level 1 --metadata 1.0 --assume-clean --raid-devices 2 /dev/vdb /dev/vdc
before=$(sha256sum </dev/vdb)
assert_status 5 fvesetup format "${cheap[@]}" --no-recovery "${pass[@]}" /dev/vdb
assert_status 5 fvesetup erase "${none[@]}" -q /dev/vdb
assert_eq "$(sha256sum </dev/vdb)" "$before" "the half of a mirror"
mdadm --stop /dev/md0 --quiet

step "a mapping whose file system is mounted: what would take the volume away is refused, the file system lives"
fvesetup format "${cheap[@]}" --no-recovery "${pass[@]}" /dev/vdc
fvesetup header backup /dev/vdc foreign
fvesetup open --key-file pass /dev/vda data
mkfs.ext4 -q -O ^has_journal -E lazy_itable_init=0 /dev/mapper/data
mount /dev/mapper/data /mnt
head -c 1M /dev/urandom >/mnt/file
sum=$(sha256sum </mnt/file)
sync
for command in "format ${cheap[*]} --no-recovery ${pass[*]} DEV" "erase ${none[*]} -q DEV" "header restore --force -q DEV foreign" \
	"open --key-file pass DEV again"; do
	# shellcheck disable=SC2086 # words
	refused /dev/vda 5 'in use|is open' $command
done
refused /dev/mapper/data 5 'in use' format "${cheap[@]}" --no-recovery "${pass[@]}" DEV
refused /dev/mapper/data 4 'is not a LUKS2 volume' erase "${none[@]}" -q DEV
refused /dev/mapper/data 4 'is not a LUKS2 volume' adopt "${pass[@]}" DEV
refused /dev/vda 5 'in use: unmount' close data
assert_status 5 fvesetup adopt "${pass[@]}" /dev/vda
mkdir two
mount --bind /mnt two
umount /mnt
refused /dev/vda 5 'in use: unmount' close data
mount --bind two /mnt
umount two
fvesetup protector add "${pass[@]}" --recovery-file new /dev/vda recovery
fvesetup header verify "${pass[@]}" /dev/vda
assert_eq "$(sha256sum </mnt/file)" "$sum" "a file of the mounted file system"
umount /mnt
fvesetup close data
fvesetup open --key-file new /dev/vda data
e2fsck -fn /dev/mapper/data
fvesetup close data
rm new

step "its keyslots erased by a stock tool while it is open: status says that nothing opens it again, and a backup helps"
fvesetup header backup /dev/vda now
fvesetup open --key-file pass /dev/vda data
cryptsetup luksErase -q /dev/vda
assert_match "$(fvesetup status data | head -n 1)" '^Protection: +None: no protector is left' "status"
assert_match "$(fvesetup status data)" 'cipher: .* 512-bit key in the kernel' "status"
assert_match "$(fvesetup status --json data)" '"protection": *"none"' "status"
fvesetup header restore -q /dev/vda now
assert_match "$(fvesetup status data | head -n 1)" '^Protection: +On' "status"
e2fsck -fn /dev/mapper/data
fvesetup close data

step "a plain file system that is mounted, and swap in use: not made a volume"
mkfs.ext4 -q /dev/vdb
mount /dev/vdb /mnt
mkswap -q /dev/vdc
swapon /dev/vdc
for device in /dev/vdb /dev/vdc; do
	assert_status 5 fvesetup format "${cheap[@]}" --no-recovery "${pass[@]}" "$device"
done
swapoff /dev/vdc
umount /mnt
assert_eq "$(blkid -p -o value -s TYPE /dev/vdb) $(blkid -p -o value -s TYPE /dev/vdc)" 'ext4 swap' "what they are"

step "suspended: nothing waits for it"
dmsetup create other --table "0 $(sectors /dev/vda) linear /dev/vda 0"
dmsetup suspend other
for command in "${writers[@]}" "open --test --key-file pass DEV" "dump DEV" "protector list DEV"; do
	got=0
	# shellcheck disable=SC2086 # words
	timeout -s KILL 20 fvesetup ${command//DEV//dev/mapper/other} >out 2>&1 </dev/null || got=$?
	cat out
	assert_eq "$got" 5 "exit status of $command"
	assert_match "$(cat out)" 'other is suspended.*dmsetup resume' "what $command said"
done
timeout 20 fvesetup list
dmsetup resume other
fvesetup open --test --key-file pass /dev/mapper/other
dmsetup remove other

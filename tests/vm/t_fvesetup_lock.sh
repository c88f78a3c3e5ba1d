#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: what opened by itself is locked before a shell, busy or not, and no other root takes over; what a person opened stays
# runs: uml qemu
# group: vm fvesetup boot
# kernels: 6.1
# disks: 64M 64M 64M 64M
. "$TESTS/vm/lib.sh"

printf 'correct horse' >pass
cheap=(--iter-time 1 --pbkdf-memory 32)
for disk in /dev/vda /dev/vdb; do
	fvesetup format -q "${cheap[@]}" --key-file pass --no-recovery $disk
done
add() {
	fvesetup protector add --key-file pass "$@"
}
add --force /dev/vda auto,file=/root/self
add --other-key-file pass /dev/vdb auto,volume=/dev/vda
printf 'root /dev/vda - initrd\nhome /dev/vdb - initrd,nofail\n' >table
fvesetup boot-table --fvetab table >fvetab
: >cmdline
boot=(--in-initrd --fvetab fvetab --kernel-cmdline cmdline)

# new_boot: as /run is then.
new_boot() {
	for name in home root; do
		! dmsetup info $name >/dev/null 2>&1 || fvesetup close $name
	done
	rm -rf /run/fve
}

unlock() {
	fvesetup boot-unlock "${boot[@]}" "$@"
}

# is_locked [BUSY]: nothing is read; a mapping that something still has open stays, without its key.
is_locked() {
	for name in root home; do
		[ "${1-}" = $name ] || ! dmsetup info $name >/dev/null 2>&1 || fail "$name is still there"
		assert_fails dd if=/dev/mapper/$name of=/dev/null bs=4k count=1 iflag=direct status=none
	done
}

# A root file system that could start: any program will do.
make_root() {
	mkfs.ext4 -q "$1"
	mount "$1" /mnt
	mkdir -p /mnt/sbin
	cp /bin/busybox /mnt/sbin/init
	echo "the owner's diary" >/mnt/diary
	umount /mnt
}

step "opened by machines: a root in which nothing is known ends in the shell, not in waiting"
new_boot
assert_status 4 unlock 2>out
assert_match "$(cat out)" "nothing that is known lies in it" "why not"
fvesetup boot-lock "${boot[@]}"
is_locked
new_boot
fvesetup open /dev/vda root </dev/null
mkfs.ext4 -q /dev/mapper/root
fvesetup close root

step "opened by machines: root and home; the root takes over"
unlock
make_root /dev/mapper/root
mkfs.ext4 -q /dev/mapper/home
mount /dev/mapper/root /mnt
fvesetup boot-switch "${boot[@]}" /mnt

step "a home of a stranger's below it: all is locked, though it is in use"
mkfs.ext4 -q /dev/vdc
mkdir /mnt/home
mount /dev/vdc /mnt/home
exec 9</mnt/diary
assert_status 2 fvesetup boot-switch "${boot[@]}" /mnt
is_locked root
[ ! -e /mnt/diary ] || fail "the owner's file is still there"
exec 9<&-
is_locked
umount /mnt/home 2>/dev/null || true

step "and by itself nothing opens again, but with a secret"
assert_status 2 unlock </dev/null
! dmsetup info root >/dev/null 2>&1 || fail "a machine's protector opened it after the lock"
unlock --key-file pass
dmsetup table root | grep -q ' fve '
fvesetup boot-lock "${boot[@]}"
dmsetup table root | grep -q ' fve ' || fail "what a person opened was locked"
mount /dev/vdc /mnt
fvesetup boot-switch "${boot[@]}" /mnt
umount /mnt

step "a plain disk in the root's place, and one without init"
new_boot
unlock
mount /dev/vdc /mnt
assert_status 2 fvesetup boot-switch "${boot[@]}" /mnt
is_locked
umount /mnt
new_boot
unlock
mount /dev/mapper/root /mnt
mv /mnt/sbin/init /mnt/sbin/other
printf '#!/lib/no/such/interpreter\n' >/mnt/sbin/init
chmod 755 /mnt/sbin/init
assert_status 2 fvesetup boot-switch "${boot[@]}" /mnt 2>out
assert_match "$(cat out)" "no /sbin/init that starts: No such file" "what is wrong"
is_locked
umount /mnt 2>/dev/null || true
new_boot
unlock
mount /dev/mapper/root /mnt
mv /mnt/sbin/other /mnt/sbin/init
umount /mnt

step "what stands on it: a mapping; and a mirror, of which one half is a stranger's"
new_boot
unlock
dmsetup create lv --table "0 $(sectors /dev/mapper/root) linear /dev/mapper/root 0"
mount /dev/mapper/lv /mnt
fvesetup boot-switch "${boot[@]}" /mnt
fvesetup boot-lock "${boot[@]}"
is_locked
! dmsetup info lv >/dev/null 2>&1 || fail "the mapping on it is left"
umount /mnt 2>/dev/null || true
new_boot
unlock
need_module raid1
mdadm --create /dev/md7 --run --assume-clean --metadata=1.2 --level=1 --raid-devices=2 /dev/mapper/home /dev/vdd
make_root /dev/md7
mount /dev/md7 /mnt
assert_status 2 fvesetup boot-switch "${boot[@]}" /mnt
is_locked home
umount /mnt 2>/dev/null || true
mdadm --stop /dev/md7
new_boot

step "a shell while boot-unlock is at work: it maps nothing any more"
unlock
fvesetup boot-lock "${boot[@]}"
rm -rf /run/fve/boot
assert_status 2 unlock </dev/null
is_locked

step "dm-crypt in the target's place is locked as well"
new_boot
sed 's/initrd/initrd,target=crypt/' fvetab >crypt
fvesetup boot-unlock --in-initrd --fvetab crypt --kernel-cmdline cmdline
dmsetup table root | grep -q ' crypt '
fvesetup boot-lock --in-initrd --fvetab crypt --kernel-cmdline cmdline
is_locked

step "resume: from what this boot opened, and from nothing else"
new_boot
unlock
echo "resume=/dev/vdc" >resume
assert_status 2 fvesetup boot-resume --in-initrd --fvetab fvetab --kernel-cmdline resume 2>out
assert_match "$(cat out)" "not-ours" "why not"
fvesetup boot-resume "${boot[@]}" /dev/mapper/home
dmsetup table root | grep -q ' fve ' || fail "a resume that was refused locks"

step "in the booted system root's password decides"
# shellcheck disable=SC2016 # a hash
printf 'root:$6$abcdefgh$abcdefghijklmnop:19000:0:99999:7:::\n' >shadow
[ -e /etc/shadow ] || : >/etc/shadow
mount --bind shadow /etc/shadow
fvesetup boot-lock --fvetab fvetab --kernel-cmdline cmdline
dmsetup table root | grep -q ' fve ' || fail "volumes were locked although sulogin asks"
umount /etc/shadow
new_boot

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: tenants stacked on an open volume; a policy's withdrawal ends I/O to its tenants, and no other tenant sees it
# runs: uml qemu
# group: vm fvesetup services
# kernels: 6.1
# disks: 2G
# vm: --memory 1024 --tpm --timeout 2400
# vm: --include /usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so:/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so
# vm: --include /usr/bin/softhsm2-util:/usr/bin/softhsm2-util
# vm: --include /usr/bin/pkcs11-tool:/usr/bin/pkcs11-tool
# vm: --include build/fve-provider-pkcs11:/usr/lib/fve/fve-provider-pkcs11
#
# FVE_TENANTS: how many (4), under FVE_POLICIES (2) policies; the figure is 64 under 8.
. "$TESTS/vm/lib.sh"

tenants=${FVE_TENANTS:-4} policies=${FVE_POLICIES:-2}
[ "$tenants" -gt "$policies" ] || fail "no tenant but the first would be of its policy"
module=/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so
export SOFTHSM2_CONF=/root/softhsm.conf
export FVE_ROOT_TIMEOUT=120 # seconds; an emulated machine at its limit is no outage

token() { # TOKEN: a token with the keys "first", of the policy that is withdrawn, and "rest"
	softhsm2-util --init-token --free --label "$1" --so-pin 5678 --pin 1234 >/dev/null
	for key in first rest; do
		pkcs11-tool --module "$module" --token-label "$1" --login --pin 1234 --keypairgen \
			--key-type rsa:3072 --label "$key" --usage-decrypt >/dev/null 2>&1
		token_key "$module" "$1" 1234 "$key" keep
	done
}
uri() { # TOKEN KEY
	echo "pkcs11:token=$1;object=$2?module-path=$module&pin-source=file:/root/pin"
}
withdraw() { # on|off
	for token in a b; do
		token_key "$module" "$token" 1234 first "$1"
	done
}
# The policy of tenant $1, from 1 on.
policy_of() {
	echo "p$((($1 - 1) % policies + 1))"
}

modprobe loop
step "two tokens, and a first layer"
mkdir -p /root/tokens /srv
echo "directories.tokendir = /root/tokens" >"$SOFTHSM2_CONF"
(umask 077 && printf 1234 >/root/pin)
token a
token b
printf 'correct horse' >pass
fvesetup format -q --iter-time 1 --pbkdf-memory 32 --key-file pass --no-recovery /dev/vda
fvesetup open --key-file pass /dev/vda first
mkfs.ext4 -q /dev/mapper/first
mount /dev/mapper/first /srv
export FVE_STATE=/srv/state

step "$policies policies, $tenants tenants"
for ((i = 1; i <= policies; i++)); do
	key=rest
	[ "$i" -ne 1 ] || key=first
	fvesetup policy create "p$i" --plain --root-a "$(uri a $key)" --root-b "$(uri b $key)" \
		--availability-key "/root/custodian.$i" --on-revocation lock </dev/null
done
for ((i = 1; i <= tenants; i++)); do
	fvesetup tenant create "t$i" "/srv/t$i.img" --policy "$(policy_of "$i")" --size 20M
	fvesetup tenant open "t$i"
done
assert_eq "$(fvesetup tenant list | grep -c ' open ')" "$tenants" "open tenants"
fvesetup status t1
mkdir /mnt/first /mnt/second
mkfs.ext4 -q /dev/mapper/t1
mount /dev/mapper/t1 /mnt/first
echo "TENANT SECRET" >/mnt/first/marker
sync
! grep -qa "TENANT SECRET" /srv/t1.img || fail "the marker is in the tenant's file"

step "withdrawn: every tenant of the policy ends, in the middle of I/O"
# load NAME TENANT...: I/O to all of these, each a job of its own. As much in all as the guest can do
# beside other things, and until it is told to end. Sets load.
load() {
	local name=$1 i
	shift
	{
		printf '%s\n' '[global]' thread direct=1 ioengine=psync rw=randrw bs=4k size=2m verify=crc32c \
			verify_backlog=16 verify_fatal=1 rate_iops=$((200 / tenants + 2)) time_based runtime=3600
		for i; do
			printf '%s\n' "[t$i]" "filename=/dev/mapper/t$i"
		done
	} >"/root/$name.jobs"
	fio "/root/$name.jobs" >"/root/$name.fio" 2>&1 &
	load=$!
}
withdrawn=() others=() # tenants under load; t1 has a file system
for ((i = 2; i <= tenants; i++)); do
	if [ "$(policy_of "$i")" = p1 ]; then
		withdrawn+=("$i")
	else
		others+=("$i")
	fi
done
load withdrawn "${withdrawn[@]}"
load_withdrawn=$load
load others "${others[@]}"
load_others=$load
# All of them are at it.
for ((i = 2; i <= tenants; i++)); do
	until dmsetup status "t$i" | grep -q ' writes=[1-9]'; do
		sleep 0.1
	done
done
withdraw off
assert_status 2 fvesetup policy check p1
assert_fails wait $load_withdrawn
for i in "${withdrawn[@]}"; do
	assert_match "$(cat /root/withdrawn.fio)" "^t$i: .*err= 5 " "a tenant of the withdrawn policy"
done
kill -INT $load_others || fail "the I/O of other policies has ended: $(cat /root/others.fio)"
wait $load_others || true # fio ends with 128 then
for i in "${others[@]}"; do
	assert_match "$(cat /root/others.fio)" "^t$i: .*err= 0" "a tenant of another policy"
done
assert_no_match "$(cat /root/others.fio)" 'bad|error=' "tenants of other policies"
assert_fails cat /mnt/first/marker
! mountpoint -q /mnt/first || fail "t1 is still mounted"
assert_status 2 fvesetup tenant open t1
list=$(fvesetup tenant list)
for ((i = 1; i <= tenants; i++)); do
	wanted=open
	[ "$(policy_of "$i")" != p1 ] || wanted=closed
	assert_match "$list" "^t$i +$wanted " "tenant $i of $tenants"
done

step "permitted again"
withdraw on
fvesetup policy resume p1
fvesetup tenant open t1
mount /dev/mapper/t1 /mnt/first
assert_eq "$(cat /mnt/first/marker)" "TENANT SECRET" "the marker"
umount /mnt/first

step "revoked while somebody has one open"
exec 9</dev/mapper/t1
fvesetup policy revoke p1
assert_match "$(fvesetup tenant list)" "^t1 +revoked " "a tenant that is held open"
exec 9<&-
while dmsetup info t1 >/dev/null 2>&1; do
	sleep 0.1
done
assert_match "$(fvesetup tenant list)" "^t1 +closed " "a tenant that nobody holds"
for ((i = 1; i <= tenants; i++)); do
	[ "$(policy_of "$i")" != p1 ] || continue
	fvesetup tenant close "t$i"
done
assert_eq "$(fvesetup tenant list | grep -c ' open ')" 0 "open tenants"
assert_eq "$(losetup -a | wc -l)" 0 "loop devices"
umount /srv
fvesetup close first

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a header forged with null-cipher keyslots, which takes no key, is opened by no protector and maps nothing; the list and the proof of the volume key each stop it for the machine, and with neither it opens
# runs: uml qemu
# group: vm fvesetup tpm
# kernels: 6.1
# disks: 64M
# vm: --tpm
. "$TESTS/vm/lib.sh"

printf 'correct horse' >pass
printf 'anything at all' >typed
printf '13579246' >pin
truncate -s 8M evil
mkfs.ext4 -q -L evil evil
tpm2=pcrs=4+9,unsafe-pcrs
fvesetup format -q --iter-time 1 --pbkdf-memory 32 --protector passphrase --key-file pass \
	--protector "tpm2,$tpm2" --recovery-file rec /dev/vda
add() {
	fvesetup protector add --iter-time 1 --key-file pass "$@"
}
add --force /dev/vda auto,file=/root/auto
add --new-key-file pin /dev/vda "tpm2-pin,$tpm2"
add --new-key-file startup /dev/vda "tpm2-key,$tpm2"
add --new-key-file own /dev/vda startup-key
fvesetup protector disable --key-file pass /dev/vda

# Each way in, as options of open.
ways=('--protector tpm2' '--protector suspended' '--protector auto' '--protector tpm2-pin --pin-file pin'
	'--protector tpm2-key --startup-key-file startup' '--protector startup-key --startup-key-file own'
	'--key-file typed' '--key-file pass')
machines=5

# opens TOOL WAY: status of an open; what it maps must be the forger's.
opens() {
	local status=0
	# shellcheck disable=SC2086 # options
	"$1" open $2 /dev/vda data >out 2>&1 </dev/null || status=$?
	cat out
	if [ "$status" -eq 0 ]; then
		assert_eq "$(blkid -p -s LABEL -o value /dev/mapper/data)" "$wanted" "what $1 $2 mapped"
		fvesetup close data
	fi
	[ ! -e /dev/mapper/data ] || fail "$1 $2 left a mapping"
	return "$status"
}

step "the genuine one opens in each of these ways but by the wrong words"
wanted=genuine
fvesetup open --key-file pass /dev/vda data
mkfs.ext4 -q -L genuine /dev/mapper/data
fvesetup close data
for way in "${ways[@]}"; do
	status=0
	opens fvesetup "$way" || status=$?
	assert_eq "$status" "$([ "$way" = '--key-file typed' ] && echo 2 || echo 0)" "status of open $way"
done

step "forged, it opens in none"
wanted=evil
null_cipher /dev/vda --fill evil
for way in "${ways[@]}"; do
	assert_status 2 opens fvesetup "$way"
	assert_match "$(cat out)" '\(keyslot-unsafe\)' "what open $way said"
	assert_match "$(cat out)" 'cipher_null-ecb' "what open $way said"
done
assert_status 2 opens fvesetup ''
assert_eq "$(fvesetup protector list /dev/vda | tail -n +2 | grep -c -F '[keyslot-unsafe]')" 8 "bad health"

# The machine knows the volume's identity by now, which would stop all of this once more.
export FVE_STATE=/root/forgetful

step "without the list, the machine still wants its own keys proved; people do not know them"
for way in "${ways[@]:0:machines}"; do
	assert_status 2 opens fvesetup-unvetted "$way"
	assert_match "$(cat out)" '\(header-mac\)' "what open $way said"
done
opens fvesetup-unvetted '--key-file typed'
rm -rf "$FVE_STATE"

step "without either, the TPM opens the forger's file system for him"
for way in "${ways[@]:0:machines}"; do
	opens fvesetup-unproven "$way"
done

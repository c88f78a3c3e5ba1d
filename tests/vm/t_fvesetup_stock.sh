#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: stock cryptsetup maps a volume by each of people's secrets with the same data; list and status see open, suspended and closed volumes; a mapped LUKS2 volume is adopted
# suites: trixie
# runs: uml qemu
# group: vm fvesetup
# kernels: 6.1
# disks: 64M 64M
. "$TESTS/vm/lib.sh"

cheap=(--iter-time 1 --pbkdf-memory 32)
printf 'correct horse' >pass
printf 'old passphrase' >old

fvesetup format -q "${cheap[@]}" --key-file pass --protector passphrase --protector startup-key \
	--startup-key-file key --recovery-file rec --label mine /dev/vda
fvesetup open --key-file pass /dev/vda data
mkfs.ext4 -q /dev/mapper/data
udevadm settle # it has the volume open for a moment, which status counts
mount /dev/mapper/data /mnt
head -c 4M /dev/urandom >/mnt/file
sum=$(sha256sum </mnt/file)

step "list and status of an open volume"
json=$(fvesetup status --json data)
for text in '"state": ?"open"' '"engine": ?"(kapi|x86)' '"mac": ?"present"' '"kind": ?"startup-key"' \
	'"label": ?"mine"' '"name": ?"vda"' '"type": ?"fve"'; do
	assert_match "$json" "$text" "status --json"
done
# But for what the target counts, which goes on.
assert_eq "$(fvesetup status --json /dev/vda | grep -v '"status"')" "$(grep -v '"status"' <<<"$json")" \
	"status of the device"
assert_match "$(fvesetup status)" 'layers: +data \(fve\), vda \(disk\)' "status of all"
assert_match "$(fvesetup list)" '^/dev/vda +64\.0 MiB +[0-9a-f]{8} open +data +/mnt +mine' "list"
assert_match "$(fvesetup status data)" '^  mounted on: +/mnt' "status"
fvesetup suspend data
assert_match "$(timeout 60 fvesetup list)" '^/dev/vda +64\.0 MiB +[0-9a-f]{8} suspended +data +/mnt' "list"
assert_match "$(timeout 60 fvesetup status --json /dev/vda)" '"state": ?"suspended"' "status"
fvesetup resume --key-file pass data
assert_status 5 fvesetup erase -q /dev/vda
umount /mnt
fvesetup close data
assert_match "$(fvesetup list --json)" '"state": ?"closed"' "list --json"
assert_match "$(fvesetup status /dev/vda)" '/dev/vda is closed' "status"

step "who is not root is told what could not be seen"
setpriv --reuid 65534 --regid 65534 --clear-groups "$(command -v fvesetup)" list >out 2>&1
assert_match "$(cat out)" 'Which volumes are open only root can see' "list of anybody"
assert_match "$(cat out)" 'Some block devices may not be read' "list of anybody"
setpriv --reuid 65534 --regid 65534 --clear-groups "$(command -v fvesetup)" status >out 2>&1
assert_match "$(cat out)" 'only root can see' "status of anybody"

step "a volume that lost its subsystem is listed all the same, and a stock one is not"
cryptsetup config --label Data /dev/vda
cryptsetup luksFormat -q --key-size 512 --pbkdf-force-iterations 4 --pbkdf-memory 32 --key-file old /dev/vdb
assert_match "$(fvesetup list 2>&1)" '^/dev/vda .* closed .* Data$' "list"
assert_match "$(fvesetup list 2>&1)" 'has lost its subsystem' "list"
assert_no_match "$(fvesetup list 2>&1)" '^/dev/vdb' "list"
cryptsetup config --label mine --subsystem fve /dev/vda
assert_no_match "$(fvesetup list 2>&1)" 'has lost its subsystem' "list"

step "stock cryptsetup: recovery password, passphrase, startup key"
for secret in rec pass key; do
	cryptsetup open --readonly --key-file "$secret" /dev/vda stock
	mount -o ro /dev/mapper/stock /mnt
	assert_eq "$(sha256sum </mnt/file)" "$sum" "file by $secret"
	umount /mnt
	cryptsetup close stock
done

step "a volume of cryptsetup is adopted while it is mapped"
cryptsetup luksFormat -q --key-size 512 --pbkdf-force-iterations 4 --pbkdf-memory 32 --key-file old /dev/vdb
cryptsetup open --key-file old /dev/vdb stock
mkfs.ext4 -q /dev/mapper/stock
mount /dev/mapper/stock /mnt
echo "$sum" >/mnt/file
fvesetup adopt --key-file old /dev/vdb
sync
umount /mnt
cryptsetup close stock
fvesetup open --key-file old /dev/vdb data
mount /dev/mapper/data /mnt
assert_eq "$(cat /mnt/file)" "$sum" "file of an adopted volume"
umount /mnt
fvesetup close data

step "a flag that cryptsetup keeps in the header holds, where the header verifies"
cryptsetup open --allow-discards --perf-same_cpu_crypt --persistent --key-file old /dev/vdb stock
cryptsetup close stock
fvesetup open --key-file old /dev/vdb data 2>out
assert_no_match "$(dmsetup table data)" 'allow_discards' "table"
assert_match "$(cat out)" 'allow-discards .* has no effect' "what open said"
fvesetup close data
fvesetup header accept -q --key-file old /dev/vdb
fvesetup open --key-file old /dev/vdb data 2>out
assert_match "$(dmsetup table data)" ' allow_discards' "table"
assert_match "$(cat out)" 'only allow-discards has an effect' "what open said"
fvesetup close data

step "other flags that it keeps have no effect, and are named; a later one takes none of them along"
for flags in '--perf-no_read_workqueue --perf-no_write_workqueue' '--perf-submit_from_crypt_cpus'; do
	# shellcheck disable=SC2086 # words
	cryptsetup open $flags --persistent --key-file old /dev/vdb stock
	cryptsetup close stock
	fvesetup header accept -q --key-file old /dev/vdb
	fvesetup open --key-file old /dev/vdb data 2>out
	assert_no_match "$(dmsetup table data)" 'allow_discards|workqueue|crypt_cpus' "table"
	assert_match "$(cat out)" "$(sed -E 's/--perf-([a-z]*).*/\1/; s/_/-/g' <<<"$flags").* has no effect|only allow-discards" "what open said"
	fvesetup close data
done
cryptsetup open --allow-discards --persistent --key-file old /dev/vdb stock
cryptsetup close stock
fvesetup header accept -q --key-file old /dev/vdb
fvesetup open --key-file old /dev/vdb data 2>out
assert_match "$(dmsetup table data)" ' allow_discards' "table"
[ ! -s out ] || fail "a flag that holds is told of: $(cat out)"
fvesetup close data

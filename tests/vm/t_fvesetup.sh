#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: fvesetup drives the real target: format, open, status, close, refusals, stock dm-crypt reads it
# suites: trixie
# runs: qemu uml: Debian's own kernels
# group: vm smoke fvesetup
# disks: 64M 64M
. "$TESTS/vm/lib.sh"

cheap=(--iter-time 1 --pbkdf-memory 32)
printf 'correct horse' >pass

# make_volume DEVICE [OPTION...]: its recovery password goes to ./DEVICE.rec
make_volume() {
	rm -f "$(basename "$1").rec"
	fvesetup format -q "${cheap[@]}" --protector passphrase --key-file pass \
		--recovery-file "$(basename "$1").rec" "$@"
}

# refused STATUS TEXT COMMAND...: just this status and one line that says the text.
refused() {
	local wanted=$1 text=$2 got=0
	shift 2
	"$@" >out 2>&1 </dev/null || got=$?
	cat out
	assert_eq "$got" "$wanted" "exit status of $*"
	assert_match "$(cat out)" "$text" "what $* said"
	assert_eq "$(grep -c . out)" 1 "lines that $* said"
}

step "the module is loaded by fvesetup itself"
assert_eq "$(dmsetup targets | grep -c '^fve')" 0 "the target before"
make_volume /dev/vda
fvesetup open --key-file vda.rec /dev/vda data
assert_match "$(dmsetup targets)" '^fve +v1' "the target after"

step "what the mapping says of itself"
fvesetup status data
assert_match "$(dmsetup info -c --noheadings -o uuid data)" '^FVE-[0-9a-f]{32}-data$' "UUID"
table=$(dmsetup table --showkeys data)
assert_match "$table" '^0 98304 fve aes-xts-plain64 :64:logon:fve:[-0-9a-f]+:[0-9a-f]+ 0 [0-9:]+ 32768 1 sector_size:4096$' "table"
assert_match "$(dmsetup status data)" ' valid ' "status"
json=$(fvesetup status --json data)
assert_match "$json" '"sector_size":4096|"sector_size": 4096' "status --json"

step "the key is nowhere in the keyrings"
assert_no_match "$(cat /proc/keys)" 'fve:' "/proc/keys"

step "names and devices in use"
make_volume /dev/vdb --sector-size 512
refused 5 'name data is in use' fvesetup open --key-file pass /dev/vdb data
refused 5 'is in use' fvesetup open --key-file pass /dev/vda other
refused 5 'is in use' fvesetup format -q --key-file pass /dev/vda
refused 1 'cannot be the name' fvesetup open --key-file pass /dev/vda a/b

step "a file system on it"
mkfs.ext4 -q /dev/mapper/data
mount /dev/mapper/data /mnt
head -c 8M /dev/urandom >/mnt/file
sum=$(sha256sum </mnt/file)
refused 5 'in use: unmount' fvesetup close data
umount /mnt
fvesetup close data
[ ! -e /dev/mapper/data ] || fail "the mapping is still there"
refused 4 'no open volume' fvesetup close data

step "a name may have 127 characters"
for n in 91 92 127; do
	name=$(printf 'x%.0s' $(seq $n))
	fvesetup open --key-file vda.rec /dev/vda "$name"
	assert_match "$(fvesetup status "$name")" 'fve' "status of a name of $n characters"
	fvesetup close "$name"
done
refused 1 'cannot be the name' fvesetup open --key-file vda.rec /dev/vda "x$name"

step "stock dm-crypt reads it, and what it writes is read here"
cryptsetup open --key-file vda.rec /dev/vda stock
refused 4 'did not make' fvesetup close stock
mount /dev/mapper/stock /mnt
assert_eq "$(sha256sum </mnt/file)" "$sum" "file through dm-crypt"
cp /mnt/file /mnt/second
umount /mnt
cryptsetup close stock
fvesetup open --readonly --key-file pass /dev/vda data
mount -o ro /dev/mapper/data /mnt
assert_eq "$(sha256sum </mnt/second)" "$sum" "file written through dm-crypt"
umount /mnt
assert_fails dd if=/dev/zero of=/dev/mapper/data bs=4096 count=1 oflag=direct status=none
fvesetup close data

step "other sector sizes, discards"
fvesetup open --allow-discards --key-file pass /dev/vdb data
assert_match "$(dmsetup table data)" ' 1 allow_discards$' "table with 512-byte sectors"
assert_eq "$(blockdev --getss /dev/mapper/data)" 512 "logical sector size"
blkdiscard /dev/mapper/data
fvesetup close data

step "secrets that do not fit leave nothing behind"
refused 2 'secret-wrong' fvesetup open --key-file /etc/hostname /dev/vda data
refused 2 'no secret' fvesetup open /dev/vda data
[ ! -e /dev/mapper/data ] || fail "a mapping was left"

step "paths that a table could not have: with a blank, a line end, signs of printf, very long"
ln -s /dev/vda "a b"
deep=$PWD/$(printf 'd%.0s' {1..200})/$(printf 'e%.0s' {1..200})
mkdir -p "$deep"
ln -s "$PWD/a b" $'line\nend'
ln -s /dev/vda "$deep/vda"
ln -s "$deep/vda" "a\\040%s"
for path in "a b" $'line\nend' "$deep/vda" "a\\040%s"; do
	[ "${path:0:1}" = / ] || path=$PWD/$path
	fvesetup open --key-file pass "$path" data
	[ -b /dev/mapper/data ] || fail "open succeeded, and there is no mapping: $path"
	fvesetup close data
done

step "a device that was set read-only"
blockdev --setro /dev/vda
fvesetup open --key-file pass /dev/vda data 2>out
assert_match "$(cat out)" '/dev/vda is read-only, and so is data' "what open said"
assert_eq "$(blockdev --getro /dev/mapper/data)" 1 "read-only mapping"
assert_fails dd if=/dev/zero of=/dev/mapper/data bs=4096 count=1 oflag=direct status=none
fvesetup close data
refused 4 '/dev/vda is read-only' fvesetup protector add -q --key-file pass /dev/vda recovery
refused 4 '/dev/vda is read-only' fvesetup format -q --key-file pass /dev/vda
blockdev --setrw /dev/vda

step "a device and its copy, which have one UUID"
dd if=/dev/vda of=/dev/vdb bs=1M count=16 oflag=direct status=none
fvesetup open --key-file pass /dev/vda one
fvesetup open --key-file pass /dev/vdb two
list=$(fvesetup list)
assert_match "$list" '^/dev/vda .* open +one ' "list"
assert_match "$list" '^/dev/vdb .* open +two ' "list"
assert_match "$(fvesetup status /dev/vdb)" '^/dev/mapper/two is open' "status of the copy"
fvesetup close one
assert_match "$(fvesetup status /dev/vda)" '^/dev/vda is closed' "status of the closed one"
fvesetup close two

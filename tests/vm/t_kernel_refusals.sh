#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: each wrong table line is refused with its own reason, and leaves nothing behind
# runs: uml qemu
# group: vm kernel
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

# refused REASON TABLE_LINE: docs/table-format.md lists the reasons.
refused() {
	local log
	log_mark
	! dmsetup create refused --table "$2" 2>"$scratch/dmsetup" || fail "accepted: $2"
	log=$(log_since_mark)
	[[ $log == *"fve: $1 ("* ]] || fail "for \"$2\" no reason \"$1\" in the log: $log"
	[ ! -e /dev/mapper/refused ] || fail "left /dev/mapper/refused behind"
	assert_eq "$(references)" 0 "references to the module after \"$2\""
	echo "refused: $1"
}

load_fve
ram_disk 4
make_key good 64
make_key half 32
size=$ram_sectors
before=$(checksum "$ram")
cipher=aes-xts-plain64
key=$(key_of good)
good="0 $size fve $cipher $key 0 $ram 0"

step "the shape of the line"
refused "Not enough arguments" "0 $size fve $cipher $key 0 $ram"
refused "Not enough arguments" "0 $size fve"
refused "Device lookup failed" "0 $size fve $cipher $key 0 /dev/absent 0"
for other in aes-xts-plain aes-cbc-essiv:sha256 'capi:xts(aes)-plain64' serpent-xts-plain64 \
	aes-xts-plain64be AES-XTS-PLAIN64 aes; do
	refused "Cipher must be aes-xts-plain64" "0 $size fve $other $key 0 $ram 0"
done

step "keys"
hex=$(xxd -p -c 64 "$scratch/good.key")
for text in "$hex" - "${hex:0:64}" 64:logon:test:good; do
	refused "Key must be in the kernel keyring, hex keys are refused" \
		"0 $size fve $cipher $text 0 $ram 0"
done
for text in : :64 :64:logon :64:logon: :x:logon:test:good :-64:logon:test:good ::logon:test:good; do
	refused "Key is not :<bytes>:<type>:<description>" "0 $size fve $cipher $text 0 $ram 0"
done
for bytes in 0 16 33 48 128 4294967360; do
	refused "Key size must be 32 or 64 bytes" \
		"0 $size fve $cipher :$bytes:logon:test:good 0 $ram 0"
done
for type in keyring LOGON logo ""; do
	refused "Key type must be logon, user, encrypted or trusted" \
		"0 $size fve $cipher :64:$type:test:good 0 $ram 0"
done
refused "Key in the keyring has another size" "0 $size fve $cipher :32:logon:test:good 0 $ram 0"
refused "Key in the keyring has another size" "0 $size fve $cipher :64:logon:test:half 0 $ram 0"
refused "Key is not in the keyring" "0 $size fve $cipher :64:logon:test:absent 0 $ram 0"
# A key of the right name and another type is another key.
refused "Key is not in the keyring" "0 $size fve $cipher :64:user:test:good 0 $ram 0"

for bytes in 32 64; do
	head -c $((bytes / 2)) "$scratch/good.key" >"$scratch/once"
	cat "$scratch/once" "$scratch/once" | add_key logon test:equal
	refused "Key has equal halves, not an XTS key" \
		"0 $size fve $cipher :$bytes:logon:test:equal 0 $ram 0"
done

add_key logon test:revoked <"$scratch/good.key"
keyctl revoke "$(keyctl search @u logon test:revoked)"
refused "Key is revoked" "0 $size fve $cipher :64:logon:test:revoked 0 $ram 0"

step "options"
refused "Number of options does not match the options" "$good 1"
refused "Number of options does not match the options" "$good 0 allow_discards"
refused "Number of options does not match the options" "$good 2 allow_discards"
refused "Number of options does not match the options" "$good 1 allow_discards iv_large_sectors"
refused "Number of options does not match the options" "$good many allow_discards"
refused "Number of options does not match the options" "$good -1"
for option in no_read_workqueue same_cpu_crypt integrity:28:aead discards \
	allow_discards:1 sector_size; do
	refused "Unknown option" "$good 1 $option"
done
refused "Unknown engine" "$good 1 engine:none"
refused "Option allow_discards is repeated" "$good 2 allow_discards allow_discards"
refused "Option iv_large_sectors is repeated" "$good 2 iv_large_sectors iv_large_sectors"
refused "Option sector_size is repeated" "$good 2 sector_size:512 sector_size:4096"
refused "Option engine is repeated" "$good 2 engine:kapi engine:kapi"
for bytes in 0 256 1536 8192 4096x "" -512 4294967808; do
	refused "sector_size must be 512, 1024, 2048 or 4096" "$good 1 sector_size:$bytes"
done

step "numbers and places"
for number in x -1 +1 0x10 1x 18446744073709551616; do
	line="0 $size fve $cipher $key $number $ram 0"
	refused "iv_offset is not a number of sectors" "$line"
	line="0 $size fve $cipher $key 0 $ram $number"
	refused "Device offset is not a number of sectors" "$line"
done
refused "iv_offset is not a multiple of sector_size" \
	"0 $size fve $cipher $key 4 $ram 0 1 sector_size:4096"
refused "iv_offset is not a multiple of sector_size" \
	"0 $size fve $cipher $key 1 $ram 0 2 sector_size:1024 iv_large_sectors"
refused "Device offset is not a multiple of sector_size" \
	"0 $((size - 8)) fve $cipher $key 0 $ram 4 1 sector_size:4096"
refused "Length is not a multiple of sector_size" \
	"0 $((size - 4)) fve $cipher $key 0 $ram 0 1 sector_size:4096"
refused "Start is not a multiple of sector_size" "0 4 zero
4 $((size - 8)) fve $cipher $key 0 $ram 0 1 sector_size:4096"
refused "Device is too small" "0 $((size + 1)) fve $cipher $key 0 $ram 0"
refused "Device is too small" "0 $size fve $cipher $key 0 $ram 1"
refused "Device is too small" "0 8 fve $cipher $key 0 $ram $((size + 8))"
refused "Device is too small" "0 8 fve $cipher $key 0 $ram 18446744073709551608"

step "nothing was written, and the line to which the wrong ones were close is accepted"
assert_eq "$(checksum "$ram")" "$before" "data of the lower device"
assert_eq "$(dmsetup ls)" "No devices found" "devices"
create accepted "$good"
assert_eq "$(references)" 1 "references to the module"
assert_fails modprobe -r dm-fve
remove accepted
modprobe -r dm-fve

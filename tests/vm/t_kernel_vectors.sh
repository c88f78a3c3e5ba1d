#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: the published XTS-AES vectors hold on the disk below fve, and in the kernel's cipher
# runs: qemu uml: the kernel's own ciphers with SIMD instructions, several processors
# group: vm kernel smoke
# vm: --include tests/vectors:/fve/tests/vectors
# vm: --include /usr/lib/python3/dist-packages/cryptography_vectors/ciphers/AES/XTS:/fve/cavp
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

vectors=$TESTS/vectors/ieee1619-xts-aes-256.txt
cavp=(/fve/cavp/*/XTSGenAES*.rsp)

write_sector() { # DEVICE SECTOR HEX
	xxd -r -p <<<"$3" | dd of="$1" oflag=direct bs=512 seek="$2" count=1 conv=notrunc \
		iflag=fullblock status=none
}

read_sector() { # DEVICE SECTOR
	dd if="$1" iflag=direct bs=512 skip="$2" count=1 status=none | xxd -p -c 512
}

# The data unit's sequence number is the sum of iv_offset and the sector in the mapping.
# through_device SEQUENCE SECTOR PLAINTEXT CIPHERTEXT [OPTION]
through_device() {
	local sequence=$1 sector=$2 plain=$3 cipher=$4
	shift 4
	create vector "$(table_line "$target" $((sector + 1)) ieee $((sequence - sector)) "$ram" 0 "$@")"
	write_sector /dev/mapper/vector "$sector" "$plain"
	assert_eq "$(read_sector "$ram" "$sector")" "$cipher" "encrypted data unit $sequence"
	write_sector "$ram" "$sector" "$zeroes"
	write_sector "$ram" "$sector" "$cipher"
	assert_eq "$(read_sector /dev/mapper/vector "$sector")" "$plain" "decrypted data unit $sequence"
	remove vector
}

# run_through_device SECTOR [OPTION]: every vector of the file.
run_through_device() {
	local sector=$1 name value count='' sequence='' plain='' number=0
	shift
	while read -r name _ value; do
		case $name in
		COUNT) count=$value ;;
		Key)
			xxd -r -p <<<"$value" >"$scratch/ieee.key"
			add_key logon test:ieee <"$scratch/ieee.key"
			;;
		DataUnitSeqNumber) sequence=$value ;;
		PT) plain=$value ;;
		CT)
			through_device "$sequence" "$sector" "$plain" "$value" "$@"
			echo "vector $count, data unit $sequence: both directions"
			number=$((number + 1))
			;;
		esac
	done <"$vectors"
	assert_eq "$number" 5 "vectors in $vectors"
}

load_fve
ram_disk 1
zeroes=$(printf '%01024d' 0)

step "IEEE 1619 through the device"
run_through_device 0
for engine in $(engines); do
	step "IEEE 1619 through the device, engine $engine"
	run_through_device 5 "engine:$engine"
done

modprobe -a algif_skcipher
# Linux 7.3 leaves AF_ALG the names of common algorithms, and no drivers'.
[ ! -e /proc/sys/crypto/af_alg_restrict ] || echo 0 >/proc/sys/crypto/af_alg_restrict
for driver in $(xts_drivers); do
	step "IEEE 1619 and NIST CAVP through AF_ALG, $driver"
	kat --driver "$driver" "$vectors" || fail "$driver: wrong IEEE vectors"
	result=$(kat --driver "$driver" "${cavp[@]}") || fail "$driver: wrong CAVP vectors"
	echo "$result"
	# The four files of CAVS 11.0 hold 4000 cases; AES-128 with 130 bits and AES-256 with 140
	# and 250 are no whole bytes.
	assert_match "$result" ' 2800 passed, 0 failed, 1200 left out' "number of CAVP cases"
done

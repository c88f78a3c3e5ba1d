# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the tests of the kernel target share:  . "$TESTS/vm/lib_kernel.sh"
# FVE_TARGET=crypt runs a test against dm-crypt itself: the way to find out which of the two is
# wrong, the test or the module. FVE_MODULE=FILE loads that module instead of the installed one.
# shellcheck source=tests/vm/lib.sh
. "$TESTS/vm/lib.sh"

target=${FVE_TARGET:-fve}
seed=${FVE_SEED:-1}
scratch=$(mktemp -d /dev/shm/fve.XXXXXX)

# sample N: how often a test does what it repeats N times: less often on a kernel with sanitizers, where each
# time takes several times as long, and finds more.
sample() {
	case $(uname -r) in
	*-debug) echo $((($1 + 2) / 3)) ;;
	*) echo "$1" ;;
	esac
}

load_fve() {
	modprobe -a dm-mod dm-crypt
	if [ -n "${FVE_MODULE-}" ]; then
		insmod "$FVE_MODULE"
	elif [ "$target" = fve ]; then
		modprobe dm-fve
	fi
}

# ram_disk MIB: a fresh RAM disk as $ram and $ram_sectors.
ram_disk() {
	modprobe -r brd 2>/dev/null || true
	modprobe brd rd_nr=1 rd_size=$(($1 * 1024))
	ram=/dev/ram0
	udevadm settle
	# shellcheck disable=SC2034 # tests use it
	ram_sectors=$(sectors "$ram")
}

# add_key TYPE DESCRIPTION: the bytes on stdin, into the user keyring.
add_key() {
	keyctl padd "$1" "$2" @u >/dev/null
}

# make_key NAME BYTES: a key that only NAME and the seed decide, as $scratch/NAME.key and in the
# user keyring as the logon key "test:NAME".
make_key() {
	printf '%s %s' "$1" "$seed" | sha512sum | cut -c "1-$((2 * $2))" | xxd -r -p >"$scratch/$1.key"
	add_key logon "test:$1" <"$scratch/$1.key"
}

# key_of NAME: the table's way of naming it.
key_of() {
	echo ":$(stat -c %s "$scratch/$1.key"):logon:test:$1"
}

# table_line TARGET LENGTH KEY_NAME IV_OFFSET DEVICE OFFSET [OPTION...]. FVE_USE_ENGINE: fve's has that engine where
# no option says another.
table_line() {
	local words=("0" "$2" "$1" aes-xts-plain64 "$(key_of "$3")" "$4" "$5" "$6") given=" $* "
	shift 6
	if [ "${words[2]}" = fve ] && [ -n "${FVE_USE_ENGINE-}" ] && [[ "$given" != *" engine:"* ]]; then
		set -- "$@" "engine:$FVE_USE_ENGINE"
	fi
	[ $# -eq 0 ] || words+=("$#" "$@")
	echo "${words[@]}"
}

# create NAME TABLE_LINE: /dev/mapper/NAME
create() {
	dmsetup create "$1" --table "$2"
}

# remove NAME...: udev may still be looking at a device that was just written.
remove() {
	dmsetup remove --retry "$@" 2>"$scratch/remove" || fail "cannot remove $*: $(<"$scratch/remove")"
}

# in_error COMMAND...: it fails, and because the kernel said EIO.
in_error() {
	local text
	text=$("$@" 2>&1 >/dev/null) && fail "\"$*\" succeeded"
	assert_match "$text" "Input/output error" "what \"$*\" said"
}

# loop_device MIB: a loop device as $loop, over a sparse file in memory.
loop_device() {
	modprobe loop
	udevadm settle
	truncate -s "$1M" "$scratch/image"
	# shellcheck disable=SC2034 # tests use it
	loop=$(losetup --find --show "$scratch/image")
}

# status NAME WORD: the value of WORD=value in the status line; WORD is also "key" or "engine".
status() {
	dmsetup status "$1" | awk -v word="$2" '{
		value["key"] = $4
		value["engine"] = $5
		for (i = 6; i <= NF; i++) {
			split($i, pair, "=")
			value[pair[1]] = pair[2]
		}
		print value[word]
	}'
}

# How many tables hold the module.
references() {
	local count
	read -r count </sys/module/dm_fve/refcnt
	echo "$count"
}

# The engines that this kernel has, each on its own line. FVE_USE_ENGINE: only that one.
engines() {
	[ "$target" = fve ] || return 0
	make_key engines 64
	local engine
	for engine in ${FVE_USE_ENGINE:-kapi kapi-simd library x86-zmm x86-ymm x86-xmm}; do
		if dmsetup create engines 2>/dev/null --table \
			"$(table_line fve 8 engines 0 "$ram" 0 "engine:$engine")"; then
			remove engines
			echo "$engine"
		fi
	done
}

# nth_engine N: as a table's option, one of "${engines[@]}"; the seed says which is the first.
nth_engine() {
	# shellcheck disable=SC2154 # tests make the list
	echo "engine:${engines[(seed + $1) % ${#engines[@]}]}"
}

# The drivers of xts(aes) that AF_ALG can reach, each on its own line.
xts_drivers() {
	awk '$1 == "name" { ours = $3 == "xts(aes)" }
		$1 == "driver" { driver = $3 }
		$1 == "internal" && $3 == "no" && ours { print driver }' /proc/crypto | sort -u
}

# checksum DEVICE_OR_FILE: of all its data, past the page cache.
checksum() {
	dd if="$1" iflag=direct bs=1M status=none | sha256sum | cut -d' ' -f1
}

# fio_verify DEVICE SECTOR_SIZE [FIO_OPTION...]: random writes of up to 1 MiB over all of the
# device, then every byte read back and checked.
fio_verify() {
	local device=$1 sector_size=$2
	shift 2
	fio --name=verify --filename="$device" --direct=1 --ioengine=libaio --iodepth=16 \
		--rw=randwrite --bsrange="$sector_size-1M" --blockalign="$sector_size" \
		--verify=crc32c --verify_fatal=1 --randseed="$seed" --output-format=terse "$@" \
		>"$scratch/fio" 2>&1 || { cat "$scratch/fio"; fail "fio: wrong data on $device"; }
}

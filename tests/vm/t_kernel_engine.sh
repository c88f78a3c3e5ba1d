#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a table gets the engine that is the fastest for its data units and its key on this kernel
# runs: qemu uml: the ciphers of Debian's own kernels
# group: vm kernel
# vm: --include tests/vectors:/fve/tests/vectors
#
# FVE_ENGINE: the engine of our own that is to be found here, or "none" (the widest that the processor
# has).
# shellcheck source=tests/vm/lib_kernel.sh
. "$TESTS/vm/lib_kernel.sh"

cpu_has() { # FLAG...
	local flag
	for flag in "$@"; do
		grep -qw "$flag" /proc/cpuinfo || return 1
	done
}

widest() {
	if cpu_has aes pclmulqdq avx vaes avx2 vpclmulqdq avx512f avx512bw; then
		echo x86-zmm
	elif cpu_has aes pclmulqdq avx vaes avx2; then
		echo x86-ymm
	elif cpu_has aes pclmulqdq avx; then
		echo x86-xmm
	else
		echo none
	fi
}

# gets ENGINE KEY SECTOR_SIZE [OPTION]
gets() {
	local wanted=$1 key=$2 sector_size=$3
	shift 3
	create ours "$(table_line fve 1024 "$key" 0 "$ram" 0 "sector_size:$sector_size" "$@")"
	create theirs "$(table_line crypt 1024 "$key" 0 "$ram" 0 "sector_size:$sector_size")"
	echo "$(stat -c %s "$scratch/$key.key")-byte key, sector_size $sector_size $*: $(status ours engine)"
	assert_match "$(status ours engine)" "^$wanted$" "engine"
	iopair --count 20 --seed "$seed" --align "$sector_size" --max-size 65536 \
		/dev/mapper/ours /dev/mapper/theirs >"$scratch/out" || fail "fve and dm-crypt differ"
	remove ours theirs
}

load_fve
ram_disk 2
make_key long 64
make_key short 32
dmesg | grep 'dm-fve:' || true

own=${FVE_ENGINE:-$(widest)}
kernels='(kapi|kapi-simd|library)'
large=$own
# From Linux 6.10 on the kernel is as fast where a unit is a page; not that of User Mode Linux.
case $(uname -r) in
*-uml | *-debug) ;;
*) [ "$(printf '%s\n' 6.10 "$(uname -r)" | sort -V | head -n 1)" != 6.10 ] || large=$kernels ;;
esac
if [ "$own" = none ]; then
	own=$kernels large=$kernels
	assert_eq "$(engines | grep -c x86 || true)" 0 "engines of our own"
	! dmsetup create ours 2>/dev/null --table "$(table_line fve 4096 long 0 "$ram" 0 engine:x86)" ||
		fail "a table got an engine that is not there"
fi

step "the engine that a table gets"
for sector_size in 512 1024 2048; do
	gets "$own" long $sector_size
done
gets "$large" long 4096
gets "$kernels" short 512
gets kapi long 512 engine:kapi
[ "$own" = "$kernels" ] || gets "$own" long 4096 engine:x86

step "an engine of our own refuses a key of AES-128"
if [ "$own" != "$kernels" ]; then
	text=$(dmsetup create ours --table "$(table_line fve 4096 short 0 "$ram" 0 engine:x86)" 2>&1) &&
		fail "engine:x86 took a 32-byte key"
	echo "$text"
	assert_match "$(dmesg | tail -n 5)" "Engine refuses the key" "the kernel's log"
fi

# Generic code behind cryptd looks like an accelerator: asynchronous, and with no SIMD code inside. It is the
# best there is once the kernel's own SIMD code is gone; User Mode Linux has none. Linux 7.3 has other names.
step "an accelerator is not displaced"
accelerator='cryptd(xts(ecb(aes-generic)))'
modprobe -a algif_skcipher cryptd aes_generic xts ecb 2>/dev/null || true
if { modprobe -r aesni_intel 2>/dev/null || ! grep -q aesni /proc/crypto; } &&
	kat --driver "$accelerator" "$TESTS/vectors/ieee1619-xts-aes-256.txt" 2>/dev/null; then
	gets kapi long 512
	gets kapi long 4096
else
	echo "this kernel cannot be made to have one"
fi

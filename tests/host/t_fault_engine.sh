#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: an engine of our own that is wrong is found at load and not used, and the module works on
# group: host fault kernel
# kernels: 6.1
# timeout: 2400
# seconds: 140
#
# Modules whose engine is broken in all widths, or in those above 16 bytes, or (in User Mode Linux, on a
# processor with AVX-512) in that of 64, and an emulator that does not do what VAES should: QEMU 7.2 computes the
# upper half of a 32-byte register wrong. Each has to encrypt as dm-crypt does (kernel_engine). So has the sound
# module on a kernel in FIPS mode, which uses no own engine.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

vm=$here/../vm
kernel=${FVE_KERNEL:-6.1}
kernel=${kernel%-uml}
uml=6.12-uml

# engine_with MODULE ENGINE [VM_OPTION...]: kernel_engine with this module finds that engine.
engine_with() {
	local module=$1 options=() release
	export FVE_ENGINE=$2
	shift 2
	unset FVE_MODULE
	release=$("$vm/kernel" --print release "$kernel")
	if [ -n "$module" ]; then
		[ -f "$BUILD/$module/$release/dm-fve.ko" ] ||
			fail "no $module for $kernel: make fault-modules builds it"
		export FVE_MODULE=/root/broken.ko
		options=(--include "$BUILD/$module/$release/dm-fve.ko:$FVE_MODULE")
	fi
	expect 0 "$vm/vm" --kernel "$kernel" --timeout 600 "${options[@]}" \
		--include "$vm/../vectors:/fve/tests/vectors" "$@" "$vm/t_kernel_engine.sh"
}

engine_with fault-engine none
expect_text "dm-fve: engine x86-xmm fails its test"
expect_text "dm-fve: engine x86-ymm fails its test"

engine_with fault-engine-wide x86-xmm
expect_text "dm-fve: engine x86-ymm fails its test"

engine_with '' none --append fips=1

# The installed emulator, where that is the one.
if [[ "$(qemu-system-x86_64 --version)" == *"version 7.2."* ]]; then
	FVE_QEMU=qemu-system-x86_64 engine_with '' x86-xmm
	expect_text "dm-fve: engine x86-ymm fails its test"
fi

if "$vm/uml/kernel" --have "$uml" "$BUILD/kernels/$uml" &&
	grep -qE ' avx512bw .* vaes .*vpclmulqdq' /proc/cpuinfo; then
	kernel=$uml engine_with fault-engine-widest x86-ymm
	expect_text "dm-fve: engine x86-zmm fails its test"
fi

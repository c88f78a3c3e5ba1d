#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: the interoperation test fails on a module whose IV is off by one
# group: host fault
# kernels: all
#
# The module's own known-answer test passes: it tests the cipher, and this fault is in the sector
# number. So what fails is the comparison with dm-crypt, and nothing before it.
# shellcheck source=tests/host/lib.sh
. "$(dirname "$0")/lib.sh"

vm=$here/../vm
kernel=$(vm_kernel "${FVE_KERNEL:-6.1}")
module=$BUILD/fault/$("$vm/kernel" --print release "$kernel")/dm-fve.ko
[ -f "$module" ] || fail "no $module: make fault-module-$kernel builds it"

export FVE_MODULE=/root/faulty.ko FVE_COUNT=1000
expect 1 "$vm/vm" --kernel "$kernel" --timeout 800 --include "$module:$FVE_MODULE" \
	"$vm/t_kernel_interop.sh"
expect_text "MISMATCH at byte"
expect_text "FAIL: fve and dm-crypt differ"

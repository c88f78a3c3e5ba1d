#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a million random I/Os are dm-crypt's, and with sanitizers 20,000
# runs: uml: an emulator takes hours
# group: vm kernel
# vm: --memory 768 --include tests/vm/t_kernel_random.sh:/fve/tests/vm/t_kernel_random.sh
# seconds: 300
#
# kernel_random with more of them; FVE_RANDOM_IOS is another number.
case $FVE_KERNEL in
*-debug) export FVE_RANDOM_IOS=${FVE_RANDOM_IOS:-20000} ;;
*) export FVE_RANDOM_IOS=${FVE_RANDOM_IOS:-1000000} ;;
esac
# shellcheck source=tests/vm/t_kernel_random.sh
. "$TESTS/vm/t_kernel_random.sh"

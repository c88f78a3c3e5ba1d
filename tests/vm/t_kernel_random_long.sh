#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# proves: a million random I/Os are dm-crypt's
# runs: uml: an emulator takes hours, and the sanitizers as long
# kernels: 6.12-uml
# group: vm kernel
# vm: --memory 768 --include tests/vm/t_kernel_random.sh:/fve/tests/vm/t_kernel_random.sh
# seconds: 300
#
# kernel_random with more of them; FVE_RANDOM_IOS is another number.
export FVE_RANDOM_IOS=${FVE_RANDOM_IOS:-1000000}
# shellcheck source=tests/vm/t_kernel_random.sh
. "$TESTS/vm/t_kernel_random.sh"

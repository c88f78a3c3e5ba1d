/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same for the kernel's types, beside what user space has by that name. */
#ifndef FVE_SHIM_TYPES_H
#define FVE_SHIM_TYPES_H

#include_next <linux/types.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#endif

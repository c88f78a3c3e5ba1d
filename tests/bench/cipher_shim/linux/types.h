/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The same for the kernel's types. */
#ifndef FVE_SHIM_TYPES_H
#define FVE_SHIM_TYPES_H

#include <stdint.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;

#endif

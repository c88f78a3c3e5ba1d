/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which widths of engine x86 this CPU has, as kernel/engine_x86_asm.h says what they need. */
#ifndef FVE_SHIM_CPU_H
#define FVE_SHIM_CPU_H

#include <cpuid.h>
#include <stdbool.h>

/* CPUID leaf 7, register ECX (Intel SDM volume 2, CPUID): not every compiler has names for these.
 */
#define CPU_VAES       (1U << 9)
#define CPU_VPCLMULQDQ (1U << 10)

static inline bool cpu_has_leaf7(unsigned int bits)
{
	unsigned int a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & bits) == bits;
}

static inline bool cpu_has_xmm(void)
{
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul") &&
	       __builtin_cpu_supports("avx");
}

static inline bool cpu_has_ymm(void)
{
	return cpu_has_xmm() && __builtin_cpu_supports("avx2") && cpu_has_leaf7(CPU_VAES);
}

static inline bool cpu_has_zmm(void)
{
	return cpu_has_ymm() && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") && cpu_has_leaf7(CPU_VPCLMULQDQ);
}

#endif

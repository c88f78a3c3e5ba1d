/* SPDX-License-Identifier: GPL-2.0-only */
/* Known-answer tests at module load. */
#ifndef FVE_SELFTEST_H
#define FVE_SELFTEST_H

/* Test each engine that this kernel has. -errno: one fails, and the module must not load. */
int fve_selftest(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/* Known answers at module load. */
#ifndef FVE_SELFTEST_H
#define FVE_SELFTEST_H

/* Tries each engine that this kernel has; -errno keeps the module out. */
int fve_selftest(void);

#endif

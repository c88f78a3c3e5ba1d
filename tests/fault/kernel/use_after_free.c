// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module with a deliberate fault: a mapping's memory is freed before its last use.
 * wraps: fve_write_exit
 */
#include <linux/slab.h>

#include "dm-fve.h"

void __real_fve_write_exit(struct fve *fve);
void __wrap_fve_write_exit(struct fve *fve);

void __wrap_fve_write_exit(struct fve *fve)
{
	__real_fve_write_exit(fve);
	kfree(fve);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module with a deliberate fault: something of a mapping is read after it was freed. The rest
 * of the module does not need it, so the report is all that comes of it.
 *
 * wraps: fve_write_exit
 */
#include <linux/slab.h>

#include "dm-fve.h"

void __real_fve_write_exit(struct fve *fve);
void __wrap_fve_write_exit(struct fve *fve);

void __wrap_fve_write_exit(struct fve *fve)
{
	struct fve *gone = kmemdup(fve, sizeof(*fve), GFP_KERNEL);

	kfree(gone);
	__real_fve_write_exit(fve);
	if (gone)
		READ_ONCE(gone->start);
}

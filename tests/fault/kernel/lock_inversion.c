// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module with a deliberate fault: two locks, taken in one order when a write begins and in
 * the other when it ends. One CPU never deadlocks on it.
 *
 * wraps: fve_bounce_get fve_bounce_put
 */
#include <linux/spinlock.h>

#include "dm-fve.h"

static DEFINE_SPINLOCK(one);
static DEFINE_SPINLOCK(other);

bool __real_fve_bounce_get(struct fve_io *io, unsigned int bytes);
bool __wrap_fve_bounce_get(struct fve_io *io, unsigned int bytes);
void __real_fve_bounce_put(struct fve_io *io);
void __wrap_fve_bounce_put(struct fve_io *io);

bool __wrap_fve_bounce_get(struct fve_io *io, unsigned int bytes)
{
	unsigned long flags;

	spin_lock_irqsave(&one, flags);
	spin_lock(&other);
	spin_unlock(&other);
	spin_unlock_irqrestore(&one, flags);
	return __real_fve_bounce_get(io, bytes);
}

void __wrap_fve_bounce_put(struct fve_io *io)
{
	unsigned long flags;

	spin_lock_irqsave(&other, flags);
	spin_lock(&one);
	spin_unlock(&one);
	spin_unlock_irqrestore(&other, flags);
	__real_fve_bounce_put(io);
}

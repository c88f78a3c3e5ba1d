// SPDX-License-Identifier: GPL-2.0-only
/*
 * Zoned devices, whose zones are written from front to back: shingled disks, NVMe ZNS.
 *
 * Zone append. A write's sector is its IV, so it must be known before the write is encrypted; a
 * zone append learns it on completion. So device-mapper emulates it: it keeps the write pointers,
 * and map() sees an ordinary write at the right sector.
 *
 * Order. For that device-mapper has one write per zone on its way at a time, until it completes
 * (Linux 6.1 by a lock, dm-zone.c; since 6.10 by the block layer's zone write plugs). A zoned
 * device's write is encrypted by whoever calls map() and never handed to the worker: had it failed
 * there before map() returned DM_MAPIO_SUBMITTED, 6.1's dm_zone_map_bio() would complete it twice.
 * That means that map() waits when there is no memory. It may: device-mapper itself waits there
 * for the zone. What map() waits for are completions of writes that hold the reserve. Those of the
 * same submitter are no longer on its bio list: what a map() sends down goes to the lower device
 * before the rest of the bio that it came from is mapped, see __submit_bio_noacct().
 *
 * Size. A write may be cut by the block layer, which knows zones, and since 6.10 by nobody else:
 * dm_accept_partial_bio() on a zoned device is a BUG. So the largest write is told as a limit.
 */

#include <linux/blkdev.h>
#include <linux/minmax.h>

#include "dm-fve.h"

int fve_report_zones(struct dm_target *ti, struct dm_report_zones_args *args, unsigned int nr_zones)
{
	struct fve *fve = ti->private;

	return dm_report_zones(fve->dev->bdev, fve->start,
			       fve->start + dm_target_offset(ti, args->next_sector), args,
			       nr_zones);
}

void fve_zoned_limits(const struct fve *fve, struct queue_limits *limits)
{
	const unsigned int most = FVE_MAX_BYTES >> SECTOR_SHIFT;

	limits->max_hw_sectors = min(limits->max_hw_sectors, most);
	limits->max_sectors = min(limits->max_sectors, most);
	limits->max_zone_append_sectors = min(limits->max_zone_append_sectors, most);
	limits->zone_write_granularity = max(limits->zone_write_granularity, fve->unit_size);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Trace points where an I/O leaves the fast path. `trace-cmd record -e fve` or tracefs shows them;
 * docs/table-format.md says what they mean. While off they cost one no-op each, off that path.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM fve

#if !defined(FVE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define FVE_TRACE_H

#include <linux/device-mapper.h>
#include <linux/tracepoint.h>

#include "dm-fve.h"

/* clang-format off */

#define FVE_WHY                                \
	{FVE_WHY_HARD_IRQ, "hard-irq"},            \
	{FVE_WHY_BUSY_OR_CIPHER, "busy-or-cipher"},\
	{FVE_WHY_NO_PAGES, "no-pages"},            \
	{FVE_WHY_CIPHER, "cipher"},                \
	{FVE_WHY_SPLIT, "split"}

TRACE_DEFINE_ENUM(FVE_WHY_HARD_IRQ);
TRACE_DEFINE_ENUM(FVE_WHY_BUSY_OR_CIPHER);
TRACE_DEFINE_ENUM(FVE_WHY_NO_PAGES);
TRACE_DEFINE_ENUM(FVE_WHY_CIPHER);
TRACE_DEFINE_ENUM(FVE_WHY_SPLIT);

/* The sector is that of the mapped device, in units of 512 bytes. */
DECLARE_EVENT_CLASS(fve_io,
	TP_PROTO(const struct fve *fve, const struct bvec_iter *iter, enum fve_why why),
	TP_ARGS(fve, iter, why),
	TP_STRUCT__entry(
		__field(dev_t, dev)
		__field(sector_t, sector)
		__field(unsigned int, bytes)
		__field(unsigned int, why)
	),
	TP_fast_assign(
		__entry->dev = disk_devt(dm_disk(dm_table_get_md(fve->ti->table)));
		__entry->sector = iter->bi_sector;
		__entry->bytes = iter->bi_size;
		__entry->why = why;
	),
	TP_printk("%u:%u sector=%llu bytes=%u %s", MAJOR(__entry->dev), MINOR(__entry->dev),
		  (unsigned long long)__entry->sector, __entry->bytes,
		  __print_symbolic(__entry->why, FVE_WHY))
);

/* A read is to be decrypted by the CPU's bottom half or worker. */
DEFINE_EVENT(fve_io, fve_read_deferred,
	TP_PROTO(const struct fve *fve, const struct bvec_iter *iter, enum fve_why why),
	TP_ARGS(fve, iter, why));

/* A write is to be encrypted by the device's worker. */
DEFINE_EVENT(fve_io, fve_write_deferred,
	TP_PROTO(const struct fve *fve, const struct bvec_iter *iter, enum fve_why why),
	TP_ARGS(fve, iter, why));

/* The worker found no memory for it either. */
DEFINE_EVENT(fve_io, fve_write_reserve,
	TP_PROTO(const struct fve *fve, const struct bvec_iter *iter, enum fve_why why),
	TP_ARGS(fve, iter, why));

/* A read or write that must not wait is refused. */
DEFINE_EVENT(fve_io, fve_again,
	TP_PROTO(const struct fve *fve, const struct bvec_iter *iter, enum fve_why why),
	TP_ARGS(fve, iter, why));

/* clang-format on */

#endif

/* Where define_trace.h finds this file: Kbuild has its directory in the path. */
#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes: encrypted into bounce pages in the submitter's context, because the caller's pages must
 * not change; then dm's own clone is pointed at the bounce pages and goes to the lower device.
 *
 * Other CPUs may help with a large one, see share.c. Whichever of them ends last submits it.
 *
 * map() must not wait: earlier bios of the same submitter may still sit on its bio list, and the
 * memory or the pages waited for may be theirs. So a write that finds no page, or a cipher that
 * cannot be called here, goes to the device's worker, which may wait. The worker has a workqueue
 * of its own, with its own rescuer: fve may be stacked on fve, and the upper device's worker
 * waits for writes that need the lower device's.
 */

#include <linux/bio.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "compat.h"
#include "dm-fve.h"
#include "trace.h"

/* Undo point_to_bounce(), so that dm finds the clone as it was. */
static void end_write(struct bio *bio)
{
	struct fve_io *io = fve_io_of(bio);

	bio->bi_io_vec = io->source;
	bio->bi_iter = io->iter;
	fve_bounce_put(io);
	fve_io_done(io, bio);
}

static void point_to_bounce(struct fve_io *io, struct bio *bio)
{
	io->source = bio->bi_io_vec;
	io->iter = bio->bi_iter;
	io->end_io = bio->bi_end_io;
	bio->bi_end_io = end_write;
	bio->bi_io_vec = io->bounce;
	/* From the start of the first vector. */
	bio->bi_iter = (struct bvec_iter){
		.bi_sector = io->fve->start + dm_target_offset(io->fve->ti, io->iter.bi_sector),
		.bi_size = io->iter.bi_size,
	};
}

/* It has been encrypted; @error if not: that leaves the clone as it was, without pages. */
static int end_encrypt(struct fve_io *io, struct bio *bio, int error)
{
	if (unlikely(error)) {
		fve_bounce_put(io);
		return error;
	}
	fve_count(io->fve, FVE_WRITE_BYTES, bio->bi_iter.bi_size);
	point_to_bounce(io, bio);
	return 0;
}

/* Encrypt with the pages at hand. */
static int encrypt_to_bounce(struct fve_io *io, struct bio *bio, bool may_sleep)
{
	int r = fve_encrypt(io, bio, may_sleep);

	return r == -EINPROGRESS ? r : end_encrypt(io, bio, r);
}

/* Encrypt where it is allowed to wait, for memory and for the cipher. */
static int encrypt_waiting(struct fve *fve, struct bio *bio)
{
	struct fve_io *io = fve_io_of(bio);

	if (!fve_bounce_get(io, bio->bi_iter.bi_size)) {
		fve_count(fve, FVE_RESERVE, 1);
		trace_fve_write_reserve(fve, &bio->bi_iter, FVE_WHY_NO_PAGES);
		if (!fve_bounce_get_reserve(io, bio->bi_iter.bi_size))
			return -EKEYREVOKED;
	}
	return encrypt_to_bounce(io, bio, true);
}

static void fail(struct fve *fve, struct bio *bio)
{
	fve_count(fve, FVE_ERRORS, 1);
	bio_io_error(bio);
}

/* Hand a write to another context, which submits it. */
static void leave_submitter(struct bio *bio)
{
	/* The submitter would poll for a bio that has not been submitted yet. */
	bio_clear_polled(bio);
	/* That context may wait, and what it submits too: "would block" would come too late. */
	bio->bi_opf &= ~REQ_NOWAIT;
}

void fve_finish_write(struct fve_io *io, struct bio *bio, int error)
{
	leave_submitter(bio);
	if (end_encrypt(io, bio, error))
		fail(io->fve, bio);
	else
		dm_submit_bio_remap(bio, NULL);
}

static void run_worker(struct work_struct *work)
{
	struct fve *fve = container_of(work, struct fve, deferred_work);
	struct bio *bio;

	for (;;) {
		spin_lock_irq(&fve->deferred_lock);
		bio = bio_list_pop(&fve->deferred);
		spin_unlock_irq(&fve->deferred_lock);
		if (!bio)
			return;

		if (encrypt_waiting(fve, bio))
			fail(fve, bio);
		else
			dm_submit_bio_remap(bio, NULL);
		cond_resched();
	}
}

static int defer(struct fve *fve, struct bio *bio, enum fve_why why)
{
	unsigned long flags;

	fve_count(fve, FVE_DEFERRED, 1);
	trace_fve_write_deferred(fve, &bio->bi_iter, why);
	leave_submitter(bio);

	spin_lock_irqsave(&fve->deferred_lock, flags);
	bio_list_add(&fve->deferred, bio);
	spin_unlock_irqrestore(&fve->deferred_lock, flags);
	queue_work(fve->workqueue, &fve->deferred_work);
	return DM_MAPIO_SUBMITTED;
}

int fve_map_write(struct fve *fve, struct bio *bio)
{
	struct fve_io *io = fve_io_of(bio);
	int r;

	io->fve = fve;
	bio_set_dev(bio, fve->dev->bdev);
	fve_count(fve, FVE_WRITES, 1);

	if (unlikely(fve->zoned)) {
		if (!encrypt_waiting(fve, bio))
			return DM_MAPIO_REMAPPED;
		fve_count(fve, FVE_ERRORS, 1);
		return DM_MAPIO_KILL;
	}

	if (unlikely(!fve_bounce_get(io, bio->bi_iter.bi_size))) {
		return bio->bi_opf & REQ_NOWAIT ? fve_again(fve, bio, FVE_WHY_NO_PAGES)
						: defer(fve, bio, FVE_WHY_NO_PAGES);
	}
	r = encrypt_to_bounce(io, bio, false);
	if (likely(!r))
		return DM_MAPIO_REMAPPED;
	if (r == -EINPROGRESS)
		return DM_MAPIO_SUBMITTED;
	if (r == -EAGAIN)
		return defer(fve, bio, FVE_WHY_CIPHER);
	fail(fve, bio);
	return DM_MAPIO_SUBMITTED;
}

int fve_write_init(struct fve *fve, const char *name)
{
	spin_lock_init(&fve->deferred_lock);
	bio_list_init(&fve->deferred);
	INIT_WORK(&fve->deferred_work, run_worker);
	fve->workqueue = alloc_ordered_workqueue("fve_write/%s", WQ_MEM_RECLAIM, name);
	if (!fve->workqueue)
		return -ENOMEM;
	return fve_reserve_init(&fve->reserve);
}

void fve_write_exit(struct fve *fve)
{
	if (fve->workqueue)
		destroy_workqueue(fve->workqueue);
	fve_reserve_exit(&fve->reserve);
}

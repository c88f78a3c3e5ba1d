// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads: dm's own clone goes to the lower device, and when it comes back its data is decrypted in
 * place. No memory is allocated on the way.
 *
 * The best place to decrypt is where the completion runs: no hop, and the data is still in that
 * CPU's cache. Where that is not possible the clone moves to a list of the CPU:
 *
 *   task, softirq     decrypt here; in softirq at most SOFTIRQ_BYTES
 *   hard irq          -> bottom half of the same CPU
 *   too large, SIMD registers in use, cipher that sleeps
 *                     -> worker of the same CPU
 *
 * The lists, the bottom halves and the work items belong to the module, not to a bio or a device,
 * so that nothing is touched that may be gone: once a clone is given back to dm, it, and the
 * device when it was the last, can disappear while the bottom half still runs.
 */

#include <linux/bio.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "compat.h"
#include "dm-fve.h"
#include "trace.h"

/*
 * What may be decrypted at a stretch in softirq context, where it delays everything else on the
 * CPU: about 100 us at 1.3 GB/s, the slowest AES-NI.
 */
#define SOFTIRQ_BYTES (128U << 10)

struct read_queue {
	spinlock_t lock; /* interrupts off: filled in completions */
	struct bio_list for_bh;
	struct bio_list for_worker;
	struct fve_bh bh;
	struct work_struct work;
	struct page *scratch; /* only the worker's */
};

static struct read_queue __percpu *read_queues;

/* Not bound to a device: its workers never wait for I/O, so all devices may share them. */
static struct workqueue_struct *read_workqueue;

static void queue_bio(struct read_queue *queue, struct bio_list *list, struct bio *bio)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	bio_list_add(list, bio);
	spin_unlock_irqrestore(&queue->lock, flags);
}

static struct bio *unqueue_bio(struct read_queue *queue, struct bio_list *list)
{
	struct bio *bio;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	bio = bio_list_pop(list);
	spin_unlock_irqrestore(&queue->lock, flags);
	return bio;
}

static void to_bh(struct fve_io *io, struct bio *bio)
{
	struct read_queue *queue = raw_cpu_ptr(read_queues);

	trace_fve_read_deferred(io->fve, &io->iter, FVE_WHY_HARD_IRQ);
	queue_bio(queue, &queue->for_bh, bio);
	fve_bh_schedule(&queue->bh);
}

static void to_worker(struct fve_io *io, struct bio *bio)
{
	struct read_queue *queue = raw_cpu_ptr(read_queues);

	trace_fve_read_deferred(io->fve, &io->iter, FVE_WHY_LARGE_OR_CIPHER);
	queue_bio(queue, &queue->for_worker, bio);
	queue_work(read_workqueue, &queue->work);
}

static void complete_read(struct fve_io *io, struct bio *bio, int error)
{
	if (unlikely(error)) {
		fve_count(io->fve, FVE_ERRORS, 1);
		bio->bi_status = BLK_STS_IOERR;
	}
	fve_io_done(io, bio);
}

/* False: not in this context, or not without memory that is not at hand. */
static bool decrypt_here(struct fve_io *io, struct bio *bio)
{
	int r = fve_decrypt(io, bio, NULL);

	if (unlikely(r == -EAGAIN))
		return false;
	complete_read(io, bio, r);
	return true;
}

static void end_read(struct bio *bio)
{
	struct fve_io *io = fve_io_of(bio);
	bool large = io->iter.bi_size > SOFTIRQ_BYTES;

	fve_count(io->fve, FVE_READS, 1);
	if (unlikely(bio->bi_status)) {
		fve_io_done(io, bio);
		return;
	}
	fve_count(io->fve, FVE_READ_BYTES, io->iter.bi_size);

	if ((!large || in_task()) && decrypt_here(io, bio))
		return;

	fve_count(io->fve, FVE_DEFERRED, 1);
	if (!large && (in_hardirq() || irqs_disabled()))
		to_bh(io, bio);
	else
		to_worker(io, bio);
}

static void run_bh(struct read_queue *queue)
{
	unsigned int bytes = 0;
	struct bio *bio;

	while (bytes < SOFTIRQ_BYTES) {
		struct fve_io *io;

		bio = unqueue_bio(queue, &queue->for_bh);
		if (!bio)
			return;
		io = fve_io_of(bio);
		bytes += io->iter.bi_size;
		if (!decrypt_here(io, bio))
			to_worker(io, bio);
	}
	fve_bh_schedule(&queue->bh);
}
FVE_BH_FUNCTION(run_bh, struct read_queue, bh)

static void run_worker(struct work_struct *work)
{
	struct read_queue *queue = container_of(work, struct read_queue, work);
	struct bio *bio;

	while ((bio = unqueue_bio(queue, &queue->for_worker))) {
		struct fve_io *io = fve_io_of(bio);

		complete_read(io, bio, fve_decrypt(io, bio, queue->scratch));
		cond_resched();
	}
}

int fve_map_read(struct fve *fve, struct bio *bio)
{
	struct fve_io *io = fve_io_of(bio);

	io->fve = fve;
	io->end_io = bio->bi_end_io;
	io->iter = bio->bi_iter;
	bio->bi_end_io = end_read;
	bio_set_dev(bio, fve->dev->bdev);
	bio->bi_iter.bi_sector = fve->start + dm_target_offset(fve->ti, bio->bi_iter.bi_sector);
	return DM_MAPIO_REMAPPED;
}

/* All devices are gone, but a bottom half or worker may still be on its last instructions. */
void fve_read_exit(void)
{
	int cpu;

	for_each_possible_cpu (cpu) {
		struct read_queue *queue = per_cpu_ptr(read_queues, cpu);

		fve_bh_flush(&queue->bh);
		flush_work(&queue->work);
		if (queue->scratch)
			__free_page(queue->scratch);
	}
	destroy_workqueue(read_workqueue);
	free_percpu(read_queues);
}

int fve_read_init(void)
{
	bool enough = true;
	int cpu;

	read_queues = alloc_percpu(struct read_queue);
	if (!read_queues)
		return -ENOMEM;
	read_workqueue = alloc_workqueue("fve_read", WQ_PERCPU | WQ_MEM_RECLAIM | WQ_HIGHPRI, 0);
	if (!read_workqueue) {
		free_percpu(read_queues);
		return -ENOMEM;
	}
	for_each_possible_cpu (cpu) {
		struct read_queue *queue = per_cpu_ptr(read_queues, cpu);

		spin_lock_init(&queue->lock);
		fve_bh_init(&queue->bh, run_bh);
		INIT_WORK(&queue->work, run_worker);
		queue->scratch = alloc_page(GFP_KERNEL);
		enough = enough && queue->scratch;
	}
	if (enough)
		return 0;
	fve_read_exit();
	return -ENOMEM;
}

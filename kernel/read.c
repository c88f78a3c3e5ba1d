// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads: dm's own clone goes to the lower device, and when it comes back its data is decrypted in
 * place. No memory is allocated on the way, but for a large one that CPUs share a page, and that
 * without waiting.
 *
 * The best place to decrypt is where the completion runs: no hop, and the data is still in that
 * CPU's cache. Where that is not possible the clone moves to a list of the CPU:
 *
 *   task              decrypt here
 *   softirq           decrypt small reads here, in one run of softirqs at most SOFTIRQ_BYTES
 *   hard irq          -> bottom half of the same CPU, for small reads
 *   beyond that, SIMD registers in use
 *                     -> worker of high priority, for small reads
 *   large reads in softirq or hard irq
 *                     -> worker of normal priority, so that neither small reads nor anybody
 *                        else of high priority wait for them
 *   cipher that sleeps
 *                     -> workers of the device: a slow accelerator, or one that hangs, is to stop
 *                        its own device only
 *
 * Nothing but the submitters bounds what a device has on these lists. map() may not wait, and to
 * decrypt in softirq what is above a bound would bring back the stretch that SOFTIRQ_BYTES ends;
 * what waits here holds pages of its submitter, and no memory of ours.
 *
 * Other CPUs may help with a large one wherever it is decrypted, see share.c.
 *
 * The lists, the bottom halves and the work items belong to the module, not to a bio or a device,
 * so that nothing is touched that may be gone: once a clone is given back to dm, it, and the
 * device when it was the last, can disappear while the bottom half still runs. A device's own
 * workers are waited for before the device goes.
 */

#include <linux/bio.h>
#include <linux/interrupt.h>
#include <linux/kernel_stat.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "compat.h"
#include "dm-fve.h"
#include "trace.h"

/*
 * What may be decrypted at a stretch in softirq context, where it delays everything else on the
 * CPU: about 100 us at 1.3 GB/s, the slowest AES-NI. One softirq completes a whole list of bios.
 */
#define SOFTIRQ_BYTES (128U << 10)

/* A read of up to this size waits for no larger one, which may be a neighbour's. */
#define SMALL_BYTES (16U << 10)

struct read_worker {
	spinlock_t lock; /* interrupts off: filled in completions */
	struct bio_list bios;
	struct workqueue_struct *workqueue;
	struct work_struct work;
	struct page *scratch;
};

struct fve_read_workers {
	struct read_worker small, large;
};

struct read_queue {
	spinlock_t lock; /* interrupts off: filled in them */
	struct bio_list for_bh;
	struct fve_read_workers workers;
	unsigned int softirq_bytes; /* decrypted in this run of softirqs; only softirqs' */
	unsigned int softirq_run;   /* see softirq_runs() */
	struct fve_bh bh;
};

static struct read_queue __percpu *read_queues;

/*
 * Not bound to a device: their items never wait for I/O, so all devices may share them. The items
 * of devices whose cipher sleeps may wait for that; others begin beside them.
 */
static struct workqueue_struct *small_workqueue, *large_workqueue;

static bool is_small(const struct fve_io *io)
{
	return io->iter.bi_size <= SMALL_BYTES;
}

/* NULL: the list is empty. */
static struct bio *unqueue_bio(spinlock_t *lock, struct bio_list *bios)
{
	struct bio *bio;
	unsigned long flags;

	spin_lock_irqsave(lock, flags);
	bio = bio_list_pop(bios);
	spin_unlock_irqrestore(lock, flags);
	return bio;
}

static void to_bh(struct fve_io *io, struct bio *bio)
{
	struct read_queue *queue = raw_cpu_ptr(read_queues);
	unsigned long flags;

	trace_fve_read_deferred(io->fve, &io->iter, FVE_WHY_HARD_IRQ);
	spin_lock_irqsave(&queue->lock, flags);
	bio_list_add(&queue->for_bh, bio);
	spin_unlock_irqrestore(&queue->lock, flags);
	fve_bh_schedule(&queue->bh);
}

static void to_worker(struct fve_io *io, struct bio *bio)
{
	struct fve_read_workers *workers = &raw_cpu_ptr(read_queues)->workers;
	struct read_worker *worker;
	unsigned long flags;

	if (unlikely(READ_ONCE(io->fve->key.sleeps)))
		workers = io->fve->read_workers;
	worker = is_small(io) ? &workers->small : &workers->large;
	trace_fve_read_deferred(io->fve, &io->iter, FVE_WHY_BUSY_OR_CIPHER);

	/*
	 * Both in one: a device's worker that already runs could be done with the bio, and the
	 * device be gone, before the work is queued. Once it is, the device waits for it.
	 */
	spin_lock_irqsave(&worker->lock, flags);
	bio_list_add(&worker->bios, bio);
	queue_work(worker->workqueue, &worker->work);
	spin_unlock_irqrestore(&worker->lock, flags);
}

void fve_finish_read(struct fve_io *io, struct bio *bio, int error)
{
	if (unlikely(error)) {
		fve_count(io->fve, FVE_ERRORS, 1);
		bio->bi_status = BLK_STS_IOERR;
	}
	fve_io_done(io, bio);
}

/* Decrypt here. False: it takes another context, or memory that is not at hand. */
static bool decrypt_here(struct fve_io *io, struct bio *bio)
{
	int r = fve_decrypt(io, bio, NULL);

	if (unlikely(r == -EAGAIN))
		return false;
	if (r != -EINPROGRESS)
		fve_finish_read(io, bio, r);
	return true;
}

/*
 * Changes from one run of a softirq that completes I/O to the next, on this CPU: the kernel's own
 * count of them, of block devices, network block devices and polled disks.
 */
static unsigned int softirq_runs(void)
{
	int cpu = smp_processor_id();

	return kstat_softirqs_cpu(BLOCK_SOFTIRQ, cpu) + kstat_softirqs_cpu(NET_RX_SOFTIRQ, cpu) +
	       kstat_softirqs_cpu(IRQ_POLL_SOFTIRQ, cpu) + kstat_softirqs_cpu(HI_SOFTIRQ, cpu) +
	       kstat_softirqs_cpu(TASKLET_SOFTIRQ, cpu) + kstat_softirqs_cpu(TIMER_SOFTIRQ, cpu) +
	       kstat_softirqs_cpu(HRTIMER_SOFTIRQ, cpu);
}

/* Whether this softirq may decrypt so many bytes more; then they are counted. */
static bool within_share(unsigned int bytes)
{
	struct read_queue *queue = this_cpu_ptr(read_queues);
	unsigned int run = softirq_runs();

	if (run != queue->softirq_run) {
		queue->softirq_run = run;
		queue->softirq_bytes = 0;
	}
	if (queue->softirq_bytes + bytes > SOFTIRQ_BYTES)
		return false;
	queue->softirq_bytes += bytes;
	return true;
}

static bool in_hard_irq(void)
{
	return in_hardirq() || irqs_disabled();
}

/* In an interrupt a large one would keep everybody else on this CPU waiting. */
static bool may_decrypt_here(const struct fve_io *io)
{
	if (in_hard_irq())
		return is_small(io);
	return !in_serving_softirq() || (is_small(io) && within_share(io->iter.bi_size));
}

static void end_read(struct bio *bio)
{
	struct fve_io *io = fve_io_of(bio);

	fve_count(io->fve, FVE_READS, 1);
	if (unlikely(bio->bi_status)) {
		fve_io_done(io, bio);
		return;
	}
	fve_count(io->fve, FVE_READ_BYTES, io->iter.bi_size);

	if (may_decrypt_here(io) && decrypt_here(io, bio))
		return;

	fve_count(io->fve, FVE_DEFERRED, 1);
	if (is_small(io) && in_hard_irq())
		to_bh(io, bio);
	else
		to_worker(io, bio);
}

static void run_bh(struct read_queue *queue)
{
	unsigned int bytes = 0;
	struct bio *bio;

	while (bytes < SOFTIRQ_BYTES && (bio = unqueue_bio(&queue->lock, &queue->for_bh))) {
		struct fve_io *io = fve_io_of(bio);

		bytes += io->iter.bi_size;
		if (!decrypt_here(io, bio))
			to_worker(io, bio);
	}
	if (bytes >= SOFTIRQ_BYTES)
		fve_bh_schedule(&queue->bh);
}
FVE_BH_FUNCTION(run_bh, struct read_queue, bh)

static void run_worker(struct work_struct *work)
{
	struct read_worker *worker = container_of(work, struct read_worker, work);
	struct bio *bio;

	while ((bio = unqueue_bio(&worker->lock, &worker->bios))) {
		struct fve_io *io = fve_io_of(bio);
		int r = fve_decrypt(io, bio, worker->scratch);

		if (r != -EINPROGRESS)
			fve_finish_read(io, bio, r);
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

static int worker_init(struct read_worker *worker, struct workqueue_struct *workqueue)
{
	spin_lock_init(&worker->lock);
	bio_list_init(&worker->bios);
	worker->workqueue = workqueue;
	INIT_WORK(&worker->work, run_worker);
	worker->scratch = alloc_page(GFP_KERNEL);
	return worker->scratch ? 0 : -ENOMEM;
}

static int workers_init(struct fve_read_workers *workers)
{
	int small = worker_init(&workers->small, small_workqueue);
	int large = worker_init(&workers->large, large_workqueue);

	return small ? small : large;
}

static void worker_exit(struct read_worker *worker)
{
	flush_work(&worker->work);
	if (worker->scratch)
		__free_page(worker->scratch);
}

static void workers_exit(struct fve_read_workers *workers)
{
	worker_exit(&workers->small);
	worker_exit(&workers->large);
}

int fve_read_init_device(struct fve *fve)
{
	fve->read_workers = kzalloc(sizeof(*fve->read_workers), GFP_KERNEL);
	return fve->read_workers ? workers_init(fve->read_workers) : -ENOMEM;
}

/* No I/O is left, but the workers may still be on their last instructions. */
void fve_read_exit_device(struct fve *fve)
{
	if (!fve->read_workers)
		return;
	workers_exit(fve->read_workers);
	kfree(fve->read_workers);
}

static void exit_workqueues(void)
{
	if (small_workqueue)
		destroy_workqueue(small_workqueue);
	if (large_workqueue)
		destroy_workqueue(large_workqueue);
}

/*
 * UNBOUND: they do not wait for a busy CPU while another is idle, and nobody's item on the CPU's
 * own pools waits for them: while one of ours ran, the next item had to wait until its pool had
 * made another thread. SYSFS: see share.c.
 */
static int init_workqueues(void)
{
	small_workqueue = alloc_workqueue("fve_read_small",
					  WQ_UNBOUND | WQ_MEM_RECLAIM | WQ_HIGHPRI | WQ_SYSFS, 0);
	large_workqueue =
		alloc_workqueue("fve_read_large", WQ_UNBOUND | WQ_MEM_RECLAIM | WQ_SYSFS, 0);
	if (small_workqueue && large_workqueue)
		return 0;
	exit_workqueues();
	return -ENOMEM;
}

/* All devices are gone, but a bottom half or worker may still be on its last instructions. */
void fve_read_exit(void)
{
	int cpu;

	for_each_possible_cpu (cpu) {
		struct read_queue *queue = per_cpu_ptr(read_queues, cpu);

		fve_bh_flush(&queue->bh);
		workers_exit(&queue->workers);
	}
	exit_workqueues();
	free_percpu(read_queues);
}

int fve_read_init(void)
{
	bool enough = true;
	int cpu;

	read_queues = alloc_percpu(struct read_queue);
	if (!read_queues)
		return -ENOMEM;
	if (init_workqueues()) {
		free_percpu(read_queues);
		return -ENOMEM;
	}
	for_each_possible_cpu (cpu) {
		struct read_queue *queue = per_cpu_ptr(read_queues, cpu);

		spin_lock_init(&queue->lock);
		bio_list_init(&queue->for_bh);
		fve_bh_init(&queue->bh, run_bh);
		enough = !workers_init(&queue->workers) && enough;
	}
	if (enough)
		return 0;
	fve_read_exit();
	return -ENOMEM;
}

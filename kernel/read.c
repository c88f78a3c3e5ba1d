// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads: dm's own clone goes to the lower device, and when it comes back its data is decrypted in
 * place. No memory is allocated on the way.
 *
 * The best place to decrypt is where the completion runs: no hop, and the data is still in that
 * CPU's cache. Where that is not possible the clone moves to a list of the CPU:
 *
 *   task, softirq     decrypt here; in one run of softirqs at most SOFTIRQ_BYTES
 *   hard irq          -> bottom half of the same CPU
 *   beyond that, SIMD registers in use, cipher that sleeps
 *                     -> worker of the same CPU, which takes small reads first
 *
 * Other CPUs may help with a large one wherever it is decrypted, see share.c.
 *
 * The lists, the bottom halves and the work items belong to the module, not to a bio or a device,
 * so that nothing is touched that may be gone: once a clone is given back to dm, it, and the
 * device when it was the last, can disappear while the bottom half still runs.
 */

#include <linux/bio.h>
#include <linux/interrupt.h>
#include <linux/kernel_stat.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "compat.h"
#include "dm-fve.h"
#include "trace.h"

/*
 * What may be decrypted at a stretch in softirq context, where it delays everything else on the
 * CPU: about 100 us at 1.3 GB/s, the slowest AES-NI. One softirq completes a whole list of bios.
 */
#define SOFTIRQ_BYTES (128U << 10)

/*
 * A read of up to this size does not wait behind larger ones, which may be a neighbour's. After so
 * many of them in a row a larger one has its turn.
 */
#define SMALL_BYTES    (16U << 10)
#define SMALL_IN_A_ROW 32

struct read_list {
	struct bio_list small, large;
	unsigned int small_in_a_row;
};

struct read_queue {
	spinlock_t lock; /* of both lists; interrupts off: filled in completions */
	struct read_list for_bh;
	struct read_list for_worker;
	unsigned int softirq_bytes; /* decrypted in this run of softirqs; only softirqs' */
	unsigned int softirq_run;   /* see softirq_runs() */
	struct fve_bh bh;
	struct work_struct work;
	struct page *scratch; /* only the worker's */
};

static struct read_queue __percpu *read_queues;

/* Not bound to a device: its workers never wait for I/O, so all devices may share them. */
static struct workqueue_struct *read_workqueue;

static void queue_bio(struct read_queue *queue, struct read_list *list, struct bio *bio)
{
	bool small = fve_io_of(bio)->iter.bi_size <= SMALL_BYTES;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	bio_list_add(small ? &list->small : &list->large, bio);
	spin_unlock_irqrestore(&queue->lock, flags);
}

/* NULL: the list is empty. */
static struct bio *unqueue_bio(struct read_queue *queue, struct read_list *list)
{
	struct bio *bio = NULL;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	if (list->small_in_a_row < SMALL_IN_A_ROW || bio_list_empty(&list->large))
		bio = bio_list_pop(&list->small);
	if (bio) {
		list->small_in_a_row++;
	} else {
		list->small_in_a_row = 0;
		bio = bio_list_pop(&list->large);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	return bio;
}

static struct bio *unqueue_large(struct read_queue *queue, struct read_list *list)
{
	struct bio *bio;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	bio = bio_list_pop(&list->large);
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

	trace_fve_read_deferred(io->fve, &io->iter, FVE_WHY_BUSY_OR_CIPHER);
	queue_bio(queue, &queue->for_worker, bio);
	queue_work(read_workqueue, &queue->work);
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

static void end_read(struct bio *bio)
{
	struct fve_io *io = fve_io_of(bio);
	bool hard;

	fve_count(io->fve, FVE_READS, 1);
	if (unlikely(bio->bi_status)) {
		fve_io_done(io, bio);
		return;
	}
	fve_count(io->fve, FVE_READ_BYTES, io->iter.bi_size);

	hard = in_hardirq() || irqs_disabled();
	if ((hard || !in_serving_softirq() || within_share(io->iter.bi_size)) &&
	    decrypt_here(io, bio))
		return;

	fve_count(io->fve, FVE_DEFERRED, 1);
	if (hard)
		to_bh(io, bio);
	else
		to_worker(io, bio);
}

/* The larger reads that are left when the time is over go to the worker, which can be preempted. */
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
	while ((bio = unqueue_large(queue, &queue->for_bh)))
		to_worker(fve_io_of(bio), bio);
	fve_bh_schedule(&queue->bh);
}
FVE_BH_FUNCTION(run_bh, struct read_queue, bh)

static void run_worker(struct work_struct *work)
{
	struct read_queue *queue = container_of(work, struct read_queue, work);
	struct bio *bio;

	while ((bio = unqueue_bio(queue, &queue->for_worker))) {
		struct fve_io *io = fve_io_of(bio);
		int r = fve_decrypt(io, bio, queue->scratch);

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
	/* CPU_INTENSIVE: while one works here, others of the CPU's pool do not wait for it. */
	read_workqueue =
		alloc_workqueue("fve_read",
				WQ_PERCPU | WQ_MEM_RECLAIM | WQ_HIGHPRI | WQ_CPU_INTENSIVE, 0);
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

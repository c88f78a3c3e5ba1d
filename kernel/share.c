// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sharing the work on one large bio among CPUs.
 *
 * Who has the bio, its owner (the submitter of a write, the completion of a read), offers it on a
 * list of its CPU, wakes one helper and begins at the front, chunk by chunk. The helper, a work
 * item on an unbound workqueue, takes chunks of the same bio, and wakes the next helper while much
 * is left. Whoever ends last finishes the bio. So
 *
 *   - nobody waits for anybody, and map() not at all: where the helper comes late or never, its
 *     chunks have been done by the owner. A bio depends on a helper only from the time that it
 *     runs and has joined, and then on nothing but the CPU. That is also why the workqueue needs
 *     no rescuer (WQ_MEM_RECLAIM), and why a helper that gets no page can just go away.
 *   - no idle CPU has to be looked for, which a module cannot do: idle_cpu() and cpus_share_cache()
 *     are not exported. The workqueue places helpers near the CPU that wakes them (its cache's CPUs
 *     since 6.5, its node's before) and the scheduler on an idle one if there is one.
 *
 * What is lost where no CPU is idle is the wake-up. No more helpers are woken than there are CPUs
 * which work on no large bio, and after helpers have come too late, fewer.
 *
 * Bios below FVE_SHARE_MIN stay where they are: a wake-up takes as long as encrypting them.
 *
 * Lifetime. An offer lies in its bio. The queue's lock covers all of it: a helper joins (users is
 * raised) only what it finds on the list, and what is on the list has chunks left, so somebody is
 * still a user: a helper leaves only when no chunk is left, and the owner before that only if there
 * is a helper, or when it has taken the offer back after an error. Each user gives up its reference
 * on the key and then leaves (users is lowered); it touches neither bio nor device afterwards
 * unless it was the last. Queues and helpers are the module's.
 */

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "dm-fve.h"

/* Taken at a time. A multiple of any data unit. */
#define CHUNK (8U << 10)

/* Worth another helper. */
#define MUCH (32U << 10)

/*
 * The end of a bio that its owner leaves to those that already help, so that it is the first to be
 * done: its next bio is then offered before they look for one, and they need not be woken again.
 */
#define END	   (16U << 10)

#define HELPERS	   7 /* of one CPU */
#define ALL_ASLEEP (BIT(HELPERS) - 1)

/* So many bios wake nobody, at most, after helpers have come in vain. */
#define MAX_PAUSE 63U

struct helper {
	struct share_queue *queue;
	struct work_struct work;
};

struct share_queue {
	spinlock_t lock;	 /* interrupts off: owners may be softirqs */
	struct list_head offers; /* struct fve_share with chunks that nobody has taken */
	unsigned long asleep;	 /* a bit for each helper */
	bool helped;		 /* since all helpers were asleep */
	unsigned int pause;	 /* bios that are still to wake nobody */
	unsigned int next_pause;
	struct helper helpers[HELPERS];
};

static struct share_queue __percpu *share_queues;
static struct workqueue_struct *share_workqueue;

/* Owners and helpers at work or on their way. Of the whole module: once or twice per large bio. */
static atomic_t busy = ATOMIC_INIT(0);

/* Needs the lock. NULL: no more helpers now. */
static struct helper *next_helper(struct share_queue *queue)
{
	unsigned int nr;

	if (!queue->asleep || atomic_read(&busy) >= num_online_cpus())
		return NULL;
	nr = __ffs(queue->asleep);
	queue->asleep &= ~BIT(nr);
	atomic_inc(&busy);
	return &queue->helpers[nr];
}

static void wake(struct helper *helper)
{
	if (helper)
		queue_work(share_workqueue, &helper->work);
}

static void offer(struct fve_share *share)
{
	struct share_queue *queue = share->queue;
	struct helper *helper = NULL;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	list_add_tail(&share->list, &queue->offers);
	if (queue->pause)
		queue->pause--;
	else
		helper = next_helper(queue);
	spin_unlock_irqrestore(&queue->lock, flags);
	wake(helper);
}

/* Needs the lock. */
static bool on_list(const struct fve_share *share)
{
	return share->next < share->bytes;
}

/* Take the next chunk. Returns its size, 0 when none is left for the caller. */
static unsigned int take(struct fve_share *share, bool owner, unsigned int *at)
{
	struct share_queue *queue = share->queue;
	unsigned int bytes = 0;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	if (on_list(share) && !(owner && share->users > 1 && share->next + END >= share->bytes)) {
		*at = share->next;
		bytes = min(CHUNK, share->bytes - share->next);
		share->next += bytes;
		if (!on_list(share))
			list_del(&share->list);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	return bytes;
}

/* Returns whether the caller was the last user and has to finish the bio. */
static bool leave(struct fve_share *share, int error)
{
	struct share_queue *queue = share->queue;
	unsigned long flags;
	bool last;

	spin_lock_irqsave(&queue->lock, flags);
	if (unlikely(error)) {
		share->error = error;
		if (on_list(share)) {
			list_del(&share->list);
			share->next = share->bytes;
		}
	}
	last = !--share->users;
	spin_unlock_irqrestore(&queue->lock, flags);
	return last;
}

/* As a user of the bio's offer, work until nothing is left. Returns as leave(). */
static bool work_on(struct fve_io *io, struct bio *bio, bool owner, struct page *scratch,
		    bool may_sleep)
{
	struct fve_key *key = &io->fve->key;
	int r = -EKEYREVOKED;

	if (likely(fve_key_get(key))) {
		unsigned int at, bytes;

		r = 0;
		while (!r && (bytes = take(&io->share, owner, &at)))
			r = fve_crypt_part(io, bio, at, bytes, scratch, may_sleep);
		fve_key_put(key);
	}
	return leave(&io->share, r);
}

int fve_share(struct fve_io *io, struct bio *bio, unsigned int bytes, struct page *scratch)
{
	unsigned int cpu = raw_smp_processor_id();
	struct page *page = scratch ? scratch : fve_page_get(cpu);
	bool last;

	if (unlikely(!page))
		return -EAGAIN;
	io->share = (struct fve_share){
		.queue = per_cpu_ptr(share_queues, cpu),
		.bytes = bytes,
		.users = 1,
	};
	atomic_inc(&busy);
	offer(&io->share);
	last = work_on(io, bio, true, page, scratch);
	if (!scratch)
		fve_page_put(page, cpu);
	atomic_dec(&busy);
	return last ? io->share.error : -EINPROGRESS;
}

/*
 * Become a user of what is offered, if the helper is @able. NULL: there is nothing, and the helper
 * counts as asleep.
 */
static struct fve_io *join(struct helper *helper, bool able)
{
	struct share_queue *queue = helper->queue;
	struct fve_share *share = NULL;
	struct helper *next = NULL;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	if (able)
		share = list_first_entry_or_null(&queue->offers, struct fve_share, list);
	if (share) {
		share->users++;
		if (!share->helped)
			fve_count(container_of(share, struct fve_io, share)->fve, FVE_SHARED, 1);
		share->helped = true;
		queue->helped = true;
		if (share->bytes - share->next > MUCH)
			next = next_helper(queue);
	} else {
		queue->asleep |= BIT(helper - queue->helpers);
		if (queue->asleep == ALL_ASLEEP) {
			queue->next_pause =
				queue->helped ? 0 : min(2 * queue->next_pause + 1, MAX_PAUSE);
			queue->pause = queue->next_pause;
			queue->helped = false;
		}
		atomic_dec(&busy);
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	wake(next);
	return share ? container_of(share, struct fve_io, share) : NULL;
}

static void finish(struct fve_io *io, struct bio *bio)
{
	int error = io->share.error;

	if (bio_data_dir(bio) == READ)
		fve_finish_read(io, bio, error);
	else
		fve_finish_write(io, bio, error);
}

static void help(struct work_struct *work)
{
	struct helper *helper = container_of(work, struct helper, work);
	unsigned int cpu = raw_smp_processor_id();
	struct page *scratch = fve_page_get(cpu);
	struct fve_io *io;

	while ((io = join(helper, scratch))) {
		struct bio *bio = dm_bio_from_per_bio_data(io, sizeof(*io));

		if (work_on(io, bio, false, scratch, true))
			finish(io, bio);
		cond_resched();
	}
	if (scratch)
		fve_page_put(scratch, cpu);
}

/*
 * All devices are gone, but a helper may still be on its way, and an owner on its last
 * instructions: a helper may have finished its bio meanwhile.
 */
void fve_share_exit(void)
{
	while (atomic_read(&busy))
		msleep(1);
	destroy_workqueue(share_workqueue);
	free_percpu(share_queues);
}

int fve_share_init(void)
{
	int cpu, i;

	share_queues = alloc_percpu(struct share_queue);
	if (!share_queues)
		return -ENOMEM;
	/* SYSFS: who keeps CPUs free for something else can tell it here. */
	share_workqueue = alloc_workqueue("fve_share", WQ_UNBOUND | WQ_SYSFS, 0);
	if (!share_workqueue) {
		free_percpu(share_queues);
		return -ENOMEM;
	}
	for_each_possible_cpu (cpu) {
		struct share_queue *queue = per_cpu_ptr(share_queues, cpu);

		spin_lock_init(&queue->lock);
		INIT_LIST_HEAD(&queue->offers);
		queue->asleep = ALL_ASLEEP;
		for (i = 0; i < HELPERS; i++) {
			queue->helpers[i].queue = queue;
			INIT_WORK(&queue->helpers[i].work, help);
		}
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bounce pages of writes. Three sources, in this order:
 *
 *   cache      per CPU, of the whole module. A bounce page holds ciphertext and nothing else when
 *              it comes back, so it is handed out again as it is. That saves more than the trip to
 *              the allocator: with init_on_alloc the kernel clears each page it hands out. A page
 *              goes back to the cache that it came from: where a disk completes on one CPU what
 *              others submit, theirs would be empty for ever.
 *   allocator  without waiting and without touching the emergency reserves.
 *   reserve    per device, for its worker (and where a device is zoned, for map()). A write takes
 *              all its pages or none, so that two writes cannot each hold half. What is waited for
 *              are completions of writes that the lower device already has; should it never
 *              complete them, a revoked key ends the wait.
 *
 * A shrinker empties the cache when memory is short.
 */

#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>

#include "compat.h"
#include "dm-fve.h"

#define CACHE_PAGES 128 /* per CPU: with 4 KiB pages, four of the largest writes */

struct page_cache {
	spinlock_t lock; /* interrupts off: pages come back in completions */
	unsigned int nr;
	struct page *pages[CACHE_PAGES];
};

static struct page_cache __percpu *page_caches;
static struct shrinker *cache_shrinker;

/* As in mempool_alloc()'s first try: fail rather than wait, warn, or use the emergency reserves. */
#define GFP_BOUNCE (GFP_NOWAIT | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC)

struct page *fve_page_get(unsigned int cpu)
{
	struct page_cache *cache = per_cpu_ptr(page_caches, cpu);
	struct page *page = NULL;
	unsigned long flags;

	spin_lock_irqsave(&cache->lock, flags);
	if (cache->nr)
		page = cache->pages[--cache->nr];
	spin_unlock_irqrestore(&cache->lock, flags);

	return page || FVE_NO_PAGES ? page : alloc_page(GFP_BOUNCE);
}

/*
 * Whether nobody else refers to @page. Network block devices (nvme-tcp, iscsi, rbd) hand pages over
 * by reference: when a request ended by a timeout, a packet that is still to be sent again may hold
 * them, and would carry the next write's ciphertext to the old one's place.
 */
static bool is_ours_alone(struct page *page)
{
	return page_ref_count(page) == 1;
}

void fve_page_put(struct page *page, unsigned int cpu)
{
	struct page_cache *cache = per_cpu_ptr(page_caches, cpu);
	unsigned long flags;

	if (unlikely(!is_ours_alone(page))) {
		__free_page(page);
		return;
	}
	spin_lock_irqsave(&cache->lock, flags);
	if (cache->nr < CACHE_PAGES) {
		cache->pages[cache->nr++] = page;
		page = NULL;
	}
	spin_unlock_irqrestore(&cache->lock, flags);

	if (page)
		__free_page(page);
}

/* Free at most @max of @pages, and return how many were freed. */
static unsigned int shrink_one(struct page_cache *cache, unsigned int max)
{
	struct page *pages[16];
	unsigned int total = 0, nr, i;
	unsigned long flags;

	do {
		nr = 0;
		spin_lock_irqsave(&cache->lock, flags);
		while (cache->nr && nr < ARRAY_SIZE(pages) && total + nr < max)
			pages[nr++] = cache->pages[--cache->nr];
		spin_unlock_irqrestore(&cache->lock, flags);
		for (i = 0; i < nr; i++)
			__free_page(pages[i]);
		total += nr;
	} while (nr);
	return total;
}

static unsigned long shrink_count(struct shrinker *shrinker, struct shrink_control *control)
{
	unsigned long nr = 0;
	int cpu;

	for_each_possible_cpu (cpu)
		nr += READ_ONCE(per_cpu_ptr(page_caches, cpu)->nr);
	return nr ? nr : SHRINK_EMPTY;
}

static unsigned long shrink_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	unsigned long freed = 0;
	int cpu;

	for_each_possible_cpu (cpu) {
		if (freed >= control->nr_to_scan)
			break;
		freed += shrink_one(per_cpu_ptr(page_caches, cpu), control->nr_to_scan - freed);
	}
	return freed ? freed : SHRINK_STOP;
}

int fve_pages_init(void)
{
	int cpu;

	page_caches = alloc_percpu(struct page_cache);
	if (!page_caches)
		return -ENOMEM;
	for_each_possible_cpu (cpu)
		spin_lock_init(&per_cpu_ptr(page_caches, cpu)->lock);

	cache_shrinker = shrinker_alloc(0, "dm-fve");
	if (!cache_shrinker) {
		free_percpu(page_caches);
		return -ENOMEM;
	}
	cache_shrinker->count_objects = shrink_count;
	cache_shrinker->scan_objects = shrink_scan;
	cache_shrinker->seeks = DEFAULT_SEEKS;
	shrinker_register(cache_shrinker);
	return 0;
}

void fve_pages_exit(void)
{
	int cpu;

	shrinker_free(cache_shrinker);
	for_each_possible_cpu (cpu)
		shrink_one(per_cpu_ptr(page_caches, cpu), CACHE_PAGES);
	free_percpu(page_caches);
}

int fve_reserve_init(struct fve_reserve *reserve)
{
	spin_lock_init(&reserve->lock);
	init_waitqueue_head(&reserve->returned);
	while (reserve->nr < ARRAY_SIZE(reserve->pages)) {
		struct page *page = alloc_page(GFP_KERNEL);

		if (!page)
			return -ENOMEM;
		reserve->pages[reserve->nr++] = page;
	}
	return 0;
}

void fve_reserve_exit(struct fve_reserve *reserve)
{
	while (reserve->nr)
		__free_page(reserve->pages[--reserve->nr]);
}

/* A write with more pages than inline vectors has its vectors in a page more. */
static void set_vectors(struct fve_io *io, struct page *vector_page)
{
	io->bounce = vector_page ? page_address(vector_page) : io->inline_vecs;
}

static bool needs_vector_page(unsigned int nr_pages)
{
	return nr_pages > FVE_INLINE_VECS;
}

static void add_page(struct fve_io *io, struct page *page, unsigned int bytes)
{
	struct bio_vec *bv = &io->bounce[io->nr_pages++];

	bv->bv_page = page;
	bv->bv_offset = 0;
	bv->bv_len = min_t(unsigned int, bytes, PAGE_SIZE);
}

bool fve_bounce_get(struct fve_io *io, unsigned int bytes)
{
	struct page *vector_page = NULL;

	io->from_reserve = false;
	io->nr_pages = 0;
	/* The caller may move to another CPU at any time: any CPU's cache will do. */
	io->cpu = raw_smp_processor_id();
	if (needs_vector_page(DIV_ROUND_UP(bytes, PAGE_SIZE))) {
		vector_page = fve_page_get(io->cpu);
		if (!vector_page)
			return false;
	}
	set_vectors(io, vector_page);

	while (bytes) {
		struct page *page = fve_page_get(io->cpu);

		if (!page) {
			fve_bounce_put(io);
			return false;
		}
		add_page(io, page, bytes);
		bytes -= io->bounce[io->nr_pages - 1].bv_len;
	}
	return true;
}

static bool reserve_take(struct fve_reserve *reserve, struct fve_io *io, unsigned int bytes)
{
	unsigned int nr = DIV_ROUND_UP(bytes, PAGE_SIZE), need = nr + needs_vector_page(nr);
	unsigned long flags;
	bool enough;

	spin_lock_irqsave(&reserve->lock, flags);
	enough = reserve->nr >= need;
	if (enough) {
		set_vectors(io, needs_vector_page(nr) ? reserve->pages[--reserve->nr] : NULL);
		for (; bytes; bytes -= io->bounce[io->nr_pages - 1].bv_len)
			add_page(io, reserve->pages[--reserve->nr], bytes);
	}
	spin_unlock_irqrestore(&reserve->lock, flags);
	return enough;
}

bool fve_bounce_get_reserve(struct fve_io *io, unsigned int bytes)
{
	struct fve_reserve *reserve = &io->fve->reserve;
	bool taken = false;

	io->from_reserve = true;
	io->nr_pages = 0;
	wait_event(reserve->returned,
		   !fve_key_valid(&io->fve->key) || (taken = reserve_take(reserve, io, bytes)));
	return taken;
}

void fve_reserve_wake(struct fve_reserve *reserve)
{
	wake_up_all(&reserve->returned);
}

/*
 * A page that somebody else still refers to leaves the reserve where another can be had in its
 * place. Where memory is that short it stays: a write that can be made counts for more than the one
 * that has timed out.
 */
static struct page *fresh(struct page *page)
{
	struct page *other;

	if (likely(is_ours_alone(page)))
		return page;
	other = alloc_page(GFP_BOUNCE);
	if (!other)
		return page;
	__free_page(page);
	return other;
}

static void reserve_return(struct fve_reserve *reserve, struct fve_io *io, struct page *vector_page)
{
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < io->nr_pages; i++)
		io->bounce[i].bv_page = fresh(io->bounce[i].bv_page);

	spin_lock_irqsave(&reserve->lock, flags);
	while (io->nr_pages)
		reserve->pages[reserve->nr++] = io->bounce[--io->nr_pages].bv_page;
	if (vector_page)
		reserve->pages[reserve->nr++] = vector_page;
	spin_unlock_irqrestore(&reserve->lock, flags);

	/* The device is still there: the clone has not been given back to dm. */
	wake_up(&reserve->returned);
}

void fve_bounce_put(struct fve_io *io)
{
	struct page *vector_page = NULL;

	if (io->bounce != io->inline_vecs)
		vector_page = virt_to_page(io->bounce);

	if (unlikely(io->from_reserve)) {
		reserve_return(&io->fve->reserve, io, vector_page);
		return;
	}
	while (io->nr_pages)
		fve_page_put(io->bounce[--io->nr_pages].bv_page, io->cpu);
	if (vector_page)
		fve_page_put(vector_page, io->cpu);
}

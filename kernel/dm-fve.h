/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Types and functions that the files of the module share. The files, by what they do:
 *
 *   target.c  the target_type: construction, status, messages
 *   table.c   table line -> struct fve_params
 *   key.c     key bytes, and who may use the key when
 *   engine*.c AES-XTS
 *   crypt.c   a bio -> runs of data units
 *   read.c    decrypting where the completion runs, or in a context that may
 *   write.c   encrypting into bounce pages in the submitter's context
 *   share.c   one large bio's work divided among CPUs
 *   pages.c   bounce pages: cache, allocator, reserve
 *   zoned.c   the differences on zoned devices
 *   selftest.c  known answers at module load
 *   trace.h   trace points off the fast path
 *
 * Locking. The I/O path takes no lock of the device. It holds a reference on fve->key.users around
 * each use of the cipher (key.c explains why that suffices). fve->key.lock serialises everything
 * that changes the key, and guards fve->suspended and the key's name. Each remaining lock is a leaf
 * that covers one list or one stack of pages, and is taken with interrupts off because completions
 * come from hard-irq context.
 */
#ifndef FVE_DM_FVE_H
#define FVE_DM_FVE_H

#include <linux/bio.h>
#include <linux/completion.h>
#include <linux/device-mapper.h>
#include <linux/mutex.h>
#include <linux/percpu-refcount.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "engine.h"

#define DM_MSG_PREFIX "fve"

#define FVE_CIPHER    "aes-xts-plain64"

/*
 * Reads and writes are cut to this many bytes (dm-crypt found 128 KiB best, see max_write_size
 * there). A larger write would be encrypted by one CPU while the disk waits, and would need a
 * larger reserve; a larger read would be decrypted at a stretch when the last of it has come.
 */
#define FVE_MAX_BYTES (128U << 10)

/* Set only by the test bed's faulty builds; see Kbuild. */
#ifndef FVE_IV_ERROR
#define FVE_IV_ERROR 0
#endif
#ifndef FVE_NO_PAGES
#define FVE_NO_PAGES 0
#endif

/* ---- table.c ---- */

/* The name of a key in the kernel keyring, `:<bytes>:<type>:<description>`. */
struct fve_key_name {
	unsigned int size; /* bytes, 32 or 64 */
	char *type;
	char *description;
};

/* A table line. The strings are borrowed from the argument vector. */
struct fve_params {
	struct fve_key_name key;
	u64 iv_offset; /* 512-byte sectors */
	char *device;
	sector_t start;		/* 512-byte sectors */
	char *engine;		/* NULL: the best */
	unsigned int unit_size; /* bytes, of the data unit ("sector_size") */
	bool allow_discards;
	bool iv_large_sectors;
};

/*
 * Parse a key's name, or a table line. Both write into the strings that they parse, and the results
 * borrow from them. -EINVAL: *error, a static text, says what is wrong.
 */
int fve_key_name_parse(char *text, struct fve_key_name *name, char **error);
int fve_params_parse(unsigned int argc, char **argv, struct fve_params *params, char **error);

/* ---- key.c ---- */

enum fve_key_state {
	FVE_KEY_NONE, /* the device is under construction, or after `key wipe` */
	FVE_KEY_VALID,
	FVE_KEY_REVOKED, /* after `revoke`, for good */
};

struct fve_key {
	struct mutex lock;
	enum fve_key_state state;  /* written under lock */
	struct fve_cipher *cipher; /* NULL unless valid; I/O reads it while holding users */
	struct fve_key_name name;  /* owned; under lock */
	const char *engine;	   /* that the table asks for, owned; NULL: the best */
	unsigned int unit_size;	   /* bytes of a data unit, by which the best engine is chosen */
	const char *engine_used;   /* that the key got; static; stays when the key is wiped */
	bool sleeps;		   /* its cipher is FVE_MAY_SLEEP; I/O reads it any time */
	struct percpu_ref users;   /* live exactly while the state is valid */
	struct completion users_gone;
};

struct fve;

int fve_key_init(struct fve_key *key);
void fve_key_exit(struct fve_key *key); /* also after a failed or missing init */

/* Fetch the key @name from the kernel's keyring and use it from now on. Needs key->lock. -errno:
 * *error, a static text, says why. */
int fve_key_set(struct fve_key *key, const struct fve_key_name *name, char **error);

/* Wait until nobody uses the key, then zero its schedule and set @state. Needs key->lock. */
void fve_key_drop(struct fve_key *key, enum fve_key_state state);

/*
 * Begin to use the cipher, which stays until fve_key_put(). Works in any context. False: there is
 * no key, and the I/O has to fail.
 */
static inline bool fve_key_get(struct fve_key *key)
{
	return percpu_ref_tryget_live(&key->users);
}

/* Return whether fve_key_get() would probably succeed. */
static inline bool fve_key_valid(const struct fve_key *key)
{
	return READ_ONCE(key->state) == FVE_KEY_VALID;
}

static inline void fve_key_put(struct fve_key *key)
{
	percpu_ref_put(&key->users);
}

/* ---- the device ---- */

enum fve_counter {
	FVE_READS, /* bios completed, with or without success */
	FVE_WRITES,
	FVE_READ_BYTES,
	FVE_WRITE_BYTES,
	FVE_DEFERRED, /* those of them that another context has encrypted or decrypted */
	FVE_RESERVE,  /* writes of them that took pages of the reserve */
	FVE_ERRORS,   /* bios that this target has failed: no key, or a cipher error */
	FVE_SHARED,   /* bios that other CPUs have helped with */
	FVE_COUNTERS,
};

/* Counters of one CPU, summed for the status line. A 32-bit kernel may show a torn value there. */
struct fve_counters {
	u64 value[FVE_COUNTERS];
};

/* Pages that are held back for a device, enough for two of the largest writes. */
#define FVE_RESERVE_PAGES (2 * (FVE_MAX_BYTES / PAGE_SIZE + 1))

struct fve_reserve {
	spinlock_t lock;
	wait_queue_head_t returned;
	unsigned int nr; /* pages at hand */
	struct page *pages[FVE_RESERVE_PAGES];
};

struct fve {
	struct dm_target *ti;
	struct dm_dev *dev;
	sector_t start;		 /* of the data on dev, 512-byte sectors */
	u64 iv_offset;		 /* 512-byte sectors */
	unsigned int unit_size;	 /* bytes */
	unsigned int unit_shift; /* from 512-byte sectors to data units */
	unsigned int iv_shift;	 /* from 512-byte sectors to IVs: unit_shift or 0 */
	bool allow_discards;
	bool zoned;	/* the lower device; see zoned.c */
	bool suspended; /* under key.lock */

	struct fve_key key;
	struct fve_counters __percpu *counters;

	struct fve_read_workers *read_workers; /* read.c: for a cipher that sleeps */

	/* write.c: bios that wait for the worker, and what only the worker uses */
	spinlock_t deferred_lock;
	struct bio_list deferred;
	struct work_struct deferred_work;
	struct workqueue_struct *workqueue;
	struct fve_reserve reserve;
};

static inline void fve_count(struct fve *fve, enum fve_counter counter, u64 n)
{
	this_cpu_add(fve->counters->value[counter], n);
}

/* ---- trace.c ---- */

/* Why an I/O leaves the fast path. */
enum fve_why {
	FVE_WHY_HARD_IRQ,	/* a read, to the bottom half */
	FVE_WHY_BUSY_OR_CIPHER, /* a read, to the worker: the softirq has had its share, or cipher
				   or memory are not at hand */
	FVE_WHY_NO_PAGES,
	FVE_WHY_CIPHER, /* a write: the cipher cannot be called in the submitter's context */
	FVE_WHY_SPLIT,	/* too large, and must not wait */
};

/* ---- per bio ---- */

/* The offer to other CPUs to help with a bio; all of it belongs to share.c. */
struct fve_share {
	struct list_head list; /* while there are chunks that nobody has taken */
	struct share_queue *queue;
	unsigned int next;  /* bytes: the first that nobody has taken */
	unsigned int bytes; /* of the bio */
	unsigned int users; /* owner and helpers, working on what they have taken */
	int error;
	bool helped;
};

#define FVE_INLINE_VECS 4 /* bounce pages without a page of vectors: writes up to 16 KiB */

/*
 * What the target knows of a bio, in the per-bio data of dm's own clone: the target allocates no
 * bio. Belongs to whoever owns the clone at the time: the submitter, the lower device, the end_io
 * function, or the worker on whose list it is.
 */
struct fve_io {
	struct fve *fve;
	bio_end_io_t *end_io; /* dm's own, which is called when we are done */

	/* Read: what is still to be decrypted. Write: the clone's own, while it points to bounce.
	 */
	struct bvec_iter iter;

	/* Writes only, from fve_bounce_get() to fve_bounce_put(). */
	struct bio_vec *source; /* the clone's own vectors */
	struct bio_vec *bounce; /* inline_vecs, or in a page of vectors */
	unsigned int cpu;	/* whose cache the bounce pages are from */
	unsigned short nr_pages;
	bool from_reserve;
	struct bio_vec inline_vecs[FVE_INLINE_VECS];

	struct fve_share share; /* large bios only */
};

static inline struct fve_io *fve_io_of(struct bio *bio)
{
	return dm_per_bio_data(bio, sizeof(struct fve_io));
}

/* Give the clone back to dm, which may free it at once, and the device when it was the last. */
static inline void fve_io_done(struct fve_io *io, struct bio *bio)
{
	bio->bi_end_io = io->end_io;
	bio->bi_end_io(bio);
}

/* ---- crypt.c ---- */

/*
 * Both of these return -EKEYREVOKED where there is no key, -EAGAIN where the cipher cannot be
 * called in this context, and -EINPROGRESS where another CPU is not yet done with its part of the
 * bio: then it calls fve_finish_read() or fve_finish_write(), and the bio is no longer the
 * caller's.
 *
 * Decrypt in place what io->iter still covers; after -EAGAIN it covers the rest. A worker, which
 * may sleep, passes @scratch, a page of its own. Without it -EAGAIN can also mean that there is no
 * page at hand, which a data unit that straddles pages needs, and one that CPUs share.
 */
int fve_decrypt(struct fve_io *io, struct bio *bio, struct page *scratch);

/* Encrypt the clone's data into its bounce pages. Errors leave no plaintext in them. */
int fve_encrypt(struct fve_io *io, struct bio *bio, bool may_sleep);

/*
 * Encrypt or decrypt only @bytes of it, from byte @at on, both multiples of the data unit. The
 * caller has a reference on the key. With @may_sleep, which is for decrypting, others get the CPU
 * in between. Returns as above, but never -EAGAIN nor -EINPROGRESS.
 */
int fve_crypt_part(struct fve_io *io, struct bio *bio, unsigned int at, unsigned int bytes,
		   struct page *scratch, bool may_sleep);

/* ---- share.c ---- */

#define FVE_SHARE_MIN (64U << 10) /* bytes */

int fve_share_init(void);
void fve_share_exit(void);

/* A poller would not find a bio that another CPU is still to submit. */
static inline bool fve_share_wanted(const struct bio *bio, unsigned int bytes)
{
	return unlikely(bytes >= FVE_SHARE_MIN) && num_online_cpus() > 1 &&
	       !(bio->bi_opf & REQ_POLLED);
}

/*
 * Encrypt or decrypt as fve_encrypt() and fve_decrypt() do, which call this, with what help other
 * CPUs give. The cipher can be called here, and in any task. Never waits.
 */
int fve_share(struct fve_io *io, struct bio *bio, unsigned int bytes, struct page *scratch);

/* ---- pages.c ---- */

int fve_pages_init(void);
void fve_pages_exit(void);

/*
 * One page from the cache of @cpu or the allocator, without waiting; its content is undefined. It
 * goes back to the same cache, and must hold no plaintext then.
 */
struct page *fve_page_get(unsigned int cpu);
void fve_page_put(struct page *page, unsigned int cpu);

int fve_reserve_init(struct fve_reserve *reserve);
void fve_reserve_exit(struct fve_reserve *reserve);

/* Wake those who wait for the reserve, since the key is gone. */
void fve_reserve_wake(struct fve_reserve *reserve);

/* Give the clone bounce pages for @bytes, without waiting. False: there are too few, and it got
 * none. */
bool fve_bounce_get(struct fve_io *io, unsigned int bytes);

/*
 * Give the clone bounce pages of the reserve, and wait until others have returned theirs. False:
 * the key was revoked meanwhile. May be called by the worker, and by map() of a zoned device.
 */
bool fve_bounce_get_reserve(struct fve_io *io, unsigned int bytes);

/* Return the bounce pages to where they came from. Works in any context. */
void fve_bounce_put(struct fve_io *io);

/* ---- target.c ---- */

/* Refuse a bio that must not wait. Returns what map() is to return. */
int fve_again(struct fve *fve, struct bio *bio, enum fve_why why);

/* ---- read.c, write.c ---- */

int fve_read_init(void);
void fve_read_exit(void);
int fve_read_init_device(struct fve *fve);
void fve_read_exit_device(struct fve *fve); /* also after a failed or missing init */
int fve_map_read(struct fve *fve, struct bio *bio);
void fve_finish_read(struct fve_io *io, struct bio *bio, int error);

int fve_write_init(struct fve *fve, const char *name);
void fve_write_exit(struct fve *fve);
int fve_map_write(struct fve *fve, struct bio *bio);
void fve_finish_write(struct fve_io *io, struct bio *bio, int error); /* not in map() */

/* ---- zoned.c ---- */

#ifdef CONFIG_BLK_DEV_ZONED

int fve_report_zones(struct dm_target *ti, struct dm_report_zones_args *args,
		     unsigned int nr_zones);

/* For a zoned device only. */
void fve_zoned_limits(const struct fve *fve, struct queue_limits *limits);

#else

#define fve_report_zones NULL

static inline void fve_zoned_limits(const struct fve *fve, struct queue_limits *limits)
{
}

#endif

#endif

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device-mapper target "fve": full-volume encryption with AES-XTS, bit for bit what dm-crypt makes
 * of aes-xts-plain64. docs/table-format.md has the table line, the messages and the status.
 */

#include <linux/blkdev.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "compat.h"
#include "dm-fve.h"
#include "selftest.h"
#include "trace.h"

/* Release a device, which may have been constructed only in part. */
static void fve_dtr(struct dm_target *ti)
{
	struct fve *fve = ti->private;

	fve_write_exit(fve);
	fve_read_exit_device(fve);
	fve_key_exit(&fve->key);
	free_percpu(fve->counters);
	if (fve->dev)
		dm_put_device(ti, fve->dev);
	kfree(fve);
}

/* Check size and place of the mapping against the data unit and against the lower device. */
static int check_geometry(struct fve *fve)
{
	struct dm_target *ti = fve->ti;
	sector_t unit_mask = (1U << fve->unit_shift) - 1;
	sector_t size = bdev_nr_sectors(fve->dev->bdev);

	if (ti->begin & unit_mask) {
		ti->error = "Start is not a multiple of sector_size";
		return -EINVAL;
	}
	if (ti->len & unit_mask) {
		ti->error = "Length is not a multiple of sector_size";
		return -EINVAL;
	}
	if (fve->start > size || ti->len > size - fve->start) {
		ti->error = "Device is too small";
		return -EINVAL;
	}
	return 0;
}

static void set_target_features(struct dm_target *ti, const struct fve *fve)
{
	ti->per_io_data_size = sizeof(struct fve_io);
	ti->num_flush_bios = 1;
	/* Zeroes must be encrypted like all else: no write zeroes, the block layer writes pages. */
	ti->num_write_zeroes_bios = 0;
	/* Opt-in: discards show which sectors are in use. */
	ti->num_discard_bios = fve->allow_discards;
	ti->num_secure_erase_bios = fve->allow_discards;
	/* Swapping out takes bounce pages: bound what one burst can have in flight. */
	ti->limit_swap_bios = true;
	/* A deferred write is accounted when it is submitted, not when map() returns. */
	ti->accounts_remapped_io = true;
	ti->emulate_zone_append = fve->zoned;
}

static int fve_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct fve_params params;
	struct fve *fve;
	int r;

	r = fve_params_parse(argc, argv, &params, &ti->error);
	if (r)
		return r;

	fve = kzalloc(sizeof(*fve), GFP_KERNEL);
	if (!fve) {
		ti->error = "Out of memory";
		return -ENOMEM;
	}
	ti->private = fve;
	fve->ti = ti;
	fve->start = params.start;
	fve->iv_offset = params.iv_offset;
	fve->unit_size = params.unit_size;
	fve->unit_shift = ilog2(params.unit_size) - SECTOR_SHIFT;
	fve->iv_shift = params.iv_large_sectors ? fve->unit_shift : 0;
	fve->allow_discards = params.allow_discards;

	r = dm_get_device(ti, params.device, dm_table_get_mode(ti->table), &fve->dev);
	if (r) {
		fve->dev = NULL;
		ti->error = "Device lookup failed";
		goto bad;
	}
	r = check_geometry(fve);
	if (r)
		goto bad;
	fve->zoned = bdev_is_zoned(fve->dev->bdev);

	ti->error = "Out of memory";
	r = -ENOMEM;
	fve->counters = alloc_percpu(struct fve_counters);
	if (!fve->counters)
		goto bad;
	fve->key.unit_size = fve->unit_size;
	if (params.engine) {
		fve->key.engine = kstrdup(params.engine, GFP_KERNEL);
		if (!fve->key.engine)
			goto bad;
	}
	r = fve_key_init(&fve->key);
	if (r)
		goto bad;
	r = fve_read_init_device(fve);
	if (r)
		goto bad;
	r = fve_write_init(fve, dm_table_device_name(ti->table));
	if (r)
		goto bad;

	mutex_lock(&fve->key.lock);
	r = fve_key_set(&fve->key, &params.key, &ti->error);
	mutex_unlock(&fve->key.lock);
	if (r)
		goto bad;

	set_target_features(ti, fve);
	ti->error = NULL;
	return 0;

bad:
	fve_dtr(ti);
	return r;
}

static bool is_aligned(const struct fve *fve, const struct bio *bio)
{
	sector_t sector = dm_target_offset(fve->ti, bio->bi_iter.bi_sector);

	return !((sector | bio_sectors(bio)) & ((1U << fve->unit_shift) - 1));
}

int fve_again(struct fve *fve, struct bio *bio, enum fve_why why)
{
	trace_fve_again(fve, &bio->bi_iter, why);
	bio_wouldblock_error(bio);
	return DM_MAPIO_SUBMITTED;
}

/*
 * As the block layer does it, a bio that must not wait is not cut: with a part in flight, "would
 * block" for another part comes too late, from a completion, where io_uring can no longer retry.
 * Polled bios dm retries by itself.
 */
static bool may_be_cut(const struct bio *bio)
{
	return (bio->bi_opf & (REQ_NOWAIT | REQ_POLLED)) != REQ_NOWAIT;
}

/*
 * How much of a larger bio is mapped at once, in sectors: as many as the disk takes in whole
 * requests. It would cut the rest of each piece off again: 124 KiB and 4 KiB, with null_blk.
 */
static unsigned int piece_sectors(const struct fve *fve)
{
	unsigned int most = FVE_MAX_BYTES >> SECTOR_SHIFT;
	unsigned int disk = round_down(queue_max_sectors(bdev_get_queue(fve->dev->bdev)),
				       1U << fve->unit_shift);

	return disk && disk < most ? most - most % disk : most;
}

static int fve_map(struct dm_target *ti, struct bio *bio)
{
	struct fve *fve = ti->private;

	if (unlikely(!fve_key_valid(&fve->key))) {
		fve_count(fve, FVE_ERRORS, 1);
		return DM_MAPIO_KILL;
	}

	/*
	 * No data: discards, operations on zones, and flushes, which dm sends apart from the data
	 * they came with and which alone have no place.
	 */
	if (unlikely(!bio_has_data(bio))) {
		bio_set_dev(bio, fve->dev->bdev);
		if (bio_sectors(bio) || op_is_zone_mgmt(bio_op(bio)))
			bio->bi_iter.bi_sector =
				fve->start + dm_target_offset(ti, bio->bi_iter.bi_sector);
		return DM_MAPIO_REMAPPED;
	}

	/* Beyond the limits of io_hints: half a data unit cannot be encrypted. */
	if (unlikely(!is_aligned(fve, bio)))
		return DM_MAPIO_KILL;

	/*
	 * The rest of a polled bio that was split carries dm's own mark REQ_DM_POLL_LIST into the
	 * clone. That is REQ_DRV, which to the lower driver means something else: NVMe takes it
	 * for its multipath's, and follows a pointer that is not there (seen on 6.12).
	 */
	bio->bi_opf &= ~REQ_DRV;

	if (bio->bi_iter.bi_size > FVE_MAX_BYTES) {
		/* A large read of a zoned device is decrypted whole. */
		if (unlikely(fve->zoned) && bio_data_dir(bio) == READ)
			return fve_map_read(fve, bio);
		/* Beyond the device's limits, left from a table without them. */
		if (unlikely(fve->zoned && !FVE_ZONED_WRITES_ARE_CUT))
			return DM_MAPIO_KILL;
		/* Beyond the limits, too. */
		if (unlikely(bio->bi_opf & FVE_REQ_ATOMIC))
			return DM_MAPIO_KILL;
		if (!fve->zoned && !may_be_cut(bio))
			return fve_again(fve, bio, FVE_WHY_SPLIT);
		dm_accept_partial_bio(bio, piece_sectors(fve));
	}
	return bio_data_dir(bio) == READ ? fve_map_read(fve, bio) : fve_map_write(fve, bio);
}

static u64 counter_sum(const struct fve *fve, enum fve_counter counter)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu (cpu)
		sum += per_cpu_ptr(fve->counters, cpu)->value[counter];
	return sum;
}

static const char *state_name(enum fve_key_state state)
{
	switch (state) {
	case FVE_KEY_VALID:
		return "valid";
	case FVE_KEY_REVOKED:
		return "revoked";
	case FVE_KEY_NONE:
		break;
	}
	return "wiped";
}

static unsigned int emit_info(struct fve *fve, char *result, unsigned int maxlen)
{
	/* First, so that the difference below is never negative: a bio is counted before it moves.
	 */
	u64 deferred = counter_sum(fve, FVE_DEFERRED);
	u64 reads = counter_sum(fve, FVE_READS), writes = counter_sum(fve, FVE_WRITES);
	unsigned int sz = 0;

	DMEMIT("%s %s reads=%llu writes=%llu", state_name(fve->key.state), fve->key.engine_used,
	       reads, writes);
	DMEMIT(" read_bytes=%llu write_bytes=%llu", counter_sum(fve, FVE_READ_BYTES),
	       counter_sum(fve, FVE_WRITE_BYTES));
	DMEMIT(" inline=%llu deferred=%llu", reads + writes - deferred, deferred);
	DMEMIT(" reserve=%llu errors=%llu", counter_sum(fve, FVE_RESERVE),
	       counter_sum(fve, FVE_ERRORS));
	DMEMIT(" shared=%llu", counter_sum(fve, FVE_SHARED));
	return sz;
}

static unsigned int emit_table(struct fve *fve, char *result, unsigned int maxlen)
{
	const struct fve_key_name *key = &fve->key.name;
	bool large = fve->iv_shift, sector_size = fve->unit_shift;
	unsigned int options = fve->allow_discards + sector_size + large + !!fve->key.engine;
	unsigned int sz = 0;

	DMEMIT(FVE_CIPHER " :%u:%s:%s %llu %s %llu", key->size, key->type, key->description,
	       fve->iv_offset, fve->dev->name, (u64)fve->start);
	if (options)
		DMEMIT(" %u", options);
	if (fve->allow_discards)
		DMEMIT(" allow_discards");
	if (sector_size)
		DMEMIT(" sector_size:%u", fve->unit_size);
	if (large)
		DMEMIT(" iv_large_sectors");
	if (fve->key.engine)
		DMEMIT(" engine:%s", fve->key.engine);
	return sz;
}

static unsigned int emit_ima(struct fve *fve, char *result, unsigned int maxlen)
{
	unsigned int sz = 0;

	DMEMIT_TARGET_NAME_VERSION(fve->ti->type);
	DMEMIT(",cipher_string=" FVE_CIPHER ",key_size=%u", fve->key.name.size);
	DMEMIT(",sector_size=%u,iv_large_sectors=%c,allow_discards=%c;", fve->unit_size,
	       fve->iv_shift ? 'y' : 'n', fve->allow_discards ? 'y' : 'n');
	return sz;
}

static void fve_status(struct dm_target *ti, status_type_t type, unsigned int flags, char *result,
		       unsigned int maxlen)
{
	struct fve *fve = ti->private;

	mutex_lock(&fve->key.lock);
	switch (type) {
	case STATUSTYPE_INFO:
		emit_info(fve, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		emit_table(fve, result, maxlen);
		break;
	case STATUSTYPE_IMA:
		emit_ima(fve, result, maxlen);
		break;
	}
	mutex_unlock(&fve->key.lock);
}

/* Needs key.lock. */
static int message_key(struct fve *fve, unsigned int argc, char **argv)
{
	struct fve_key_name name;
	char *error;
	int r;

	if (!fve->suspended) {
		DMWARN("key message while the device is not suspended");
		return -EINVAL;
	}
	if (fve->key.state == FVE_KEY_REVOKED) {
		DMWARN("key is revoked, load a new table");
		return -EKEYREVOKED;
	}
	if (argc == 2 && !strcasecmp(argv[1], "wipe")) {
		fve_key_drop(&fve->key, FVE_KEY_NONE);
		return 0;
	}
	if (argc != 3 || strcasecmp(argv[1], "set")) {
		DMWARN("unknown key message");
		return -EINVAL;
	}

	r = fve_key_name_parse(argv[2], &name, &error);
	if (!r && name.size != fve->key.name.size) {
		error = "Key size differs from the table's";
		r = -EINVAL;
	}
	if (!r)
		r = fve_key_set(&fve->key, &name, &error);
	if (r)
		DMWARN("%s", error);
	return r;
}

static int fve_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
		       unsigned int maxlen)
{
	struct fve *fve = ti->private;
	int r = 0;

	mutex_lock(&fve->key.lock);
	if (argc == 1 && !strcasecmp(argv[0], "revoke")) {
		fve_key_drop(&fve->key, FVE_KEY_REVOKED);
		fve_reserve_wake(&fve->reserve);
	} else if (!strcasecmp(argv[0], "key")) {
		r = message_key(fve, argc, argv);
	} else {
		DMWARN("unknown message %s", argv[0]);
		r = -EINVAL;
	}
	mutex_unlock(&fve->key.lock);
	return r;
}

static void set_suspended(struct fve *fve, bool suspended)
{
	mutex_lock(&fve->key.lock);
	fve->suspended = suspended;
	mutex_unlock(&fve->key.lock);
}

static void fve_postsuspend(struct dm_target *ti)
{
	set_suspended(ti->private, true);
}

/*
 * A wiped key is expected back: I/O waits for it. A revoked one is not: what waits is to fail
 * rather than to hang with its device.
 */
static int fve_preresume(struct dm_target *ti)
{
	struct fve *fve = ti->private;

	if (READ_ONCE(fve->key.state) != FVE_KEY_NONE)
		return 0;
	DMERR("%s: no key, refusing to resume", dm_table_device_name(ti->table));
	return -ENOKEY;
}

/* A key wiped since preresume makes I/O fail, and nothing worse. */
static void fve_resume(struct dm_target *ti)
{
	set_suspended(ti->private, false);
}

static int fve_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct fve *fve = ti->private;

	return fn(ti, fve->dev, fve->start, ti->len, data);
}

/*
 * The data unit is the smallest thing that can be read or written. dma_alignment stays the lower
 * device's: data units may lie in memory as they like.
 */
static void fve_io_hints(struct dm_target *ti, struct queue_limits *limits)
{
	struct fve *fve = ti->private;

	limits->logical_block_size = max(limits->logical_block_size, fve->unit_size);
	limits->physical_block_size = max(limits->physical_block_size, fve->unit_size);
	limits->io_min = max(limits->io_min, fve->unit_size);
	fve_limit_atomic_writes(limits, FVE_MAX_BYTES);
	if (fve->zoned)
		fve_zoned_limits(fve, limits);
}

/* Raise the version when the table, the messages or the status change. */
static struct target_type fve_target = {
	.name = "fve",
	.version = {1, 2, 0},
	.features = DM_TARGET_NOWAIT | DM_TARGET_ZONED_HM | DM_TARGET_ATOMIC_WRITES,
	.module = THIS_MODULE,
	.ctr = fve_ctr,
	.dtr = fve_dtr,
	.map = fve_map,
	.status = fve_status,
	.message = fve_message,
	.postsuspend = fve_postsuspend,
	.preresume = fve_preresume,
	.resume = fve_resume,
	.report_zones = fve_report_zones,
	.iterate_devices = fve_iterate_devices,
	.io_hints = fve_io_hints,
};

static int __init fve_init(void)
{
	int r;

	/*
	 * The drivers of a CPU's AES instructions are found by the alias of "aes", not by that of
	 * the "xts(aes)" which they register. Without this, whether a table gets them would depend
	 * on who else has asked before.
	 */
	request_module("crypto-aes");

	r = fve_selftest();
	if (r) {
		DMERR("known-answer test failed (%d), not loading", r);
		return r;
	}
	r = fve_pages_init();
	if (r)
		return r;
	r = fve_share_init();
	if (r)
		goto bad_share;
	r = fve_read_init();
	if (r)
		goto bad_read;
	r = dm_register_target(&fve_target);
	if (r)
		goto bad_register;
	return 0;

bad_register:
	fve_read_exit();
bad_read:
	fve_share_exit();
bad_share:
	fve_pages_exit();
	return r;
}

static void __exit fve_exit(void)
{
	dm_unregister_target(&fve_target);
	fve_read_exit();
	fve_share_exit();
	fve_pages_exit();
}

module_init(fve_init);
module_exit(fve_exit);

MODULE_DESCRIPTION(DM_NAME " target for full-volume encryption");
MODULE_LICENSE("GPL");
MODULE_SOFTDEP("pre: crypto-aes crypto-xts");

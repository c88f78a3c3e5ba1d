// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dividing a bio into runs of data units.
 *
 * Units are aligned on the disk but not in memory: O_DIRECT from an odd address, or a log buffer
 * of XFS, has units that straddle two or more vectors or pages. These are gathered into one piece
 * first: on writes in the bounce page itself, on reads in a scratch page.
 */

#include <linux/bvec.h>
#include <linux/highmem.h>
#include <linux/string.h>

#include "dm-fve.h"

/* Return the IV (plain64): the number of the sector, or of the data unit with iv_large_sectors. */
static u64 iv_of(const struct fve *fve, sector_t sector)
{
	return ((dm_target_offset(fve->ti, sector) + fve->iv_offset) >> fve->iv_shift) +
	       FVE_IV_ERROR;
}

static void run_init(const struct fve *fve, struct fve_run *run, bool encrypt)
{
	run->unit_size = fve->unit_size;
	run->iv_step = 1ULL << (fve->unit_shift - fve->iv_shift);
	run->encrypt = encrypt;
}

/* Copy one unit from where @iter stands to @to, and advance @iter. */
static void gather(struct bio *bio, struct bvec_iter *iter, void *to, unsigned int bytes)
{
	while (bytes) {
		struct bio_vec bv = bio_iter_iovec(bio, *iter);

		bv.bv_len = min(bv.bv_len, bytes);
		memcpy_from_bvec(to, &bv);
		bio_advance_iter_single(bio, iter, bv.bv_len);
		to += bv.bv_len;
		bytes -= bv.bv_len;
	}
}

/* Copy one unit back, the reverse of gather(). */
static void scatter(struct bio *bio, struct bvec_iter *iter, const void *from, unsigned int bytes)
{
	while (bytes) {
		struct bio_vec bv = bio_iter_iovec(bio, *iter);

		bv.bv_len = min(bv.bv_len, bytes);
		memcpy_to_bvec(&bv, from);
		bio_advance_iter_single(bio, iter, bv.bv_len);
		from += bv.bv_len;
		bytes -= bv.bv_len;
	}
}

static int decrypt_straddling(struct fve_io *io, struct bio *bio, struct bvec_iter *iter,
			      struct fve_run *run, struct page *scratch)
{
	unsigned int cpu = raw_smp_processor_id();
	struct page *page = scratch ? scratch : fve_page_get(cpu);
	struct bvec_iter from = *iter;
	void *linear;
	int r;

	if (!page)
		return -EAGAIN;
	linear = page_address(page);
	gather(bio, &from, linear, run->unit_size);

	run->src = run->dst = page;
	run->src_offset = run->dst_offset = 0;
	run->bytes = run->unit_size;
	r = fve_cipher_crypt(io->fve->key.cipher, run);
	if (!r)
		scatter(bio, iter, linear, run->unit_size);

	memzero_explicit(linear, run->unit_size);
	if (!scratch)
		fve_page_put(page, cpu);
	return r;
}

/* Decrypt what @iter covers, and advance it. With @may_sleep others get their turn in between. */
static int decrypt_runs(struct fve_io *io, struct bio *bio, struct bvec_iter *iter,
			struct page *scratch, bool may_sleep)
{
	struct fve *fve = io->fve;
	struct fve_run run;
	int r = 0;

	run_init(fve, &run, false);
	while (iter->bi_size && !r) {
		struct bio_vec bv = bio_iter_iovec(bio, *iter);

		if (may_sleep)
			cond_resched();
		run.iv = iv_of(fve, iter->bi_sector);
		if (unlikely(bv.bv_len < fve->unit_size)) {
			r = decrypt_straddling(io, bio, iter, &run, scratch);
			continue;
		}
		run.src = run.dst = bv.bv_page;
		run.src_offset = run.dst_offset = bv.bv_offset;
		run.bytes = round_down(bv.bv_len, fve->unit_size);
		r = fve_cipher_crypt(fve->key.cipher, &run);
		bio_advance_iter_single(bio, iter, run.bytes);
	}
	return r;
}

int fve_decrypt(struct fve_io *io, struct bio *bio, struct page *scratch)
{
	unsigned int bytes = io->iter.bi_size;
	bool usable;
	int r;

	if (!fve_key_get(&io->fve->key))
		return -EKEYREVOKED;
	usable = fve_cipher_usable(io->fve->key.cipher);
	if (usable && fve_share_wanted(bio, bytes)) {
		fve_key_put(&io->fve->key);
		return fve_share(io, bio, bytes, scratch);
	}
	if (usable || scratch)
		r = decrypt_runs(io, bio, &io->iter, scratch, scratch);
	else
		r = -EAGAIN;
	fve_key_put(&io->fve->key);
	return r;
}

/*
 * Each unit of the source is read exactly once: its owner may change it while it is being written,
 * and may then find either content on the disk, but never something that decrypts to neither.
 *
 * @done: where @iter stands in the bounce pages, in bytes.
 */
static int encrypt_runs(struct fve_io *io, struct bio *bio, struct bvec_iter iter,
			unsigned int done)
{
	struct fve *fve = io->fve;
	struct fve_run run;
	int r = 0;

	run_init(fve, &run, true);
	while (iter.bi_size && !r) {
		struct bio_vec bv = bio_iter_iovec(bio, iter);

		run.iv = iv_of(fve, iter.bi_sector);
		run.dst = io->bounce[done >> PAGE_SHIFT].bv_page;
		run.dst_offset = offset_in_page(done);
		if (likely(bv.bv_len >= fve->unit_size)) {
			run.src = bv.bv_page;
			run.src_offset = bv.bv_offset;
			run.bytes = min_t(unsigned int, round_down(bv.bv_len, fve->unit_size),
					  PAGE_SIZE - run.dst_offset);
			r = fve_cipher_crypt(fve->key.cipher, &run);
			bio_advance_iter_single(bio, &iter, run.bytes);
		} else {
			void *linear = page_address(run.dst) + run.dst_offset;

			gather(bio, &iter, linear, fve->unit_size);
			run.src = run.dst;
			run.src_offset = run.dst_offset;
			run.bytes = fve->unit_size;
			r = fve_cipher_crypt(fve->key.cipher, &run);
			if (unlikely(r))
				memzero_explicit(linear, fve->unit_size);
		}
		done += run.bytes;
	}
	return r;
}

int fve_encrypt(struct fve_io *io, struct bio *bio, bool may_sleep)
{
	unsigned int bytes = bio->bi_iter.bi_size;
	int r;

	if (!fve_key_get(&io->fve->key))
		return -EKEYREVOKED;
	if (may_sleep || fve_cipher_usable(io->fve->key.cipher)) {
		if (!may_sleep && fve_share_wanted(bio, bytes)) {
			fve_key_put(&io->fve->key);
			return fve_share(io, bio, bytes, NULL);
		}
		r = encrypt_runs(io, bio, bio->bi_iter, 0);
	} else {
		r = -EAGAIN;
	}
	fve_key_put(&io->fve->key);
	return r;
}

int fve_crypt_part(struct fve_io *io, struct bio *bio, unsigned int at, unsigned int bytes,
		   struct page *scratch, bool may_sleep)
{
	bool encrypt = bio_data_dir(bio) == WRITE;
	struct bvec_iter iter = encrypt ? bio->bi_iter : io->iter;

	bio_advance_iter(bio, &iter, at);
	iter.bi_size = bytes;
	return encrypt ? encrypt_runs(io, bio, iter, at)
		       : decrypt_runs(io, bio, &iter, scratch, may_sleep);
}

// SPDX-License-Identifier: GPL-2.0-only
/* The engine that uses the kernel's AES-XTS library. No other file includes it. */

#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/slab.h>
#include <crypto/aes-xts.h>

#include "engine.h"

struct library_cipher {
	struct fve_cipher cipher;
	struct aes_xts_key key;
};

static struct library_cipher *to_library(struct fve_cipher *cipher)
{
	return container_of(cipher, struct library_cipher, cipher);
}

static struct fve_cipher *library_alloc(void)
{
	struct library_cipher *library = kzalloc(sizeof(*library), GFP_KERNEL);

	if (!library)
		return ERR_PTR(-ENOMEM);
	library->cipher.engine = &fve_engine_library;
	library->cipher.driver = FVE_LIBRARY_DRIVER;
	library->cipher.context = FVE_ANY_CONTEXT;
	return &library->cipher;
}

static void library_free(struct fve_cipher *cipher)
{
	kfree_sensitive(to_library(cipher));
}

static int library_set_key(struct fve_cipher *cipher, const u8 *key, unsigned int size)
{
	return aes_xts_preparekey(&to_library(cipher)->key, key, size, 0);
}

static int library_crypt(struct fve_cipher *cipher, const struct fve_run *run)
{
	const struct aes_xts_key *key = &to_library(cipher)->key;
	bool in_place = run->src == run->dst && run->src_offset == run->dst_offset;
	u8 *src = kmap_local_page(run->src) + run->src_offset;
	u8 *dst = in_place ? src : kmap_local_page(run->dst) + run->dst_offset;
	u64 number = run->iv;
	unsigned int done;

	for (done = 0; done < run->bytes; done += run->unit_size) {
		__le64 tweak[AES_BLOCK_SIZE / sizeof(__le64)] = {cpu_to_le64(number)};

		if (run->encrypt)
			aes_xts_encrypt(dst + done, src + done, run->unit_size, (u8 *)tweak, key,
					false);
		else
			aes_xts_decrypt(dst + done, src + done, run->unit_size, (u8 *)tweak, key,
					false);
		number += run->iv_step;
	}
	if (!in_place)
		kunmap_local(dst);
	kunmap_local(src);
	return 0;
}

const struct fve_engine fve_engine_library = {
	.name = "library",
	.alloc = library_alloc,
	.free = library_free,
	.set_key = library_set_key,
	.crypt = library_crypt,
};

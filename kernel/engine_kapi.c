// SPDX-License-Identifier: GPL-2.0-only
/* The engines that use the kernel's crypto API. No other file includes it. */

#include <linux/err.h>
#include <linux/crypto.h>
#include <linux/mempool.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <crypto/skcipher.h>

#include "engine.h"

#define KAPI_ALGORITHM "xts(aes)"
#define KAPI_IV_SIZE   16 /* bytes, an AES block */

/* Requests kept for the asynchronous cipher, so that a device always makes progress. */
#define KAPI_MIN_REQUESTS 4

struct kapi_cipher {
	struct fve_cipher cipher;
	struct crypto_skcipher *tfm;
	mempool_t *requests; /* struct kapi_async; only where the algorithm is asynchronous */
};

/* The memory that an asynchronous driver may reach by DMA, so it cannot lie on the stack. */
struct kapi_async {
	struct crypto_wait wait;
	struct scatterlist src, dst;
	__le64 iv[KAPI_IV_SIZE / sizeof(__le64)];
	struct skcipher_request request; /* followed by the driver's own part */
};

static struct kapi_cipher *to_kapi(struct fve_cipher *cipher)
{
	return container_of(cipher, struct kapi_cipher, cipher);
}

static const char *driver_name(struct crypto_skcipher *tfm)
{
	return crypto_tfm_alg_driver_name(crypto_skcipher_tfm(tfm));
}

static bool is_async(struct crypto_skcipher *tfm)
{
	return crypto_skcipher_tfm(tfm)->__crt_alg->cra_flags & CRYPTO_ALG_ASYNC;
}

static void kapi_free(struct fve_cipher *cipher)
{
	struct kapi_cipher *kapi = to_kapi(cipher);

	mempool_destroy(kapi->requests);
	crypto_free_skcipher(kapi->tfm); /* zeroes the key schedule */
	kfree(kapi);
}

/* Make a cipher of @tfm, which is taken over, after a failure too. */
static struct fve_cipher *new_cipher(const struct fve_engine *engine, struct crypto_skcipher *tfm)
{
	unsigned int request_size = sizeof(struct kapi_async) + crypto_skcipher_reqsize(tfm);
	struct kapi_cipher *kapi = kzalloc(sizeof(*kapi), GFP_KERNEL);

	if (!kapi) {
		crypto_free_skcipher(tfm);
		return ERR_PTR(-ENOMEM);
	}
	kapi->tfm = tfm;
	kapi->cipher.engine = engine;
	kapi->cipher.driver = driver_name(tfm);

	/* A synchronous request lives on the stack, so it must fit there. */
	if (!is_async(tfm) && crypto_skcipher_reqsize(tfm) <= MAX_SYNC_SKCIPHER_REQSIZE)
		return &kapi->cipher;

	kapi->cipher.context = FVE_MAY_SLEEP;
	kapi->requests = mempool_create_kmalloc_pool(KAPI_MIN_REQUESTS, request_size);
	if (!kapi->requests) {
		kapi_free(&kapi->cipher);
		return ERR_PTR(-ENOMEM);
	}
	return &kapi->cipher;
}

/*
 * The public cipher, for both engines. Drivers that allocate memory for each request cannot be used
 * on the way to swap. An accelerator that does (6.1's qat_aes_xts) has a higher priority than the
 * SIMD code, and must not be what kapi-simd looks behind.
 */
static struct crypto_skcipher *alloc_public(void)
{
	return crypto_alloc_skcipher(KAPI_ALGORITHM, 0, CRYPTO_ALG_ALLOCATES_MEMORY);
}

static struct fve_cipher *kapi_alloc(void)
{
	struct crypto_skcipher *tfm = alloc_public();

	return IS_ERR(tfm) ? ERR_CAST(tfm) : new_cipher(&fve_engine_kapi, tfm);
}

/*
 * The SIMD wrapper (crypto/simd.c) of a driver "X" is asynchronous because it hands requests to
 * cryptd when SIMD cannot be used; it wraps the internal, synchronous "__X". That one may be
 * called directly by whoever checks crypto_simd_usable() himself, as all of dm-fve does.
 */
static struct fve_cipher *kapi_simd_alloc(void)
{
	struct crypto_skcipher *wrapper, *tfm;
	struct fve_cipher *cipher;
	char internal[CRYPTO_MAX_ALG_NAME + 2];

	wrapper = alloc_public();
	if (IS_ERR(wrapper))
		return ERR_CAST(wrapper);
	snprintf(internal, sizeof(internal), "__%s", driver_name(wrapper));
	tfm = is_async(wrapper) ? crypto_alloc_skcipher(internal, CRYPTO_ALG_INTERNAL,
							CRYPTO_ALG_INTERNAL | CRYPTO_ALG_ASYNC)
				: ERR_PTR(-ENOENT);
	crypto_free_skcipher(wrapper);
	if (IS_ERR(tfm))
		return ERR_CAST(tfm);

	cipher = new_cipher(&fve_engine_kapi_simd, tfm);
	if (!IS_ERR(cipher) && cipher->context == FVE_ANY_CONTEXT)
		cipher->context = FVE_SIMD_CONTEXT;
	return cipher;
}

static int kapi_set_key(struct fve_cipher *cipher, const u8 *key, unsigned int size)
{
	return crypto_skcipher_setkey(to_kapi(cipher)->tfm, key, size);
}

/* Use one request on the stack for the whole run; only offsets and IV change per unit. */
static int crypt_sync(struct crypto_skcipher *tfm, const struct fve_run *run)
{
	struct {
		struct skcipher_request request;
		u8 driver[MAX_SYNC_SKCIPHER_REQSIZE];
	} CRYPTO_MINALIGN_ATTR on_stack;
	struct skcipher_request *request = &on_stack.request;
	bool in_place = run->src == run->dst && run->src_offset == run->dst_offset;
	struct scatterlist src, dst;
	__le64 iv[KAPI_IV_SIZE / sizeof(__le64)];
	unsigned int done;
	u64 number = run->iv;
	int r = 0;

	skcipher_request_set_tfm(request, tfm);
	skcipher_request_set_callback(request, 0, NULL, NULL);
	sg_init_table(&src, 1);
	sg_set_page(&src, run->src, run->unit_size, run->src_offset);
	sg_init_table(&dst, 1);
	sg_set_page(&dst, run->dst, run->unit_size, run->dst_offset);
	skcipher_request_set_crypt(request, &src, in_place ? &src : &dst, run->unit_size, iv);

	for (done = 0; done < run->bytes && !r; done += run->unit_size) {
		iv[0] = cpu_to_le64(number);
		iv[1] = 0;
		r = run->encrypt ? crypto_skcipher_encrypt(request)
				 : crypto_skcipher_decrypt(request);
		number += run->iv_step;
		src.offset += run->unit_size;
		dst.offset += run->unit_size;
	}
	return r;
}

static int crypt_async(struct kapi_cipher *kapi, const struct fve_run *run)
{
	struct kapi_async *async = mempool_alloc(kapi->requests, GFP_NOIO);
	unsigned int done;
	u64 number = run->iv;
	int r = 0;

	sg_init_table(&async->src, 1);
	sg_init_table(&async->dst, 1);
	skcipher_request_set_tfm(&async->request, kapi->tfm);
	skcipher_request_set_callback(&async->request, CRYPTO_TFM_REQ_MAY_BACKLOG, crypto_req_done,
				      &async->wait);

	for (done = 0; done < run->bytes && !r; done += run->unit_size) {
		crypto_init_wait(&async->wait);
		sg_set_page(&async->src, run->src, run->unit_size, run->src_offset + done);
		sg_set_page(&async->dst, run->dst, run->unit_size, run->dst_offset + done);
		async->iv[0] = cpu_to_le64(number);
		async->iv[1] = 0;
		skcipher_request_set_crypt(&async->request, &async->src, &async->dst,
					   run->unit_size, async->iv);
		r = crypto_wait_req(run->encrypt ? crypto_skcipher_encrypt(&async->request)
						 : crypto_skcipher_decrypt(&async->request),
				    &async->wait);
		number += run->iv_step;
	}
	mempool_free(async, kapi->requests);
	return r;
}

static int kapi_crypt(struct fve_cipher *cipher, const struct fve_run *run)
{
	struct kapi_cipher *kapi = to_kapi(cipher);

	if (unlikely(kapi->requests))
		return crypt_async(kapi, run);
	return crypt_sync(kapi->tfm, run);
}

const struct fve_engine fve_engine_kapi = {
	.name = "kapi",
	.alloc = kapi_alloc,
	.free = kapi_free,
	.set_key = kapi_set_key,
	.crypt = kapi_crypt,
};

const struct fve_engine fve_engine_kapi_simd = {
	.name = "kapi-simd",
	.alloc = kapi_simd_alloc,
	.free = kapi_free,
	.set_key = kapi_set_key,
	.crypt = kapi_crypt,
};

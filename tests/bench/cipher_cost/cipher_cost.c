// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel's AES-256-XTS costs by itself, for the benchmark: the floor below which no
 * target that uses the crypto API can go. Loading the module measures and prints one line per
 * driver, unit size and direction:
 *
 *   cipher_cost: driver=D unit=BYTES decrypt=NS encrypt=NS
 *
 * in ns for 4096 bytes, one request per unit, prepared once: decrypting in place, as reads do, and
 * encrypting from one page to another, as writes do. Meant for a guest whose clock counts
 * instructions; interrupts are filtered out by taking the least of several batches.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <crypto/skcipher.h>

#define KEY_SIZE 64 /* bytes: AES-256-XTS */
#define BYTES	 4096U
#define BATCHES	 16
#define BATCH	 32 /* times BYTES; a batch is shorter than the 4 ms of a timer tick */

struct measurement {
	struct skcipher_request *request;
	struct scatterlist src, dst;
	struct crypto_wait wait;
	struct page *pages[2];
	u8 iv[16];
};

static int crypt_once(struct measurement *m, unsigned int unit, bool encrypt)
{
	unsigned int done;
	int r = 0;

	for (done = 0; done < BYTES && !r; done += unit) {
		m->src.offset = m->dst.offset = done;
		r = crypto_wait_req(encrypt ? crypto_skcipher_encrypt(m->request)
					    : crypto_skcipher_decrypt(m->request),
				    &m->wait);
	}
	return r;
}

/* ns for BYTES, or -errno */
static s64 cost(struct measurement *m, unsigned int unit, bool encrypt)
{
	struct scatterlist *dst = encrypt ? &m->dst : &m->src;
	s64 least = S64_MAX;
	int batch, i;

	sg_init_table(&m->src, 1);
	sg_init_table(&m->dst, 1);
	sg_set_page(&m->src, m->pages[0], unit, 0);
	sg_set_page(&m->dst, m->pages[1], unit, 0);
	skcipher_request_set_crypt(m->request, &m->src, dst, unit, m->iv);

	for (batch = 0; batch < BATCHES; batch++) {
		u64 start = ktime_get_ns();

		for (i = 0; i < BATCH; i++) {
			int r = crypt_once(m, unit, encrypt);

			if (r)
				return r;
		}
		least = min_t(s64, least, ktime_get_ns() - start);
	}
	return least / BATCH;
}

static int measure(struct measurement *m, struct crypto_skcipher *tfm)
{
	static const unsigned int units[] = {512, 4096};
	int i;

	for (i = 0; i < ARRAY_SIZE(units); i++) {
		s64 decrypt = cost(m, units[i], false), encrypt = cost(m, units[i], true);

		if (decrypt < 0 || encrypt < 0)
			return -EIO;
		pr_info("driver=%s unit=%u decrypt=%lld encrypt=%lld\n",
			crypto_tfm_alg_driver_name(crypto_skcipher_tfm(tfm)), units[i], decrypt,
			encrypt);
	}
	return 0;
}

static int measure_algorithm(struct measurement *m, const char *name, u32 type, u32 mask)
{
	struct crypto_skcipher *tfm = crypto_alloc_skcipher(name, type, mask);
	u8 key[KEY_SIZE];
	int r, i;

	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	for (i = 0; i < KEY_SIZE; i++)
		key[i] = i;
	r = crypto_skcipher_setkey(tfm, key, sizeof(key));
	if (r)
		goto out_tfm;
	m->request = skcipher_request_alloc(tfm, GFP_KERNEL);
	if (!m->request) {
		r = -ENOMEM;
		goto out_tfm;
	}
	crypto_init_wait(&m->wait);
	skcipher_request_set_callback(m->request, CRYPTO_TFM_REQ_MAY_BACKLOG, crypto_req_done,
				      &m->wait);
	r = measure(m, tfm);
	skcipher_request_free(m->request);
out_tfm:
	crypto_free_skcipher(tfm);
	return r;
}

/* Up to Linux 6.15 the driver is a wrapper around an internal one, which does the work. */
static int measure_all(struct measurement *m)
{
	struct crypto_skcipher *public = crypto_alloc_skcipher("xts(aes)", 0, 0);
	char internal[CRYPTO_MAX_ALG_NAME + 2];
	int r;

	if (IS_ERR(public))
		return PTR_ERR(public);
	snprintf(internal, sizeof(internal), "__%s",
		 crypto_tfm_alg_driver_name(crypto_skcipher_tfm(public)));
	crypto_free_skcipher(public);

	r = measure_algorithm(m, "xts(aes)", 0, 0);
	if (!r)
		r = measure_algorithm(m, internal, CRYPTO_ALG_INTERNAL,
				      CRYPTO_ALG_INTERNAL | CRYPTO_ALG_ASYNC);
	return r == -ENOENT ? 0 : r;
}

static int __init cipher_cost_init(void)
{
	struct measurement *m = kzalloc(sizeof(*m), GFP_KERNEL);
	int r = -ENOMEM;

	if (!m)
		return r;
	m->pages[0] = alloc_page(GFP_KERNEL | __GFP_ZERO);
	m->pages[1] = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (m->pages[0] && m->pages[1])
		r = measure_all(m);
	if (m->pages[0])
		__free_page(m->pages[0]);
	if (m->pages[1])
		__free_page(m->pages[1]);
	kfree(m);
	return r;
}

static void __exit cipher_cost_exit(void)
{
}

module_init(cipher_cost_init);
module_exit(cipher_cost_exit);

MODULE_DESCRIPTION("cost of AES-XTS without a target around it");
MODULE_LICENSE("GPL");

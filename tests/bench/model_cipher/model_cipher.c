// SPDX-License-Identifier: GPL-2.0-only
/*
 * A model of a cipher, for the benchmark: an "xts(aes)" that encrypts nothing and takes a fixed
 * time by the clock, `us_per_page` for 4096 bytes, on the CPU that calls it. Who spreads the same
 * work over more CPUs is faster by just that, whatever the emulator and its host do meanwhile.
 *
 * Time that the host takes from a waiting CPU is given back: what a request took too long, the
 * CPU's next one is shorter. Load it after dm-fve, whose self-test would
 * refuse it, and with cryptomgr.notests=1, since the kernel's own would, too.
 *
 * With `async` it counts as an accelerator, whose callers must be able to sleep. It hangs, while
 * `hang` is set, on requests with a key whose first byte is 0xff.
 */

#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/processor.h>
#include <crypto/internal/skcipher.h>
#include <crypto/scatterwalk.h>

#define BYTES	 4096U
#define PRIORITY 100000 /* above any accelerator */

static unsigned int us_per_page = 5000;
module_param(us_per_page, uint, 0444);

static bool async;
module_param(async, bool, 0444);

static bool hang;
module_param(hang, bool, 0644);

struct context {
	bool hangs;
};

/* ns that earlier requests on this CPU took too long. */
static DEFINE_PER_CPU(u64, too_long);

static void take_time(u64 ns)
{
	u64 *credit, end, given;

	preempt_disable();
	credit = this_cpu_ptr(&too_long);
	given = min(*credit, ns);
	end = ktime_get_ns() + ns - given;
	while (ktime_get_ns() < end)
		cpu_relax();
	*credit += ktime_get_ns() - end - given;
	preempt_enable();
}

static int set_key(struct crypto_skcipher *tfm, const u8 *key, unsigned int size)
{
	struct context *context = crypto_skcipher_ctx(tfm);

	context->hangs = async && key[0] == 0xff;
	return 0;
}

static int crypt(struct skcipher_request *request)
{
	const struct context *context = crypto_skcipher_ctx(crypto_skcipher_reqtfm(request));
	struct skcipher_walk walk;
	int r;

	while (context->hangs && READ_ONCE(hang))
		msleep(10);
	r = skcipher_walk_virt(&walk, request, false);

	while (!r && walk.nbytes) {
		if (walk.src.virt.addr != walk.dst.virt.addr)
			memcpy(walk.dst.virt.addr, walk.src.virt.addr, walk.nbytes);
		r = skcipher_walk_done(&walk, 0);
	}
	take_time((u64)us_per_page * 1000 * request->cryptlen / BYTES);
	return r;
}

static struct skcipher_alg model = {
	.base.cra_name = "xts(aes)",
	.base.cra_driver_name = "xts-aes-model",
	.base.cra_priority = PRIORITY,
	.base.cra_blocksize = 16,
	.base.cra_ctxsize = sizeof(struct context),
	.base.cra_module = THIS_MODULE,
	.min_keysize = 32,
	.max_keysize = 64,
	.ivsize = 16,
	.setkey = set_key,
	.encrypt = crypt,
	.decrypt = crypt,
};

static int __init model_cipher_init(void)
{
	if (async)
		model.base.cra_flags |= CRYPTO_ALG_ASYNC;
	return crypto_register_skcipher(&model);
}

static void __exit model_cipher_exit(void)
{
	crypto_unregister_skcipher(&model);
}

module_init(model_cipher_init);
module_exit(model_cipher_exit);

MODULE_DESCRIPTION("model of an AES-XTS that takes fixed time");
MODULE_LICENSE("GPL");

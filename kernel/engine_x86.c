// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engines of our own for x86-64: AES-256-XTS with registers of 16, 32 or 64 bytes, by
 * engine_x86_asm.S. They do nothing for 32-byte keys. A width that this CPU has not, or whose
 * registers the kernel does not save, is no engine here; nor is any with fips=1, where only the
 * kernel's own, validated code may encrypt.
 */

#include <linux/err.h>
#include <linux/fips.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <asm/cpufeature.h>
#include <asm/fpu/api.h>

#include "compat.h"
#include "engine.h"
#include "engine_x86_asm.h"

/* What engine_x86_asm.S knows of these. */
static_assert(offsetof(struct fve_x86_key, decrypt) == 15 * 16);
static_assert(offsetof(struct fve_x86_key, tweak) == 2 * 15 * 16);
static_assert(offsetof(struct fve_x86_run, src) == 0);
static_assert(offsetof(struct fve_x86_run, dst) == 8);
static_assert(offsetof(struct fve_x86_run, iv) == 16);
static_assert(offsetof(struct fve_x86_run, iv_step) == 24);
static_assert(offsetof(struct fve_x86_run, bytes) == 32);
static_assert(offsetof(struct fve_x86_run, unit_size) == 36);

struct x86_cipher {
	struct fve_cipher cipher;
	struct fve_x86_key key;
};

static struct x86_cipher *to_x86(struct fve_cipher *cipher)
{
	return container_of(cipher, struct x86_cipher, cipher);
}

/* As engine_x86_asm.h says what they need. */
static bool has_xmm(void)
{
	return !fips_enabled && boot_cpu_has(X86_FEATURE_AES) &&
	       boot_cpu_has(X86_FEATURE_PCLMULQDQ) && boot_cpu_has(X86_FEATURE_AVX) &&
	       cpu_has_xfeatures(XFEATURE_MASK_SSE | XFEATURE_MASK_YMM, NULL);
}

static bool has_ymm(void)
{
	return has_xmm() && boot_cpu_has(X86_FEATURE_VAES) && boot_cpu_has(X86_FEATURE_AVX2);
}

static bool has_zmm(void)
{
	return has_ymm() && boot_cpu_has(X86_FEATURE_VPCLMULQDQ) &&
	       boot_cpu_has(X86_FEATURE_AVX512F) && boot_cpu_has(X86_FEATURE_AVX512BW) &&
	       cpu_has_xfeatures(XFEATURE_MASK_AVX512, NULL) && !fve_zmm_slows_cpu();
}

static struct fve_cipher *x86_alloc(const struct fve_engine *engine, bool available)
{
	struct x86_cipher *x86;

	if (!available)
		return ERR_PTR(-ENOENT);
	x86 = kzalloc(sizeof(*x86), GFP_KERNEL);
	if (!x86)
		return ERR_PTR(-ENOMEM);
	x86->cipher.engine = engine;
	x86->cipher.driver = engine->name;
	x86->cipher.context = FVE_SIMD_CONTEXT;
	return &x86->cipher;
}

static void x86_free(struct fve_cipher *cipher)
{
	kfree_sensitive(to_x86(cipher));
}

static int x86_set_key(struct fve_cipher *cipher, const u8 *key, unsigned int size)
{
	if (size != FVE_X86_KEY_SIZE)
		return -EINVAL;
	kernel_fpu_begin();
	fve_x86_expand_key(&to_x86(cipher)->key, key);
	kernel_fpu_end();
	return 0;
}

static struct fve_x86_run to_x86_run(const struct fve_run *run)
{
	return (struct fve_x86_run){
		/* x86-64 has an address for every page. */
		.src = page_address(run->src) + run->src_offset,
		.dst = page_address(run->dst) + run->dst_offset,
		.iv = run->iv,
		.iv_step = run->iv_step,
		.bytes = run->bytes,
		.unit_size = run->unit_size,
	};
}

/*
 * An engine. The CPU runs nothing else in an FPU section, and it has one for each run, which is a
 * page at most.
 */
#define X86_ENGINE(width)                                                              \
	static struct fve_cipher *alloc_##width(void)                                  \
	{                                                                              \
		return x86_alloc(&fve_engine_x86_##width, has_##width());              \
	}                                                                              \
                                                                                       \
	static int crypt_##width(struct fve_cipher *cipher, const struct fve_run *run) \
	{                                                                              \
		const struct fve_x86_key *key = &to_x86(cipher)->key;                  \
		const struct fve_x86_run x86_run = to_x86_run(run);                    \
                                                                                       \
		kernel_fpu_begin();                                                    \
		if (run->encrypt)                                                      \
			fve_x86_encrypt_##width(key, &x86_run);                        \
		else                                                                   \
			fve_x86_decrypt_##width(key, &x86_run);                        \
		kernel_fpu_end();                                                      \
		return 0;                                                              \
	}                                                                              \
                                                                                       \
	const struct fve_engine fve_engine_x86_##width = {                             \
		.name = "x86-" #width,                                                 \
		.own = true,                                                           \
		.alloc = alloc_##width,                                                \
		.free = x86_free,                                                      \
		.set_key = x86_set_key,                                                \
		.crypt = crypt_##width,                                                \
	}

X86_ENGINE(xmm);
X86_ENGINE(ymm);
X86_ENGINE(zmm);

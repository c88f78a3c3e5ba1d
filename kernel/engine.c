// SPDX-License-Identifier: GPL-2.0-only
/* Choosing the engine that a table gets. */

#include <linux/err.h>
#include <linux/preempt.h>
#include <linux/irqflags.h>
#include <linux/string.h>
#include <asm/simd.h>
#include <crypto/internal/simd.h>

#include "compat.h"
#include "engine.h"

static struct {
	const char *name;
	const struct fve_engine *engine; /* NULL: not in this kernel */
	bool disabled;
} engines[] = {
	{"kapi", &fve_engine_kapi},	  {"kapi-simd", &fve_engine_kapi_simd},
	{"library", FVE_ENGINE_LIBRARY},  {"x86-zmm", FVE_ENGINE_X86(zmm)},
	{"x86-ymm", FVE_ENGINE_X86(ymm)}, {"x86-xmm", FVE_ENGINE_X86(xmm)},
};

const char *fve_engine_name(unsigned int i)
{
	return i < ARRAY_SIZE(engines) ? engines[i].name : NULL;
}

bool fve_engine_exists(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(engines); i++) {
		if (!strcmp(engines[i].name, name))
			return true;
	}
	return !strcmp(FVE_X86_NAME, name);
}

void fve_engine_disable(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(engines); i++) {
		if (!strcmp(engines[i].name, name))
			engines[i].disabled = true;
	}
}

static struct fve_cipher *alloc_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(engines); i++) {
		if (!strcmp(engines[i].name, name) && engines[i].engine && !engines[i].disabled)
			return engines[i].engine->alloc();
	}
	return ERR_PTR(-ENOENT);
}

/* The widest of our own. */
static struct fve_cipher *alloc_x86(void)
{
	static const char *const widths[] = {"x86-zmm", "x86-ymm", "x86-xmm"};
	struct fve_cipher *cipher = ERR_PTR(-ENOENT);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(widths) && IS_ERR(cipher); i++)
		cipher = alloc_by_name(widths[i]);
	return cipher;
}

struct fve_cipher *fve_cipher_alloc(const char *name)
{
	return strcmp(name, FVE_X86_NAME) ? alloc_by_name(name) : alloc_x86();
}

/*
 * The kernel's best. The public algorithm where it is synchronous: then it is the fastest the
 * kernel has, from any context, and the library called directly where it is just that. Where it is
 * the asynchronous wrapper around SIMD code, that code itself: the wrapper only adds a detour
 * through cryptd in the cases in which fve_cipher_usable() says no.
 */
static struct fve_cipher *alloc_kernels_best(void)
{
	struct fve_cipher *public = alloc_by_name("kapi"), *better;

	if (IS_ERR(public))
		return public;
	if (!strcmp(public->driver, FVE_LIBRARY_DRIVER))
		better = alloc_by_name("library");
	else if (public->context == FVE_ANY_CONTEXT)
		return public;
	else
		better = alloc_by_name("kapi-simd");
	if (IS_ERR(better))
		return public;
	fve_engine_kapi.free(public);
	return better;
}

/*
 * One of our own where it is faster than the kernel's. What may be called in task context only is
 * an accelerator, since code for the CPU needs no sleep; somebody has put it there to be used.
 */
struct fve_cipher *fve_cipher_alloc_best(unsigned int key_size, unsigned int unit_size)
{
	struct fve_cipher *kernels = alloc_kernels_best(), *x86;

	if (IS_ERR(kernels) || kernels->context == FVE_MAY_SLEEP || key_size != FVE_X86_KEY_SIZE ||
	    unit_size >= FVE_X86_FASTER_BELOW)
		return kernels;
	x86 = alloc_x86();
	if (IS_ERR(x86))
		return kernels;
	fve_cipher_free(kernels);
	return x86;
}

void fve_cipher_free(struct fve_cipher *cipher)
{
	if (cipher)
		cipher->engine->free(cipher);
}

bool fve_cipher_usable(const struct fve_cipher *cipher)
{
	if (in_hardirq() || irqs_disabled())
		return false;

	switch (cipher->context) {
	case FVE_ANY_CONTEXT:
		return true;
	case FVE_SIMD_CONTEXT:
		return crypto_simd_usable();
	case FVE_MAY_SLEEP:
		break;
	}
	return false;
}

// SPDX-License-Identifier: GPL-2.0-only
/* Choosing the engine that a table gets. */

#include <linux/err.h>
#include <linux/preempt.h>
#include <linux/irqflags.h>
#include <linux/string.h>
#include <asm/simd.h>
#include <crypto/internal/simd.h>

#include "engine.h"

static const struct {
	const char *name;
	const struct fve_engine *engine; /* NULL: not in this kernel */
} engines[] = {
	{"kapi", &fve_engine_kapi},
	{"kapi-simd", &fve_engine_kapi_simd},
	{"library", FVE_ENGINE_LIBRARY},
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
	return false;
}

static struct fve_cipher *alloc_by_engine(const struct fve_engine *engine)
{
	return engine ? engine->alloc() : ERR_PTR(-ENOENT);
}

/*
 * The public algorithm where it is synchronous: then it is the fastest the kernel has, from any
 * context, and the library called directly where it is just that. Where it is the asynchronous
 * wrapper around SIMD code, that code itself: the wrapper only adds a detour through cryptd in the
 * cases in which fve_cipher_usable() says no.
 */
static struct fve_cipher *alloc_best(void)
{
	struct fve_cipher *public = fve_engine_kapi.alloc(), *better;

	if (IS_ERR(public))
		return public;
	if (!strcmp(public->driver, FVE_LIBRARY_DRIVER))
		better = alloc_by_engine(FVE_ENGINE_LIBRARY);
	else if (public->context == FVE_ANY_CONTEXT)
		return public;
	else
		better = fve_engine_kapi_simd.alloc();
	if (IS_ERR(better))
		return public;
	fve_engine_kapi.free(public);
	return better;
}

struct fve_cipher *fve_cipher_alloc(const char *name)
{
	size_t i;

	if (!name)
		return alloc_best();
	for (i = 0; i < ARRAY_SIZE(engines); i++) {
		if (!strcmp(engines[i].name, name))
			return alloc_by_engine(engines[i].engine);
	}
	return ERR_PTR(-ENOENT);
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

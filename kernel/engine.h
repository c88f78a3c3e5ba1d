/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Engines: implementations of AES-XTS. An engine makes ciphers. A cipher holds one key schedule,
 * and freeing the cipher zeroes the schedule. Nothing above this interface knows the crypto API.
 */
#ifndef FVE_ENGINE_H
#define FVE_ENGINE_H

#include <linux/types.h>

struct page;
struct fve_cipher;

#define FVE_MAX_KEY_SIZE 64 /* bytes: the two AES-256 keys of XTS */

/* The contexts in which a cipher may be called; never in hard irqs or with interrupts off. */
enum fve_context {
	FVE_ANY_CONTEXT,  /* task or softirq */
	FVE_SIMD_CONTEXT, /* task or softirq, while crypto_simd_usable() */
	FVE_MAY_SLEEP,	  /* task only, holding no lock that forbids sleeping */
};

/*
 * A run of consecutive data units. Each unit of source and destination lies within one page of
 * its own; so does the run. Source and destination are the same place or do not overlap.
 */
struct fve_run {
	struct page *src, *dst;
	unsigned int src_offset, dst_offset; /* bytes into the page */
	unsigned int bytes;		     /* a multiple of unit_size */
	unsigned int unit_size;		     /* bytes of one data unit: 512, 1024, 2048 or 4096 */
	u64 iv;				     /* of the first unit; little endian in the tweak */
	u64 iv_step;			     /* from one unit to the next, modulo 2^64 */
	bool encrypt;
};

struct fve_engine {
	const char *name; /* in the table and in the status line */
	bool own;	  /* code of this module: 64-byte keys only, and it can be done without */

	/* Make a cipher without a key, or return ERR_PTR. May sleep (GFP_KERNEL). */
	struct fve_cipher *(*alloc)(void);
	void (*free)(struct fve_cipher *cipher);

	/* Set a key of 64 or 32 bytes: data key, then tweak key. The caller has checked that they
	 * differ. */
	int (*set_key)(struct fve_cipher *cipher, const u8 *key, unsigned int size);

	/* Encrypt or decrypt a run. Calls on one cipher may be concurrent. After -errno the content
	 * of the destination is undefined. */
	int (*crypt)(struct fve_cipher *cipher, const struct fve_run *run);
};

/* The part of a cipher that all engines share; an engine embeds it. */
struct fve_cipher {
	const struct fve_engine *engine;
	const char *driver; /* the implementation's own name, for the log */
	enum fve_context context;
};

/* The engine that uses the crypto API's public xts(aes), whatever driver that is. */
extern const struct fve_engine fve_engine_kapi;

/* The engine of the synchronous SIMD code behind an asynchronous xts(aes), up to Linux 6.15. */
extern const struct fve_engine fve_engine_kapi_simd;

/*
 * The engine that uses the library of AES modes, Linux 7.3 and newer, without requests or
 * scatterlists. The crypto API has the library too, as this driver of xts(aes), below all drivers
 * made of SIMD code: where this is the one that it picks, the library is what makes use of the CPU.
 */
#define FVE_LIBRARY_DRIVER "xts-aes-lib"

#if IS_REACHABLE(CONFIG_CRYPTO_LIB_AES_XTS)
extern const struct fve_engine fve_engine_library;
#define FVE_ENGINE_LIBRARY (&fve_engine_library)
#else
#define FVE_ENGINE_LIBRARY NULL
#endif

/*
 * The engines of our own for x86-64, by the width of the registers that they use, the widest first.
 * The self-test disables one that is wrong: an emulator, or a CPU, may have instructions that do
 * not do what they should.
 */
#ifdef FVE_X86
extern const struct fve_engine fve_engine_x86_zmm, fve_engine_x86_ymm, fve_engine_x86_xmm;
#define FVE_ENGINE_X86(width) (&fve_engine_x86_##width)
#else
#define FVE_ENGINE_X86(width) NULL
#endif
#define FVE_X86_NAME	 "x86" /* in a table: the widest that there is */
#define FVE_X86_KEY_SIZE 64    /* bytes: they have AES-256 only */

/* Return name number @i that a table may give, whether this kernel has the engine or not; NULL
 * after the last. */
const char *fve_engine_name(unsigned int i);
/* Return whether this kernel has the engine @name. */
bool fve_engine_exists(const char *name);

/* Never use the engine @name again. Only for the self-test, before there are tables. */
void fve_engine_disable(const char *name);

/* Make a cipher of engine @name. ERR_PTR(-ENOENT): this kernel, or this CPU, has no such engine. */
struct fve_cipher *fve_cipher_alloc(const char *name);

/* Make a cipher of the engine that is best for keys and data units of so many bytes. */
struct fve_cipher *fve_cipher_alloc_best(unsigned int key_size, unsigned int unit_size);

void fve_cipher_free(struct fve_cipher *cipher); /* NULL is fine; the schedule is zeroed */

/* Return whether the cipher may be called right here; else the caller needs a worker. */
bool fve_cipher_usable(const struct fve_cipher *cipher);

static inline int fve_cipher_set_key(struct fve_cipher *cipher, const u8 *key, unsigned int size)
{
	return cipher->engine->set_key(cipher, key, size);
}

static inline int fve_cipher_crypt(struct fve_cipher *cipher, const struct fve_run *run)
{
	return cipher->engine->crypt(cipher, run);
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's own AES-XTS, used from userspace through AF_ALG to check known answers and to
 * measure speed. Nothing secret goes this way. Functions return 0 or -errno without a message.
 * afalg.c is the only file that includes libkcapi.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"

#define AFALG_NAME_SIZE 64    /* bytes; CRYPTO_MAX_ALG_NAME is 128, drivers' names are half of it */
#define AFALG_IV_SIZE	16    /* bytes, an AES block */
#define AFALG_DATA_MAX	65536 /* bytes of one request: as many as a socket takes in 16 pages */

/* A driver that implements xts(aes) in this kernel. */
struct afalg_driver {
	char name[AFALG_NAME_SIZE];  /* "xts-aes-aesni" */
	char inner[AFALG_NAME_SIZE]; /* the driver that a SIMD driver wraps, "__xts-aes-aesni", or
					"" */
	int priority;		     /* as in /proc/crypto */
};

struct afalg_cipher;

/*
 * Find the driver that a user of xts(aes) gets, which is the one of highest priority.
 * -EAFNOSUPPORT: this kernel has no AF_ALG; -ENOENT: it lacks algif_skcipher, xts or aes.
 */
int afalg_find_driver(struct afalg_driver *ret);

/* Open a cipher of @driver with a key of @size bytes. Errors as above. */
int afalg_open(const char *driver, const uint8_t *key, size_t size, struct afalg_cipher **ret);
void afalg_close(struct afalg_cipher *cipher); /* NULL is fine */

enum afalg_direction {
	AFALG_ENCRYPT,
	AFALG_DECRYPT,
};

/* Encrypt or decrypt in place one data unit of @size bytes, at most AFALG_DATA_MAX. */
int afalg_crypt(struct afalg_cipher *cipher, enum afalg_direction direction,
		const uint8_t iv[AFALG_IV_SIZE], uint8_t *data, size_t size);

DEFINE_CLEANUP(struct afalg_cipher, afalg_close)
#define _cleanup_afalg_ _cleanup_with_(afalg_close)

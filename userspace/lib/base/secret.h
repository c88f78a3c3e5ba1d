/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one type that holds secret bytes: FVEK, VMK, KEK, passwords and private keys.
 *
 * A secret lives in pages of its own. They are locked into memory, left out of core dumps, not
 * inherited by a child process, and wiped when the secret is freed. No other file may copy, compare
 * or wipe secret bytes by its own means.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/util.h"

struct secret {
	uint8_t *data; /* owned; locked pages */
	size_t size;   /* bytes in use */
	size_t mapped; /* bytes mapped, a multiple of the page size */
};

/* Make a secret of @size zero bytes. NULL: memory cannot be had or locked. */
struct secret *secret_new(size_t size);

/* Make a secret of @size bytes from the kernel's random generator. NULL: as above, or it fails. */
struct secret *secret_random(size_t size);

/* Make a secret that is a copy of the @size bytes at @data. NULL as for secret_new(). */
struct secret *secret_copy(const void *data, size_t size);

/*
 * Make a secret of @size zero bytes in memory that another process can map too, by the file
 * descriptor @ret_fd, which the caller owns. Its size is sealed. NULL on failure.
 */
struct secret *secret_shared_new(size_t size, int *ret_fd);
/* Map a secret that another process has shared. NULL: @fd is not a file of exactly @size bytes. */
struct secret *secret_shared_open(int fd, size_t size);

/* Shorten @secret to @size bytes and wipe the rest; nothing happens where it is shorter already. */
void secret_truncate(struct secret *secret, size_t size);

/* Count the characters of UTF-8 (RFC 3629) in @secret: the bytes that continue none. */
size_t secret_characters(const struct secret *secret);

/* Compare in constant time. Secrets of different sizes are different. */
bool secret_equal(const struct secret *a, const struct secret *b);

/* Wipe and release @secret, and wipe the dead stack below the caller. NULL is fine. */
void secret_free(struct secret *secret);

/* Wipe @size bytes that a foreign library left at @data. The compiler may not leave it out. */
void secret_wipe(void *data, size_t size);

DEFINE_CLEANUP(struct secret, secret_free)
#define _cleanup_secret_ _cleanup_with_(secret_free)

/* Zero, on return from a function, all registers that it may have used; needs GCC 11 or Clang 15.
 */
#if __has_attribute(zero_call_used_regs)
#define _zero_call_used_regs_ __attribute__((zero_call_used_regs("all")))
#else
#define _zero_call_used_regs_
#endif

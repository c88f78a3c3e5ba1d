/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one type that holds secret bytes: FVEK, VMK, KEK, passwords, private keys.
 *
 * A secret lives in pages of its own that are locked into memory, left out of core
 * dumps, not inherited by a child, and wiped when freed. No other file may copy, compare
 * or wipe secret bytes by its own means.
 */
#ifndef FVE_SECRET_H
#define FVE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct secret {
	uint8_t *data; /* owned; locked pages */
	size_t size;   /* bytes in use */
	size_t mapped; /* bytes mapped, a multiple of the page size */
};

/* New secret of @size zero bytes. NULL when memory cannot be had or locked. */
struct secret *secret_new(size_t size);

/* New secret of @size bytes from the kernel's random generator. NULL on failure. */
struct secret *secret_random(size_t size);

/* New secret with a copy of @size bytes at @data. NULL on failure. */
struct secret *secret_copy(const void *data, size_t size);

/*
 * New secret of @size zero bytes that another process can be given, as the file descriptor @ret_fd,
 * which the caller owns; its size is sealed. NULL on failure.
 */
struct secret *secret_shared_new(size_t size, int *ret_fd);
/* The other process's end of it. NULL where @fd is no file that can be mapped with @size bytes. */
struct secret *secret_shared_open(int fd, size_t size);

/* Shorten @secret to @size bytes; what is cut off is wiped. */
void secret_truncate(struct secret *secret, size_t size);

/* Constant-time comparison; secrets of different size are different. */
bool secret_equal(const struct secret *a, const struct secret *b);

/* Wipe and release, and the stack below the caller too; NULL is fine. */
void secret_free(struct secret *secret);

/* Wipe @size bytes that a foreign library left at @data. Never optimised away. */
void secret_wipe(void *data, size_t size);

static inline void secret_freep(struct secret **secret)
{
	secret_free(*secret);
}

#define _cleanup_secret_ __attribute__((cleanup(secret_freep)))

/* Registers that a function may change are zero when it returns, where the compiler can do that. */
#if __has_attribute(zero_call_used_regs)
#define _zero_call_used_regs_ __attribute__((zero_call_used_regs("all")))
#else
#define _zero_call_used_regs_
#endif

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small helpers that know nothing of disks or keys. */
#ifndef FVE_UTIL_H
#define FVE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define UUID_LENGTH   36
#define TIME_LENGTH   20 /* RFC 3339, UTC, seconds: "2026-11-23T19:00:00Z" */

/* Bytes that are not secret: wrapped keys, public areas. @data is owned by the blob. */
struct blob {
	uint8_t *data;
	size_t size;
};

/* Copy @size bytes into @ret, which must be empty. -ENOMEM. */
int blob_set(struct blob *ret, const void *data, size_t size);
void blob_free(struct blob *blob);

/* Lower-case hex of @size bytes; the caller frees. NULL on out of memory. */
char *hex_encode(const void *data, size_t size);
/* Exactly @size bytes from @hex, or -EINVAL. */
int hex_decode(const char *hex, void *ret, size_t size);

/* RFC 4648 base64 with padding; the caller frees. NULL on out of memory. */
char *base64_encode(const struct blob *blob);
/* -EINVAL on anything but well-formed base64; -ENOMEM. */
int base64_decode(const char *text, struct blob *ret);

/*
 * Put "?" for each byte of what is no text for a terminal: control characters (C0, DEL, C1) but for
 * those in @keep, what turns the direction of writing around, and what is no UTF-8 (RFC 3629).
 */
void make_printable(char *text, const char *keep);
/* A copy of which no character is one of these; the caller frees. NULL on out of memory. */
char *printable_copy(const char *text);
/* The UTF-8 character at @text: how many bytes it has, or 0 where there is none. */
size_t utf8_read(const char *text, uint32_t *ret);
/* Whether a terminal shows it, and does nothing else. */
bool is_printable(uint32_t character);

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _cleanup_free_	__attribute__((cleanup(freep)))
#define _cleanup_close_ __attribute__((cleanup(closep)))
#define _cleanup_blob_	__attribute__((cleanup(blob_free)))
#define _printf_(a, b)	__attribute__((format(printf, a, b)))

/* Hand @p over to the caller and forget it here, past the cleanup attribute. */
#define steal(p)                                  \
	({                                        \
		__typeof__(p) *steal_p = &(p);    \
		__typeof__(p) steal_v = *steal_p; \
		*steal_p = NULL;                  \
		steal_v;                          \
	})

#endif

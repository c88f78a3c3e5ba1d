/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes, their text forms, and cleanup attributes. Nothing here knows of disks or keys. */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define UUID_LENGTH   36
#define TIME_LENGTH   20 /* RFC 3339, UTC, seconds: "2026-11-23T19:00:00Z" */

/* Bytes that are not secret, such as wrapped keys. A blob owns its @data; {0} is an empty one. */
struct blob {
	uint8_t *data;
	size_t size;
};

/* Copy @size bytes into @ret, which must be empty. -ENOMEM. */
int blob_set(struct blob *ret, const void *data, size_t size);
/* Release the bytes and leave an empty blob. */
void blob_free(struct blob *blob);
bool blob_equal(const struct blob *a, const struct blob *b);

/* Return @size bytes as lower-case hex, owned by the caller. NULL: out of memory. */
char *hex_encode(const void *data, size_t size);
/* Decode exactly @size bytes from lower-case hex. -EINVAL: @hex is anything else. */
int hex_decode(const char *hex, void *ret, size_t size);

/* Read a decimal number from @min to @max, and nothing else. -EINVAL. */
int number_parse(const char *text, uint32_t min, uint32_t max, uint32_t *ret);
/* Read yes or no as the kernel reads words of its command line; a word without a value, "", is yes.
 * -EINVAL.
 */
int bool_parse(const char *text, bool *ret);
/*
 * Read seconds, up to @max, or a time span of systemd.time(7) as in crypttab(5): "90", "90s",
 * "1min30s". -EINVAL.
 */
int seconds_parse(const char *text, uint32_t max, uint32_t *ret);

/* Copy @text whole into @ret, which has @size bytes. -ENAMETOOLONG: it does not fit. */
int text_copy(char *ret, size_t size, const char *text);

/* Write a time as RFC 3339 has it, in UTC. -EOVERFLOW. */
int time_text(time_t time, char ret[TIME_LENGTH + 1]);

/* Return base64 with padding (RFC 4648, 4), owned by the caller. NULL: out of memory. */
char *base64_encode(const struct blob *blob);
/* Decode base64 into @ret, which the caller owns. -EINVAL: it is not well formed; -ENOMEM. */
int base64_decode(const char *text, struct blob *ret);

/*
 * Replace by "?" each byte of @text that does not belong on a terminal: control characters (C0, DEL
 * and C1) other than those in @keep, characters that turn the direction of writing around, and
 * whatever is not UTF-8 (RFC 3629).
 */
void make_printable(char *text, const char *keep);
/* Return a copy after make_printable() with nothing kept, owned by the caller. NULL: no memory. */
char *printable_copy(const char *text);
/* Read the UTF-8 character at @text into @ret and return its length in bytes; 0: there is none. */
size_t utf8_read(const char *text, uint32_t *ret);
/* Return whether a terminal shows this Unicode character and does nothing else. */
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

/*
 * After DEFINE_CLEANUP(type, function) a variable "_cleanup_with_(function) type *p" is released by
 * that function where it goes out of scope, unless it is NULL.
 */
#define DEFINE_CLEANUP(type, free_function)            \
	static inline void free_function##_p(type **p) \
	{                                              \
		if (*p)                                \
			free_function(*p);             \
	}
#define _cleanup_with_(free_function) __attribute__((cleanup(free_function##_p)))

DEFINE_CLEANUP(FILE, fclose)
DEFINE_CLEANUP(DIR, closedir)
#define _cleanup_file_ _cleanup_with_(fclose) /* only of what was read: an error is lost */
#define _cleanup_dir_  _cleanup_with_(closedir)

/* Give @v away: its value is returned and the variable becomes @empty, of which its cleanup
 * attribute releases nothing. */
#define steal_for(v, empty)                       \
	({                                        \
		__typeof__(v) *steal_p = &(v);    \
		__typeof__(v) steal_v = *steal_p; \
		*steal_p = empty;                 \
		steal_v;                          \
	})
#define steal(pointer)	     steal_for(pointer, NULL)
#define steal_fd(fd)	     steal_for(fd, -1)
#define steal_struct(object) steal_for(object, (__typeof__(object)){0})

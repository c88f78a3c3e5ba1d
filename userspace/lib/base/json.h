/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading and writing the members of JSON objects. Reading is strict: a member that is missing, of
 * another type or unknown is a fault. Everything that we write has a "type" and a "version": tokens
 * in a header, key policies, tenants, lines of the audit log and requests to a provider.
 *
 * This header is the only file that includes json-c.
 */
#ifndef FVE_JSON_H
#define FVE_JSON_H

#include <json-c/json.h>

#include "base/util.h"

static inline void json_putp(struct json_object **object)
{
	json_object_put(*object);
}

#define _cleanup_json_ __attribute__((cleanup(json_putp)))

#define JSON_VERSION   1 /* the "version" of each of our formats */

/*
 * A reader of one object. Each member is taken exactly once, so that at the end the number of
 * members taken tells whether one was unknown. The reader remembers the first fault and goes on, so
 * that a caller checks once, at the end.
 */
struct reader {
	struct json_object *object; /* borrowed */
	const char *type;	    /* "type"; borrowed from @object */
	int taken;
	int error; /* 0, -EBADMSG, -ENOTSUP or -ENOMEM */
};

/*
 * Parse the text @json and take "type" and "version". The caller owns the object that is returned,
 * and the reader borrows it. NULL: there is nothing to read, and @r->error says why.
 */
struct json_object *reader_open(struct reader *r, const char *json);
/* Return the first fault; -EBADMSG as well where a member was taken by nobody. */
int reader_close(struct reader *r);

/* Remember @error, unless there was a fault before. */
void reader_fail(struct reader *r, int error);
/* Take the member @key, borrowed from the object. NULL, and a fault: it is missing or of another
 * type. */
struct json_object *reader_take(struct reader *r, const char *key, enum json_type type);
/* Take a string, borrowed from the object; "" after a fault, so that callers need not test for one.
 */
const char *reader_string(struct reader *r, const char *key);
/* Take an integer from @min to @max, at most INT64_MAX; @min after a fault. */
uint64_t reader_number64(struct reader *r, const char *key, uint64_t min, uint64_t max);
uint32_t reader_number(struct reader *r, const char *key, uint32_t min, uint32_t max);
/* Copy a string that fits into the @size bytes at @ret with its NUL. */
void reader_text(struct reader *r, const char *key, char *ret, size_t size);
/* Copy a UUID as LUKS2 spells it: lower-case hex digits and "-". */
void reader_uuid(struct reader *r, const char *key, char ret[UUID_LENGTH + 1]);
/* Decode exactly @size bytes from lower-case hex. */
void reader_hex(struct reader *r, const char *key, void *ret, size_t size);
/* Decode base64; the caller owns @ret. */
void reader_blob(struct reader *r, const char *key, struct blob *ret);
/* Copy a time in the form of TIME_LENGTH. */
void reader_time(struct reader *r, const char *key, char ret[TIME_LENGTH + 1]);

/* A writer of one object. It remembers that something failed, and the result is NULL then. */
struct writer {
	struct json_object *object; /* owned until writer_close() */
	bool failed;
};

/* Return the object's text, owned by the caller, and release the object. NULL: a step failed. */
char *writer_close(struct writer *w);

/* Add @value, which is taken over even on failure; NULL counts as a failure. */
void writer_put(struct writer *w, const char *key, struct json_object *value);
void writer_string(struct writer *w, const char *key, const char *text);
void writer_number(struct writer *w, const char *key, uint64_t number);
void writer_hex(struct writer *w, const char *key, const void *data, size_t size);
void writer_blob(struct writer *w, const char *key, const struct blob *blob);

#endif

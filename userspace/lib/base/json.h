/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Members of JSON objects, read strictly and written. This header alone includes json-c. All that we
 * write has a type and a version: tokens in a header, policies and tenants, lines of the audit log,
 * requests to a provider.
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

#define JSON_VERSION   1 /* of every format of ours, so far */

/*
 * Reading: each member is taken exactly once, so that at the end the number taken tells
 * whether there is one that nobody knows. The first fault is remembered, the rest read on.
 */
struct reader {
	struct json_object *object; /* borrowed */
	const char *type;	    /* "type"; borrowed from @object */
	int taken;
	int error; /* 0, -EBADMSG, -ENOTSUP or -ENOMEM */
};

/*
 * Start reading an object: parse the text, take type and version. NULL after a fault that leaves
 * nothing to read; the caller owns the result, and the reader borrows it.
 */
struct json_object *reader_open(struct reader *r, const char *json);
/* The first fault, or that there is a member which nobody took. */
int reader_close(struct reader *r);

void reader_fail(struct reader *r, int error);
struct json_object *reader_take(struct reader *r, const char *key, enum json_type type);
/* "" after a fault, so that callers need no test of their own. Borrowed. */
const char *reader_string(struct reader *r, const char *key);
/* An integer from @min to @max, at most INT64_MAX; @min after a fault. */
uint64_t reader_number64(struct reader *r, const char *key, uint64_t min, uint64_t max);
uint32_t reader_number(struct reader *r, const char *key, uint32_t min, uint32_t max);
void reader_text(struct reader *r, const char *key, char *ret, size_t size);
/* A UUID as LUKS2 spells it. */
void reader_uuid(struct reader *r, const char *key, char ret[UUID_LENGTH + 1]);
void reader_hex(struct reader *r, const char *key, void *ret, size_t size);
void reader_blob(struct reader *r, const char *key, struct blob *ret);
void reader_time(struct reader *r, const char *key, char ret[TIME_LENGTH + 1]);

/* Writing: a builder whose first failure turns the result into NULL. */
struct writer {
	struct json_object *object;
	bool failed;
};

/* The text, owned by the caller, or NULL. */
char *writer_close(struct writer *w);

/* Takes over @value; NULL is a failure. */
void writer_put(struct writer *w, const char *key, struct json_object *value);
void writer_string(struct writer *w, const char *key, const char *text);
void writer_number(struct writer *w, const char *key, uint64_t number);
void writer_hex(struct writer *w, const char *key, const void *data, size_t size);
void writer_blob(struct writer *w, const char *key, const struct blob *blob);

#endif

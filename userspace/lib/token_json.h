/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Members of our tokens, read strictly and written. This header is the only file of the library
 * that includes json-c; it is for those that know what a token holds, and for provider_wire.c and
 * audit.c, whose lines have type and version as tokens have.
 */
#ifndef FVE_TOKEN_JSON_H
#define FVE_TOKEN_JSON_H

#include <json-c/json.h>

#include "token.h"

static inline void json_putp(struct json_object **object)
{
	json_object_put(*object);
}

#define _cleanup_json_ __attribute__((cleanup(json_putp)))

/*
 * Reading: each member is taken exactly once, so that at the end the number taken tells
 * whether there is one that nobody knows. The first fault is remembered, the rest read on.
 */
struct reader {
	struct json_object *object; /* borrowed */
	const char *type;	    /* of the token; borrowed from @object */
	int taken;
	int error; /* 0, -EBADMSG, -ENOTSUP or -ENOMEM */
};

/*
 * Start reading a token: parse the text, take type and version. NULL after a fault that leaves
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
uint32_t reader_generation(struct reader *r);
void reader_time(struct reader *r, const char *key, char ret[TIME_LENGTH + 1]);
void reader_head(struct reader *r, struct token_head *head);
/* "reset_limit", and "restart_limit" where it is there, which can only be 0. */
void reader_boots(struct reader *r, struct policy_boots *boots);
/* The keyslot that the token names; -1: none, as after an interrupted removal. */
int reader_slot(struct reader *r);
void reader_no_slots(struct reader *r);

/* Writing: a builder whose first failure turns the result into NULL. */
struct writer {
	struct json_object *object;
	bool failed;
};

/* @slot < 0: no keyslot. */
struct writer writer_open(const char *type, int slot);
/* The text, owned by the caller, or NULL. */
char *writer_close(struct writer *w);

/* Takes over @value; NULL is a failure. */
void writer_put(struct writer *w, const char *key, struct json_object *value);
void writer_string(struct writer *w, const char *key, const char *text);
void writer_number(struct writer *w, const char *key, uint64_t number);
void writer_hex(struct writer *w, const char *key, const void *data, size_t size);
void writer_blob(struct writer *w, const char *key, const struct blob *blob);
void writer_boots(struct writer *w, const struct policy_boots *boots);
void writer_head(struct writer *w, const struct token_head *head);
void writer_generation(struct writer *w, uint32_t generation);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading and writing the members of JSON objects. Reading is strict: a member that is missing, of
 * another type or unknown is a fault. Everything that we write has a "type" and a "version": tokens
 * in a header, key policies, tenants, lines of the audit log and requests to a provider.
 *
 * This header is the only file that includes json-c.
 */
#pragma once

#include <json-c/json.h>

#include "base/util.h"

DEFINE_CLEANUP(struct json_object, json_object_put)
#define _cleanup_json_ _cleanup_with_(json_object_put)

#define JSON_VERSION   1 /* the "version" of each of our formats */

/*
 * The members of one object, which are read from it or written to it. A format names its members
 * once and in their order, in a function that passes the address of each value to a function
 * member_*(). Reading fills the values in, and writing leaves them as they are.
 *
 * What is read is taken exactly once, so that at the end the number of members taken tells whether
 * one was unknown. The first fault is remembered and the rest goes on, so that a caller checks
 * once, at the end.
 */
struct members {
	struct json_object *object; /* reading: borrowed; writing: owned until members_text() */
	const char *type;	    /* "type"; borrowed. NULL: the object has none */
	bool writing;
	int taken;
	int error; /* 0, -EBADMSG, -ENOTSUP or -ENOMEM */
};

/* Names the members of a format. */
typedef void members_of(struct members *m, void *data);

/* Read the text @json, of @type where that is not NULL. After a fault @data is filled in part. */
int members_parse(const char *json, const char *type, members_of *of, void *data);
/* Write an object with "type" and "version". The text is owned by the caller; NULL: no memory. */
char *members_format(const char *type, members_of *of, void *data);

/*
 * The same in steps. To read: parse the text @json and take "type" and "version". The caller owns
 * the object that is returned, and @m borrows it. NULL: there is nothing to read, and @m->error
 * says why. members_close() returns the first fault; -EBADMSG as well where a member was taken by
 * nobody.
 */
struct json_object *members_read(struct members *m, const char *json);
int members_close(struct members *m);
/*
 * To write: begin an object with "type" and "version", or with nothing where @type is NULL.
 * members_text() returns its text, owned by the caller, and releases the object. NULL: a step
 * failed.
 */
struct members members_write(const char *type);
char *members_text(struct members *m);

/* Remember @error, unless it is 0 or there was a fault before. */
void members_fail(struct members *m, int error);

/* A string that fits into the @size bytes at @text with its NUL. */
void member_text(struct members *m, const char *key, char *text, size_t size);
/* A UUID as LUKS2 spells it: lower-case hex digits and "-". */
void member_uuid(struct members *m, const char *key, char uuid[UUID_LENGTH + 1]);
/* A time in the form of TIME_LENGTH. */
void member_time(struct members *m, const char *key, char time[TIME_LENGTH + 1]);
/* An integer from @min to @max, at most INT64_MAX; @min after a fault. */
void member_number(struct members *m, const char *key, uint32_t *number, uint32_t min,
		   uint32_t max);
void member_number64(struct members *m, const char *key, uint64_t *number, uint64_t min,
		     uint64_t max);
/* Exactly @size bytes in lower-case hex. */
void member_hex(struct members *m, const char *key, void *data, size_t size);
/* Bytes in base64. What was read the caller owns. */
void member_blob(struct members *m, const char *key, struct blob *blob);
bool member_bool(struct members *m, const char *key, bool value);
/* One of the @n @names, by its index; 0 after a fault. */
int member_name(struct members *m, const char *key, int index, const char *const *names, int n);

/* Whether a member is there that may be left out: when reading, in the object; else @there. */
bool member_is_there(const struct members *m, const char *key, bool there);

/* Whether the member is null: when reading, in the object, where that takes it; else @null, which
 * puts it. */
bool member_is_null(struct members *m, const char *key, bool null);

/* An object, whose members are its own. member_end() must follow; it passes a fault on. */
struct members member_object(struct members *m, const char *key);
void member_end(struct members *outer, struct members *inner);

/*
 * An array of at most @max elements, to be taken one by one in the order of their index. When
 * reading, @n becomes their number, which is 0 after a fault.
 */
struct json_object *member_array(struct members *m, const char *key, size_t *n, size_t max);
/* Element @i: an object, to be ended by member_end(); or a text, which is borrowed. */
struct members element_object(struct members *m, struct json_object *array, size_t i);
const char *element_text(struct members *m, struct json_object *array, size_t i, const char *text);

/* To read only: take the member @key, borrowed from the object. NULL, and a fault: it is missing or
 * of another type. */
struct json_object *members_take(struct members *m, const char *key, enum json_type type);
/* Take a string; "" after a fault, so that callers need not test for one. */
const char *members_take_text(struct members *m, const char *key);

/* To write only: put @value, which is taken over even on failure; NULL counts as a failure. */
void members_put(struct members *m, const char *key, struct json_object *value);
void members_put_text(struct members *m, const char *key, const char *text);
void members_put_number(struct members *m, const char *key, uint64_t number);
void members_put_hex(struct members *m, const char *key, const void *data, size_t size);

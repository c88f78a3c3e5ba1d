/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JSON that a service answers. Unlike our own formats it may have members that we do not know.
 * Everything here is the service's word, or that of who sits in its place.
 */
#pragma once

#include <sys/types.h>

#include "base/json.h"
#include "base/secret.h"
#include "provider/http.h"

/* Parse a body: one object and nothing after it, owned by the caller. NULL: it is none. */
struct json_object *answer_parse(const struct secret *body);

/* Return a member of @object, borrowed from it. NULL: it has none of that type, or is NULL. */
struct json_object *answer_member(struct json_object *object, const char *name,
				  enum json_type type);

/* Return a string, borrowed from @object; "" where there is none. */
const char *answer_string(struct json_object *object, const char *name);

/* Return whether a list of strings has @word in it. */
bool answer_has(struct json_object *object, const char *list, const char *word);

/* Copy a name such as an error code, in letters, digits and ".-_"; "" where it is another text, or
 * longer. It is shown to people. */
void answer_name(const char *text, char *ret, size_t size);

/* Move a secret string into a secret with a NUL that does not count, owned by the caller. It is
 * wiped from @object. NULL: there is none, or no memory. */
struct secret *answer_secret(struct json_object *object, const char *name);

/* Decode a secret string in base64 into the @room bytes at @ret, and wipe it from @object. Returns
 * their number, or -EINVAL. */
ssize_t answer_secret_base64(struct json_object *object, const char *name, void *ret, size_t room);

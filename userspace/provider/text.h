/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts that hold a secret, such as a form with a password: built, and read, in secret memory. */
#pragma once

#include <sys/types.h>

#include "base/secret.h"
#include "base/util.h"

/* A text that grows up to the room that it was begun with. It remembers that something failed. */
struct text {
	struct secret *bytes; /* owned until text_end() */
	size_t used;
	bool failed;
};

/* Begin a text of at most @room bytes. */
void text_begin(struct text *text, size_t room);
void text_add(struct text *text, const char *more);
void text_add_bytes(struct text *text, const void *data, size_t size);
/* Add what a URI or a form may hold (RFC 3986, 2.3); all other bytes as "%XX". */
void text_add_escaped(struct text *text, const void *data, size_t size);
/* Add base64url without padding (RFC 4648, 5). */
void text_add_base64url(struct text *text, const void *data, size_t size);
/* Give the text with a NUL that does not count, owned by the caller. NULL: a step failed. */
struct secret *text_end(struct text *text);

/*
 * Decode base64 or base64url (RFC 4648, 4 and 5), with or without padding, into the @room bytes at
 * @ret. Returns their number, or -EINVAL: it is not well formed, or longer.
 */
ssize_t text_decode_base64(const char *text, void *ret, size_t room);

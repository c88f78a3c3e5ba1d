/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The messages between fvesetup and a provider (docs/provider.md). The request is one line of JSON
 * on the provider's standard input, and the answer one line on its standard output. A plain key is
 * in neither of them, but in the page of shared memory behind file descriptor 3.
 */
#pragma once

#include "custody/provider.h"

#define PROVIDER_PAGE_FD   3
#define PROVIDER_PAGE_SIZE 4096	 /* bytes */
#define PROVIDER_TEXT_MAX  16384 /* bytes of a request or an answer */

enum provider_action {
	PROVIDER_INFO,
	PROVIDER_STATUS,
	PROVIDER_WRAP,
	PROVIDER_UNWRAP,
	PROVIDER_ACTIONS,
};

/* A request. The comments name the actions for which a member is used. */
struct provider_request {
	enum provider_action action;
	char uri[PROVIDER_URI_MAX + 1];
	bool from_header;		/* the URI comes from a volume's header */
	char alg[PROVIDER_ALG_MAX + 1]; /* wrap, unwrap */
	struct blob wrapped;		/* unwrap; owned */
	uint32_t size;			/* wrap: bytes of the key in the page */
};

/* An answer. All zeros is one of PROVIDER_OK. */
struct provider_answer {
	enum provider_outcome outcome;
	char detail[PROVIDER_DETAIL_MAX + 1];
	struct provider_key key; /* info; owned */
	struct blob wrapped;	 /* wrap; owned */
	uint32_t size;		 /* unwrap: bytes of the key in the page */
};

void provider_request_free(struct provider_request *request);
void provider_answer_free(struct provider_answer *answer);
#define _cleanup_request_ __attribute__((cleanup(provider_request_free)))
#define _cleanup_answer_  __attribute__((cleanup(provider_answer_free)))

/* Return the text without a line end, owned by the caller. NULL: out of memory. */
char *provider_request_encode(const struct provider_request *request);
char *provider_answer_encode(enum provider_action action, const struct provider_answer *answer);

/* Decode a message. -EBADMSG or -ENOTSUP: the protocol has no such message. The caller frees @ret,
 * after a failure too. */
int provider_request_decode(const char *text, struct provider_request *ret);
int provider_answer_decode(enum provider_action action, const char *text,
			   struct provider_answer *ret);

/* Set outcome and detail. The text becomes printable, since it may quote a foreign library. */
void provider_answer_fail(struct provider_answer *answer, enum provider_outcome outcome,
			  const char *format, ...) _printf_(3, 4);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What fvesetup and a provider say to each other (docs/provider.md): one JSON request on the
 * provider's standard input, one line of JSON as answer on its standard output. A plain key is in
 * neither of them, but in the page behind file descriptor 3.
 */
#ifndef FVE_PROVIDER_WIRE_H
#define FVE_PROVIDER_WIRE_H

#include "custody/provider.h"

#define PROVIDER_PAGE_FD   3
#define PROVIDER_PAGE_SIZE 4096
#define PROVIDER_TEXT_MAX  16384 /* bytes of a request or an answer */

enum provider_action {
	PROVIDER_INFO,
	PROVIDER_STATUS,
	PROVIDER_WRAP,
	PROVIDER_UNWRAP,
	PROVIDER_ACTIONS,
};

struct provider_request {
	enum provider_action action;
	char uri[PROVIDER_URI_MAX + 1];
	bool from_header;		/* the URI stood in a volume's header */
	char alg[PROVIDER_ALG_MAX + 1]; /* wrap, unwrap */
	struct blob wrapped;		/* unwrap */
	uint32_t size;			/* wrap: bytes in the page */
};

struct provider_answer {
	enum provider_outcome outcome;
	char detail[PROVIDER_DETAIL_MAX + 1];
	struct provider_key key; /* info */
	struct blob wrapped;	 /* wrap */
	uint32_t size;		 /* unwrap: bytes in the page */
};

void provider_request_free(struct provider_request *request);
void provider_answer_free(struct provider_answer *answer);
#define _cleanup_request_ __attribute__((cleanup(provider_request_free)))
#define _cleanup_answer_  __attribute__((cleanup(provider_answer_free)))

/* The text, without a line end and owned by the caller, or NULL. */
char *provider_request_encode(const struct provider_request *request);
char *provider_answer_encode(enum provider_action action, const struct provider_answer *answer);

/* -EBADMSG or -ENOTSUP on anything but what the protocol has; @ret is for the caller to free. */
int provider_request_decode(const char *text, struct provider_request *ret);
int provider_answer_decode(enum provider_action action, const char *text,
			   struct provider_answer *ret);

/* Set outcome and detail; what a foreign library says may hold anything and becomes printable. */
void provider_answer_fail(struct provider_answer *answer, enum provider_outcome outcome,
			  const char *format, ...) _printf_(3, 4);

#endif

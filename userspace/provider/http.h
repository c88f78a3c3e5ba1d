/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asking a service over HTTPS, for providers of network services. One deadline, which is the
 * process's own, bounds a whole request with everything that is tried again. Neither the service
 * nor the environment chooses where a request goes: no redirect, no challenge, no proxy variable
 * and no .netrc is followed.
 */
#pragma once

#include "base/secret.h"
#include "base/util.h"

#define HTTP_BODY_MAX 32768 /* bytes of an answer; longer ones are not believed */
#define HTTP_URL_MAX  2047  /* characters */

/* How this machine reaches a service. Everything is borrowed. */
struct http_route {
	const char *ca;		    /* file of the authorities that may certify a server, PEM */
	const struct secret *proxy; /* URL of a proxy, which may hold its password; NULL: none */
};

struct http_answer {
	long status;	     /* 200 */
	struct secret *body; /* owned; ends with a NUL that does not count */
};

void http_answer_free(struct http_answer *answer);
#define _cleanup_http_answer_ __attribute__((cleanup(http_answer_free)))

/* One request. It is a POST if it has a body. Everything is borrowed. */
struct http_request {
	const char *url;	   /* holds no secret, since servers and proxies log it */
	const char *method;	   /* NULL: GET or POST */
	const char *headers[4];	   /* "Name: value", not secret */
	const struct secret *auth; /* one more header, which is secret */
	const struct secret *body;
	/* Sign by AWS Signature Version 4: "aws:amz:REGION:SERVICE", as libcurl takes it. */
	const char *signature;
	const char *key_id;
	const struct secret *key;
	/*
	 * Plain HTTP, never by a proxy: for the metadata service of a machine in a cloud, which is
	 * link-local, and for a protocol that needs no TLS. Everything else is HTTPS.
	 */
	bool plain;
	/* Return whether the service asks to come again later by another answer than 408, 429 and
	 * 5xx. NULL: it does not. */
	bool (*is_busy)(const struct http_answer *answer);
};

/* Bytes for process_lock_memory(): the stack of the thread that asks name servers. */
#define HTTP_ROOM (8U << 20)

/* The address of metadata services; Azure and AWS have the same. */
#define HTTP_METADATA "http://169.254.169.254"

struct http_error {
	char text[200]; /* why there is no answer, for a person */
};

/*
 * Send @request and give the answer, whatever its status, which the caller frees. A busy service is
 * asked again after the time that it says (Retry-After), as long as the deadline allows. Returns 0,
 * or -errno with @err filled in. -EHOSTUNREACH: no answer that could be believed; -ENOKEY: the file
 * of authorities cannot be used; -EINVAL: the request is none.
 */
int http_ask(const struct http_route *route, const struct http_request *request,
	     struct http_answer *ret, struct http_error *err);

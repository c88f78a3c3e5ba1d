/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a Tang server sends and is sent: JSON Web Keys and a signed list of them (RFC 7515, 7517,
 * 7638), and URIs. Nothing here talks to anybody.
 */
#pragma once

#include "base/secret.h"
#include "crypto/ecmr.h"

#define TANG_THUMBPRINT_LENGTH 43 /* SHA-256 in base64url */

/* tang://HOST[:PORT]/THUMBPRINT */
struct tang_uri {
	char server[262]; /* "HOST:PORT" */
	char thumbprint[TANG_THUMBPRINT_LENGTH + 1];
};

/* Parse the URI. False: it is none. */
bool tang_uri_parse(const char *uri, struct tang_uri *ret);

/* Give the SHA-256 thumbprint of a P-521 key (RFC 7638). Returns 0 or -errno without a message. */
int tang_thumbprint(const struct ecmr_point *key, char ret[TANG_THUMBPRINT_LENGTH + 1]);

/*
 * Take the key for exchanges from an advertisement that the key with @thumbprint has signed.
 * -EBADMSG: it is none, or not signed by that key; -ENOKEY: it does not list that key.
 */
int tang_advertisement_parse(const struct secret *body, const char *thumbprint,
			     struct ecmr_point *ret_signer, struct ecmr_point *ret_exchange);

/* Give the text of a key for exchanges, owned by the caller. NULL: out of memory. */
struct secret *tang_key_encode(const struct ecmr_point *key);
/* Parse a key for exchanges. -EBADMSG: it is none. */
int tang_key_parse(const struct secret *body, struct ecmr_point *ret);

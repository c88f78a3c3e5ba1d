/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What Azure Key Vault (REST API 7.4) and Microsoft Entra (OAuth 2.0) answer, and the URIs of keys
 * there. Nothing here talks to anybody.
 */
#pragma once

#include "custody/provider_wire.h"
#include "provider/http.h"

/* azure://HOST/KEY/VERSION */
struct azure_uri {
	char host[254];	  /* of the vault, and of the machine's folder */
	char key[128];	  /* letters, digits, "-" */
	char version[33]; /* hex digits */
};

/* Parse the URI. False: it is none. */
bool azure_uri_parse(const char *uri, struct azure_uri *ret);

/* A key as the vault describes it. */
struct azure_key {
	struct blob spki; /* owned */
	bool enabled, unwraps, exportable;
	enum provider_recoverable recoverable;
	char end_date[11]; /* "": it has none */
};

void azure_key_free(struct azure_key *key);
#define _cleanup_azure_key_ __attribute__((cleanup(azure_key_free)))

/* Parse the description of the very key at @uri. -EBADMSG: it is none; -ENOTSUP: it is no RSA
 * key. The caller frees @ret, after a failure too. */
int azure_key_parse(const struct secret *body, const struct azure_uri *uri, struct azure_key *ret);

/* Take the token from the answer of Entra or of a metadata service. NULL: there is none. */
struct secret *azure_token_parse(const struct secret *body);

/* Take the key that was unwrapped into @page and give its size; 0: the answer has none, or is for
 * another key. */
uint32_t azure_unwrapped_parse(const struct secret *body, const struct azure_uri *uri,
			       struct secret *page);

/* Say in @ret what a refusal of the vault @host, or of Entra, means. */
void azure_vault_refused(const struct http_answer *answer, const char *host,
			 struct provider_answer *ret);
void azure_token_refused(const struct http_answer *answer, struct provider_answer *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What AWS KMS (API 2014-11-01) and the metadata service of an EC2 machine answer, and the URIs of
 * keys there. Nothing here talks to anybody.
 */
#pragma once

#include "custody/provider_wire.h"
#include "provider/http.h"

#define AWS_TEXT_MAX 128 /* characters of what an answer names */

/* aws://REGION/KEY-ID */
struct aws_uri {
	char region[33];
	char key[256]; /* UUID, mrk-..., or the key's ARN */
};

/* Parse the URI. False: it is none, or the ARN is of another region. */
bool aws_uri_parse(const char *uri, struct aws_uri *ret);

/* A key as DescribeKey has it. */
struct aws_key {
	char account[AWS_TEXT_MAX], state[AWS_TEXT_MAX];
	bool imported, decrypts;
	char end_date[11]; /* "": it has none */
};

/* Parse the description of the key at @uri. -EBADMSG: it is none. */
int aws_key_parse(const struct secret *body, const struct aws_uri *uri, struct aws_key *ret);

/* Give the public key, owned by the caller. -EBADMSG: there is none; -ENOTSUP: the key does not
 * decrypt by RSAES_OAEP_SHA_256. */
int aws_public_parse(const struct secret *body, const struct aws_uri *uri, struct blob *ret);

/* Take the key that was unwrapped into @page and give its size; 0: the answer has none, or is for
 * another key. */
uint32_t aws_unwrapped_parse(const struct secret *body, const struct aws_uri *uri,
			     struct secret *page);

/* Who asks. */
struct aws_credentials {
	char id[AWS_TEXT_MAX + 1];
	struct secret *key;	/* owned */
	struct secret *session; /* owned; the header line of a temporary one's token, or NULL */
};

void aws_credentials_free(struct aws_credentials *credentials);

/* Make the header line of a session token. NULL: it is none, or out of memory. */
struct secret *aws_session_header(const struct secret *token);

/* Take the credentials of a machine's role. -EBADMSG: there are none. The caller frees @ret. */
int aws_role_parse(const struct secret *body, struct aws_credentials *ret);

/* Say in @ret what a refusal of the service means. Return whether its reason is a state of the key
 * that DescribeKey names. */
bool aws_refused(const struct http_answer *answer, struct provider_answer *ret);

/* Say in @ret what a key's state means that was not "Enabled" when the key was to be used. */
void aws_state_refused(const struct aws_key *key, struct provider_answer *ret);

/* Return whether the service asks to come again later, which it does with status 400. */
bool aws_is_busy(const struct http_answer *answer);

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The provider of azure://HOST/KEY/VERSION: an RSA key in an Azure key vault or managed HSM. Keys
 * are wrapped here by its public half, and only unwrapping asks the vault.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "os/process.h"
#include "provider/azure_token.h"
#include "provider/azure_wire.h"
#include "provider/serve.h"
#include "provider/text.h"

#define API "api-version=7.4"

struct vault {
	struct provider_answer *answer; /* borrowed; where failures go */
	struct azure_uri uri;
	struct identity identity;
	char endpoint[254]; /* HOST or HOST:PORT that is connected to */
	struct secret *token;
};

static void vault_close(struct vault *vault)
{
	identity_close(&vault->identity);
	secret_free(vault->token);
}
#define _cleanup_vault_ __attribute__((cleanup(vault_close)))

static bool vault_open(struct vault *vault, const char *uri)
{
	if (!azure_uri_parse(uri, &vault->uri)) {
		provider_answer_fail(vault->answer, PROVIDER_BADREQ,
				     "the URI is not azure://HOST/KEY/VERSION, host and version in "
				     "lower case");
		return false;
	}
	vault->identity.answer = vault->answer;
	if (!identity_open(&vault->identity, "azure", vault->uri.host) ||
	    !identity_text(&vault->identity, "endpoint", vault->uri.host, ":.-", vault->endpoint,
			   sizeof(vault->endpoint)))
		return false;
	vault->token = azure_token(&vault->identity, vault->uri.host);
	return vault->token;
}

/* Ask the vault about the key, or, with @body, to use it. */
static bool ask(struct vault *vault, const char *operation, const struct secret *body,
		struct http_answer *ret)
{
	char url[HTTP_URL_MAX + 1];
	const struct http_request request = {
		.url = url,
		.headers = {body ? "Content-Type: application/json" : NULL},
		.auth = vault->token,
		.body = body,
	};
	struct http_error err = {""};
	int r;

	snprintf(url, sizeof(url), "https://%s/keys/%s/%s%s?" API, vault->endpoint, vault->uri.key,
		 vault->uri.version, operation);
	r = http_ask(&vault->identity.route, &request, ret, &err);
	if (r < 0)
		provider_answer_fail(vault->answer,
				     r == -EHOSTUNREACH ? PROVIDER_UNREACHABLE : PROVIDER_BADREQ,
				     "%s: %s", vault->uri.host, err.text);
	else if (ret->status != 200)
		azure_vault_refused(ret, vault->uri.host, vault->answer);
	return r == 0 && ret->status == 200;
}

static bool look(struct vault *vault, struct azure_key *key)
{
	_cleanup_http_answer_ struct http_answer answer = {0};
	int r;

	if (!ask(vault, "", NULL, &answer))
		return false;
	r = azure_key_parse(answer.body, &vault->uri, key);
	if (r == -ENOTSUP)
		provider_answer_fail(vault->answer, PROVIDER_BADREQ, "it is no RSA key");
	else if (r < 0)
		provider_answer_fail(vault->answer, PROVIDER_UNREACHABLE,
				     "%s does not describe the key", vault->uri.host);
	return r == 0;
}

static void show_key(struct vault *vault, struct azure_key *key)
{
	struct provider_key *ret = &vault->answer->key;

	if (crypto_rsa_bits(&key->spki, &ret->bits) < 0) {
		provider_answer_fail(vault->answer, PROVIDER_UNREACHABLE,
				     "%s does not describe the key", vault->uri.host);
		return;
	}
	strcpy(ret->alg, PROVIDER_ALG_RSA);
	snprintf(ret->token, sizeof(ret->token), "azure/%.120s", vault->uri.host);
	strcpy(ret->end_date, key->end_date);
	ret->extractable = key->exportable;
	ret->recoverable = key->recoverable;
	ret->spki = key->spki;
	key->spki = (struct blob){0};
}

static void check_key(struct vault *vault, const struct azure_key *key)
{
	if (!key->enabled)
		provider_answer_fail(vault->answer, PROVIDER_DENIED, "the key is disabled");
	else if (!key->unwraps)
		provider_answer_fail(vault->answer, PROVIDER_DENIED, "the key may not unwrap");
}

static void wrap(struct vault *vault, const struct azure_key *key, const struct secret *page,
		 uint32_t size)
{
	_cleanup_secret_ struct secret *plain = secret_copy(page->data, size);

	if (!plain || crypto_rsa_wrap(&key->spki, plain, &vault->answer->wrapped) < 0)
		provider_answer_fail(vault->answer, PROVIDER_BADREQ,
				     "it cannot be wrapped by this key");
}

static void unwrap(struct vault *vault, const struct blob *wrapped, struct secret *page)
{
	_cleanup_http_answer_ struct http_answer answer = {0};
	_cleanup_secret_ struct secret *body = NULL;
	struct text json;

	text_begin(&json, 2 * wrapped->size + 64);
	text_add(&json, "{\"alg\":\"RSA-OAEP-256\",\"value\":\"");
	text_add_base64url(&json, wrapped->data, wrapped->size);
	text_add(&json, "\"}");
	body = text_end(&json);
	if (!body) {
		provider_answer_fail(vault->answer, PROVIDER_BADREQ, "out of memory");
		return;
	}
	if (!ask(vault, "/unwrapkey", body, &answer))
		return;
	vault->answer->size = azure_unwrapped_parse(answer.body, &vault->uri, page);
	if (!vault->answer->size)
		provider_answer_fail(vault->answer, PROVIDER_UNREACHABLE,
				     "%s does not unwrap as it was asked to", vault->uri.host);
}

static void handle(const struct provider_request *request, struct secret *page,
		   struct provider_answer *answer)
{
	_cleanup_vault_ struct vault vault = {.answer = answer};
	_cleanup_azure_key_ struct azure_key key = {0};
	bool wraps = request->action == PROVIDER_WRAP || request->action == PROVIDER_UNWRAP;

	process_lock_memory(HTTP_ROOM);
	if (wraps && strcmp(request->alg, PROVIDER_ALG_RSA) != 0) {
		provider_answer_fail(answer, PROVIDER_BADREQ,
				     "the only alg here is " PROVIDER_ALG_RSA);
		return;
	}
	if (!vault_open(&vault, request->uri))
		return;
	if (request->action == PROVIDER_UNWRAP)
		unwrap(&vault, &request->wrapped, page);
	else if (!look(&vault, &key))
		return;
	else if (request->action == PROVIDER_INFO)
		show_key(&vault, &key);
	else if (request->action == PROVIDER_STATUS)
		check_key(&vault, &key);
	else
		wrap(&vault, &key, page, request->size);
}

int main(void)
{
	return serve(handle);
}

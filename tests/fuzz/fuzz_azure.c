// SPDX-License-Identifier: LGPL-2.1-or-later
/* What Azure, or who sits in its place, answers (json), and URIs of keys there. */
#include <errno.h>

#include "crypto/crypto.h"
#include "fuzz.h"
#include "provider/azure_wire.h"

static void check_answers(const struct secret *body)
{
	static const struct azure_uri uri = {"acme.vault.azure.net", "root",
					     "0123456789abcdef0123456789abcdef"};
	_cleanup_secret_ struct secret *page = secret_new(PROVIDER_KEY_MAX);
	_cleanup_secret_ struct secret *token = azure_token_parse(body);
	_cleanup_azure_key_ struct azure_key key = {0};
	uint32_t bits;

	CHECK(page);
	if (azure_key_parse(body, &uri, &key) == 0)
		CHECK(crypto_rsa_bits(&key.spki, &bits) == 0);
	for (size_t i = 0; token && i < token->size; i++)
		CHECK(token->data[i] > ' ' && token->data[i] <= '~');
	CHECK(azure_unwrapped_parse(body, &uri, page) <= PROVIDER_KEY_MAX);
}

/* What was not understood is an outage, never the owner's no; and only a few statuses are a no. */
static void check_refusals(struct secret *body)
{
	static const long statuses[] = {301, 400, 401, 403, 404, 429, 500};

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		const struct http_answer answer = {statuses[i], body};
		struct provider_answer vault = {0}, entra = {0};

		azure_vault_refused(&answer, "acme.vault.azure.net", &vault);
		CHECK(vault.outcome != PROVIDER_OK && *vault.detail);
		CHECK(vault.outcome != PROVIDER_DENIED || statuses[i] == 403);
		CHECK(vault.outcome != PROVIDER_ABSENT || statuses[i] == 404);
		azure_token_refused(&answer, &entra);
		CHECK(entra.outcome != PROVIDER_OK && entra.outcome != PROVIDER_ABSENT);
		CHECK(entra.outcome != PROVIDER_DENIED || statuses[i] == 400 || statuses[i] == 401);
		CHECK(body->size || vault.outcome == PROVIDER_UNREACHABLE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_secret_ struct secret *body = secret_new(size + 1);
	_cleanup_free_ char *text = fuzz_text(data, size);
	struct azure_uri uri;

	CHECK(body);
	memcpy(body->data, data, size);
	secret_truncate(body, size);
	check_answers(body);
	check_refusals(body);
	if (azure_uri_parse(text, &uri))
		CHECK(!strpbrk(uri.host, "/:@?#%") && strlen(uri.version) == 32 &&
		      strcmp(uri.host, "..") != 0 && !strpbrk(uri.key, "/:@?#%."));
	return 0;
}

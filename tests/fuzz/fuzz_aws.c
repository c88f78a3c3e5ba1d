// SPDX-License-Identifier: LGPL-2.1-or-later
/* What AWS, or who sits in its place, answers (json), and URIs of keys there. */
#include <errno.h>

#include "fuzz.h"
#include "provider/aws_wire.h"

static void check_answers(const struct secret *body)
{
	static const struct aws_uri uri = {"eu-central-9", "0a1b2c3d-1111-2222-3333-444455556666"};
	_cleanup_secret_ struct secret *page = secret_new(PROVIDER_KEY_MAX);
	_cleanup_blob_ struct blob spki = {0};
	struct aws_credentials role;
	struct aws_key key;

	CHECK(page);
	if (aws_key_parse(body, &uri, &key) == 0) {
		struct provider_answer answer = {0};

		CHECK(*key.account && *key.state);
		aws_state_refused(&key, &answer);
		CHECK(answer.outcome == PROVIDER_DENIED || answer.outcome == PROVIDER_UNREACHABLE);
	}
	if (aws_public_parse(body, &uri, &spki) == 0)
		CHECK(spki.size);
	CHECK(aws_unwrapped_parse(body, &uri, page) <= PROVIDER_KEY_MAX);
	if (aws_role_parse(body, &role) == 0)
		CHECK(!memchr(role.session->data, '\n', role.session->size));
	aws_credentials_free(&role);
}

/* What was not understood is an outage, never the owner's no. */
static void check_refusals(struct secret *body)
{
	static const long statuses[] = {301, 400, 401, 403, 404, 429, 500};

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		const struct http_answer answer = {statuses[i], body};
		struct provider_answer ret = {0};

		aws_is_busy(&answer);
		aws_refused(&answer, &ret);
		CHECK(ret.outcome != PROVIDER_OK && *ret.detail);
		CHECK(ret.outcome == PROVIDER_UNREACHABLE || statuses[i] == 400 ||
		      statuses[i] == 403);
		CHECK(body->size || ret.outcome == PROVIDER_UNREACHABLE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_secret_ struct secret *body = secret_new(size + 1);
	_cleanup_free_ char *text = fuzz_text(data, size);
	struct aws_uri uri;

	CHECK(body);
	memcpy(body->data, data, size);
	secret_truncate(body, size);
	check_answers(body);
	check_refusals(body);
	/* They become a folder's name, a host's, and a JSON string. */
	if (aws_uri_parse(text, &uri))
		CHECK(*uri.region && !strpbrk(uri.region, "/.:@?#%\"\\") &&
		      !strpbrk(uri.key, "\"\\") && !strstr(uri.key, "alias/"));
	return 0;
}

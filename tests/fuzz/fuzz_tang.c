// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What a Tang server, or who sits in its place, answers (json), and URIs of its keys. The first
 * TANG_THUMBPRINT_LENGTH bytes are the thumbprint in the URI that the answer comes to.
 */
#include <errno.h>

#include "base/util.h"
#include "fuzz.h"
#include "provider/tang_wire.h"

/* The server chooses no key but that of the thumbprint, and no point that is off the curve. */
static void check_advertisement(const struct secret *body, const char *thumbprint)
{
	char have[TANG_THUMBPRINT_LENGTH + 1];
	struct ecmr_point signer, exchange;
	int r = tang_advertisement_parse(body, thumbprint, &signer, &exchange);

	CHECK(r == 0 || r == -EBADMSG || r == -ENOKEY);
	if (r < 0)
		return;
	CHECK(tang_thumbprint(&signer, have) == 0 && !strcmp(have, thumbprint));
	CHECK(ecmr_check(&signer) == 0 && ecmr_check(&exchange) == 0);
}

/* A key that was taken is written as it was read. */
static void check_key(const struct secret *body)
{
	struct ecmr_point key, again;
	_cleanup_secret_ struct secret *text = NULL;

	if (tang_key_parse(body, &key) < 0)
		return;
	CHECK(ecmr_check(&key) == 0);
	text = tang_key_encode(&key);
	CHECK(text && tang_key_parse(text, &again) == 0);
	CHECK(!memcmp(&key, &again, sizeof(key)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t head = size < TANG_THUMBPRINT_LENGTH ? size : TANG_THUMBPRINT_LENGTH;
	_cleanup_free_ char *text = fuzz_text(data, size), *thumbprint = fuzz_text(data, head);
	_cleanup_secret_ struct secret *body = secret_new(size + 1);
	struct tang_uri uri;

	CHECK(body);
	memcpy(body->data, data + head, size - head);
	secret_truncate(body, size - head);
	check_advertisement(body, thumbprint);
	check_key(body);
	if (tang_uri_parse(text, &uri))
		CHECK(!strpbrk(uri.server, "/@?#%") && !strpbrk(uri.thumbprint, "/@?#%.:") &&
		      strlen(uri.thumbprint) == TANG_THUMBPRINT_LENGTH &&
		      strchr(uri.server, ':') == strrchr(uri.server, ':'));
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Tokens: what one parser accepts is written back, and read again as the same. */
#include <errno.h>

#include "fuzz.h"
#include "header/mac.h"
#include "keys/token.h"

/* @again: the token of @text, written; parsing it gives it once more. Takes @text over. */
#define ROUND_TRIP(name, type, format)                                   \
	static void try_##name(const char *json)                         \
	{                                                                \
		struct type token = {0}, again = {0};                    \
		int r = type##_parse(json, &token);                      \
                                                                         \
		CHECK(r == 0 || r == -EBADMSG || r == -ENOTSUP);         \
		if (r == 0) {                                            \
			_cleanup_free_ char *first = format(&token);     \
			_cleanup_free_ char *second = NULL;              \
                                                                         \
			CHECK(first &&type##_parse(first, &again) == 0); \
			second = format(&again);                         \
			CHECK(second && !strcmp(first, second));         \
		}                                                        \
		type##_free(&again);                                     \
		type##_free(&token);                                     \
	}

static char *format_tpm2(const struct token_tpm2 *token)
{
	return token_tpm2_format(token, token->pin	   ? "fve-tpm2-pin"
					: token->n_network ? "fve-tpm2-net"
							   : "fve-tpm2");
}

static char *format_person(const struct token_person *token)
{
	return token_person_format(token, "fve-recovery");
}

static void token_person_free(struct token_person *token)
{
	(void)token;
}

ROUND_TRIP(vmk, token_vmk, token_vmk_format)
ROUND_TRIP(person, token_person, format_person)
ROUND_TRIP(tpm2, token_tpm2, format_tpm2)
ROUND_TRIP(auto, token_auto, token_auto_format)
ROUND_TRIP(customer, token_customer, token_customer_format)
ROUND_TRIP(policy, token_policy, token_policy_format)
ROUND_TRIP(mac, token_mac, token_mac_format)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *json = fuzz_text(data, size);

	try_vmk(json);
	try_person(json);
	try_tpm2(json);
	try_auto(json);
	try_customer(json);
	try_policy(json);
	try_mac(json);
	return 0;
}

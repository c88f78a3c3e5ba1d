// SPDX-License-Identifier: LGPL-2.1-or-later
/* Walking over a header's tokens. */
#include <string.h>

#include "header/header.h"

bool header_token_next(const struct header *header, const char *type, struct header_token *token)
{
	while (++token->number < HEADER_MAX_TOKENS)
		if (header_token_get(header, token->number, &token->type, &token->json) == 0 &&
		    (!type || !strcmp(type, token->type)))
			return true;
	return false;
}

bool header_token_ours(const struct header_token *token)
{
	return !strncmp(token->type, HEADER_TOKEN_PREFIX, strlen(HEADER_TOKEN_PREFIX));
}

bool header_has_vmk(const struct header *header)
{
	struct header_token token = HEADER_TOKEN_START;

	while (header_token_next(header, TOKEN_TYPE_VMK, &token))
		for (int slot = 0; slot < HEADER_MAX_KEYSLOTS; slot++)
			if (header_token_names(header, token.number, slot))
				return true;
	return false;
}

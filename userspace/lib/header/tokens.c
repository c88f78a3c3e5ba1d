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

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The table of kinds, and finding in it. */
#include <string.h>

#include "protector/kind.h"

#define KIND_ROW(number, row) [PROTECTOR_##number] = &kind_##row,
const struct kind_row *const kind_rows[PROTECTOR_MAX] = {KINDS(KIND_ROW)};

/* A token of a newer version, or one that is damaged: the TPM may release its key to that. */
const struct kind_row kind_unknown = {
	.name = "unknown",
	.flags = KIND_ALONE | KIND_TPM,
};

bool kind_has(enum protector_kind kind, unsigned int flags)
{
	return (kind_rows[kind]->flags & flags) == flags;
}

uint32_t kind_mask(unsigned int with, unsigned int without)
{
	uint32_t mask = 0;

	for (int kind = 0; kind < PROTECTOR_MAX; kind++)
		if ((kind_rows[kind]->flags & (with | without)) == with)
			mask |= 1u << kind;
	return mask;
}

enum protector_kind kind_find(const char *name)
{
	for (int kind = 0; kind < PROTECTOR_UNKNOWN; kind++)
		if (!strcmp(kind_rows[kind]->name, name))
			return (enum protector_kind)kind;
	return PROTECTOR_MAX;
}

enum protector_kind kind_of_token(const char *type)
{
	for (int kind = 0; kind < PROTECTOR_UNKNOWN; kind++)
		if (kind_rows[kind]->token_type && !strcmp(kind_rows[kind]->token_type, type))
			return (enum protector_kind)kind;
	return PROTECTOR_UNKNOWN;
}

bool kind_token_known(const char *type)
{
	return kind_of_token(type) != PROTECTOR_UNKNOWN;
}

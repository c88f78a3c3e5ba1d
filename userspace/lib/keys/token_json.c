// SPDX-License-Identifier: LGPL-2.1-or-later
/* Members that several of our formats have. */
#include <errno.h>
#include <string.h>

#include "keys/token_json.h"

#define GENERATION_MAX INT32_MAX /* what fits json_object_new_int() */

void member_generation(struct members *m, uint32_t *generation)
{
	member_number(m, "generation", generation, 1, GENERATION_MAX);
}

void member_head(struct members *m, struct token_head *head)
{
	uint8_t id[TOKEN_ID_LENGTH / 2];

	member_text(m, "id", head->id, sizeof(head->id));
	member_text(m, "label", head->stored, sizeof(head->stored));
	member_time(m, "created", head->created);
	if (m->writing)
		return;
	if (hex_decode(head->id, id, sizeof(id)) < 0)
		members_fail(m, -EBADMSG);
	strcpy(head->label, head->stored);
	make_printable(head->label, "");
}

void member_boots(struct members *m, struct policy_boots *boots)
{
	uint32_t none = 0;

	member_number(m, "reset_limit", &boots->reset_limit, 1, UINT32_MAX);
	boots->no_restart = member_is_there(m, "restart_limit", boots->no_restart);
	if (boots->no_restart)
		member_number(m, "restart_limit", &none, 0, 0);
}

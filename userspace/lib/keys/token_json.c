// SPDX-License-Identifier: LGPL-2.1-or-later
/* Members that several of our formats have. */
#include <errno.h>
#include <string.h>

#include "keys/token_json.h"

#define GENERATION_MAX INT32_MAX /* what fits json_object_new_int() */

uint32_t reader_generation(struct reader *r)
{
	return reader_number(r, "generation", 1, GENERATION_MAX);
}

void writer_generation(struct writer *w, uint32_t generation)
{
	writer_number(w, "generation", generation);
}

void reader_head(struct reader *r, struct token_head *head)
{
	uint8_t id[TOKEN_ID_LENGTH / 2];

	reader_text(r, "id", head->id, sizeof(head->id));
	if (hex_decode(head->id, id, sizeof(id)) < 0)
		reader_fail(r, -EBADMSG);
	reader_text(r, "label", head->stored, sizeof(head->stored));
	strcpy(head->label, head->stored);
	make_printable(head->label, "");
	reader_time(r, "created", head->created);
}

void writer_head(struct writer *w, const struct token_head *head)
{
	writer_string(w, "id", head->id);
	writer_string(w, "label", head->stored);
	writer_string(w, "created", head->created);
}

void reader_boots(struct reader *r, struct policy_boots *boots)
{
	boots->reset_limit = reader_number(r, "reset_limit", 1, UINT32_MAX);
	boots->no_restart = json_object_object_get_ex(r->object, "restart_limit", NULL);
	if (boots->no_restart)
		reader_number(r, "restart_limit", 0, 0);
}

void writer_boots(struct writer *w, const struct policy_boots *boots)
{
	writer_number(w, "reset_limit", boots->reset_limit);
	if (boots->no_restart)
		writer_number(w, "restart_limit", 0);
}

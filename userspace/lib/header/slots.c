// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading and writing the keyslots in the JSON of tokens. */
#include <errno.h>
#include <stdio.h>

#include "header/header.h"
#include "header/slots.h"

static int take_slot(struct members *m)
{
	size_t n;
	struct json_object *slots = member_array(m, "keyslots", &n, 1);
	const char *text;
	char *end;
	long slot;

	if (n == 0)
		return -1;
	text = element_text(m, slots, 0, NULL);
	slot = strtol(text, &end, 10);
	if (slot >= 0 && slot < HEADER_MAX_KEYSLOTS && end != text && !*end)
		return (int)slot;
	members_fail(m, -EBADMSG);
	return -1;
}

int token_parse(const char *json, int *slot, members_of *of, void *data)
{
	struct members m;
	_cleanup_json_ struct json_object *root = members_read(&m, json);
	size_t none;

	if (!root)
		return m.error;
	if (slot)
		*slot = take_slot(&m);
	else
		member_array(&m, "keyslots", &none, 0);
	of(&m, data);
	return members_close(&m);
}

char *token_format(const char *type, int slot, members_of *of, void *data)
{
	struct members m = members_write(NULL);
	struct json_object *slots;
	char text[12];

	m.type = type;
	members_put_text(&m, "type", type);
	slots = member_array(&m, "keyslots", NULL, 1);
	snprintf(text, sizeof(text), "%d", slot);
	if (slot >= 0)
		element_text(&m, slots, 0, text);
	members_put_number(&m, "version", JSON_VERSION);
	of(&m, data);
	return members_text(&m);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading and writing the keyslots in the JSON of tokens. */
#include <errno.h>
#include <stdio.h>

#include "header/header.h"
#include "header/slots.h"

int reader_slot(struct reader *r)
{
	struct json_object *slots = reader_take(r, "keyslots", json_type_array);
	const char *text;
	char *end;
	long slot;

	if (slots && json_object_array_length(slots) == 0)
		return -1;
	if (!slots || json_object_array_length(slots) != 1) {
		reader_fail(r, -EBADMSG);
		return -1;
	}
	text = json_object_get_string(json_object_array_get_idx(slots, 0));
	slot = text ? strtol(text, &end, 10) : -1;
	if (slot < 0 || slot >= HEADER_MAX_KEYSLOTS || end == text || *end) {
		reader_fail(r, -EBADMSG);
		return -1;
	}
	return (int)slot;
}

void reader_no_slots(struct reader *r)
{
	struct json_object *slots = reader_take(r, "keyslots", json_type_array);

	if (slots && json_object_array_length(slots) != 0)
		reader_fail(r, -EBADMSG);
}

struct writer writer_open(const char *type, int slot)
{
	struct writer w = {.object = json_object_new_object()};
	struct json_object *slots = json_object_new_array();
	char text[12];

	writer_string(&w, "type", type);
	writer_put(&w, "keyslots", slots);
	if (slot >= 0) {
		snprintf(text, sizeof(text), "%d", slot);
		if (w.failed || json_object_array_add(slots, json_object_new_string(text)) < 0)
			w.failed = true;
	}
	writer_put(&w, "version", json_object_new_int(JSON_VERSION));
	return w;
}

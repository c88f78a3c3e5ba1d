/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The canonical form of a header: the JSON that its MAC is computed over. It holds what the
 * volume's safety rests on, with the members of every object in order (docs/on-disk.md,
 * "Authenticity").
 */
#pragma once

#include "base/json.h"

/* json-c leaves white space out, escapes what JSON must escape, and nothing else. */
#define CANONICAL (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

/*
 * The canonical form of @root, the JSON of the header of volume @uuid, under sequence number @seq;
 * the caller puts it. -EBADMSG: @root is not what a LUKS2 header holds; -ENOMEM.
 */
int canonical_form(const char *uuid, struct json_object *root, uint32_t seq,
		   struct json_object **ret);

/* Add @value, which is taken over, to @object. -ENOMEM, also where @value is NULL. */
int canonical_put(struct json_object *object, const char *key, struct json_object *value);

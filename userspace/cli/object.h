/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects for --json (docs/json.md): their members, and printing them. An object takes over what is
 * put into it; where memory runs out a member is null.
 */
#pragma once

#include "base/json.h"
#include "base/reason.h"

/* A text, which may be empty; null for NULL. */
void object_text(struct json_object *object, const char *key, const char *text);
/* A text or a time, of which an empty one means that there is none; null for that. */
void object_known(struct json_object *object, const char *key, const char *text);
void object_number(struct json_object *object, const char *key, int64_t number);
/* A number that is not negative; null for one that is. */
void object_count(struct json_object *object, const char *key, int64_t number);
void object_bool(struct json_object *object, const char *key, bool value);
void object_hex(struct json_object *object, const char *key, const void *data, size_t size);
/* The code of @reason; null for none. */
void object_reason(struct json_object *object, const char *key, enum reason reason);

/* Print @object to standard output and release it. */
int object_print(struct json_object *object);
/* Print an object of which @array is the one member, and release both. */
int object_print_list(const char *key, struct json_object *array);

/* The same, with "unseen": what this process may not look at. */
int object_print_seen(const char *key, struct json_object *array, bool mappings, bool devices);

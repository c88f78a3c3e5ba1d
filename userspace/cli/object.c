// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdio.h>

#include "cli/object.h"

void object_text(struct json_object *object, const char *key, const char *text)
{
	json_object_object_add(object, key, text ? json_object_new_string(text) : NULL);
}

void object_known(struct json_object *object, const char *key, const char *text)
{
	object_text(object, key, text && *text ? text : NULL);
}

void object_number(struct json_object *object, const char *key, int64_t number)
{
	json_object_object_add(object, key, json_object_new_int64(number));
}

void object_count(struct json_object *object, const char *key, int64_t number)
{
	json_object_object_add(object, key, number < 0 ? NULL : json_object_new_int64(number));
}

void object_bool(struct json_object *object, const char *key, bool value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

void object_hex(struct json_object *object, const char *key, const void *data, size_t size)
{
	_cleanup_free_ char *hex = hex_encode(data, size);

	object_text(object, key, hex);
}

void object_reason(struct json_object *object, const char *key, enum reason reason)
{
	object_text(object, key, reason == REASON_NONE ? NULL : reason_code(reason));
}

/*
 * json-c escapes control characters of ASCII (RFC 8259 asks for no more), and passes bytes that are
 * no UTF-8, which makes it no JSON.
 */
static void print_escaped(const char *json)
{
	while (*json) {
		uint32_t c = 0;
		size_t n = utf8_read(json, &c);

		if (!n)
			printf("\\ufffd");
		else if (c >= 0x7f && !is_printable(c))
			printf("\\u%04x", c);
		else
			fwrite(json, 1, n, stdout);
		json += n ?: 1;
	}
	putchar('\n');
}

int object_print(struct json_object *object)
{
	if (!object)
		return -ENOMEM;
	print_escaped(
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return 0;
}

int object_print_seen(const char *key, struct json_object *array, bool mappings, bool devices)
{
	struct json_object *root = json_object_new_object(), *unseen = json_object_new_array();

	if (!mappings)
		json_object_array_add(unseen, json_object_new_string("mappings"));
	if (!devices)
		json_object_array_add(unseen, json_object_new_string("devices"));
	json_object_object_add(root, key, array);
	json_object_object_add(root, "unseen", unseen);
	return object_print(root);
}

int object_print_list(const char *key, struct json_object *array)
{
	struct json_object *root = json_object_new_object();

	json_object_object_add(root, key, array);
	return object_print(root);
}

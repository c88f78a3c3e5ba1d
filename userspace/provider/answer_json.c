// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading a service's JSON. What json-c frees is overwritten, see process_init(). */
#include <errno.h>
#include <string.h>

#include "provider/answer_json.h"
#include "provider/text.h"

#define DEPTH 8 /* of objects and lists in each other; the services' answers have 4 */

struct json_object *answer_parse(const struct secret *body)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
	struct json_object *object = NULL;

	if (!tokener)
		return NULL;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	/* With the NUL, by which the end is known. */
	object = json_tokener_parse_ex(tokener, (char *)body->data, (int)body->size + 1);
	if (json_tokener_get_error(tokener) != json_tokener_success ||
	    json_tokener_get_parse_end(tokener) < body->size ||
	    !json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		object = NULL;
	}
	json_tokener_free(tokener);
	return object;
}

struct json_object *answer_member(struct json_object *object, const char *name, enum json_type type)
{
	struct json_object *member;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &member) || !json_object_is_type(member, type))
		return NULL;
	return member;
}

const char *answer_string(struct json_object *object, const char *name)
{
	struct json_object *member = answer_member(object, name, json_type_string);

	return member ? json_object_get_string(member) : "";
}

bool answer_has(struct json_object *object, const char *list, const char *word)
{
	struct json_object *words = answer_member(object, list, json_type_array);

	for (size_t i = 0; words && i < json_object_array_length(words); i++) {
		struct json_object *one = json_object_array_get_idx(words, i);

		if (json_object_is_type(one, json_type_string) &&
		    !strcmp(json_object_get_string(one), word))
			return true;
	}
	return false;
}

void answer_name(const char *text, char *ret, size_t size)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

	*ret = '\0';
	if (!text[strspn(text, letters)] && strlen(text) < size)
		strcpy(ret, text);
}

/* The string in json-c's own memory, to be wiped. */
static char *text_of(struct json_object *object, const char *name, size_t *ret_size)
{
	struct json_object *member = answer_member(object, name, json_type_string);

	*ret_size = member ? (size_t)json_object_get_string_len(member) : 0;
	return member ? (char *)json_object_get_string(member) : NULL;
}

struct secret *answer_secret(struct json_object *object, const char *name)
{
	struct secret *secret;
	struct text text;
	size_t size;
	char *string = text_of(object, name, &size);

	if (!string || !size)
		return NULL;
	text_begin(&text, size);
	text_add_bytes(&text, string, size);
	secret = text_end(&text);
	secret_wipe(string, size);
	return secret;
}

ssize_t answer_secret_base64(struct json_object *object, const char *name, void *ret, size_t room)
{
	size_t size;
	char *string = text_of(object, name, &size);
	ssize_t n = string ? text_decode_base64(string, ret, room) : -EINVAL;

	if (string)
		secret_wipe(string, size);
	return n;
}

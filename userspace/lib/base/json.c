// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading and writing the members of JSON objects with json-c. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/json.h"

void members_fail(struct members *m, int error)
{
	if (!m->error)
		m->error = error;
}

/* --- reading -------------------------------------------------------------------------------- */

struct json_object *members_read(struct members *m, const char *json)
{
	struct json_object *root = json_tokener_parse(json), *version;

	*m = (struct members){.object = root};
	if (!root || !json_object_is_type(root, json_type_object)) {
		json_object_put(root);
		m->error = -EBADMSG;
		return NULL;
	}
	m->type = members_take_text(m, "type");
	version = members_take(m, "version", json_type_int);
	if (version && json_object_get_int(version) != JSON_VERSION)
		members_fail(m, json_object_get_int(version) > JSON_VERSION ? -ENOTSUP : -EBADMSG);
	return root;
}

int members_close(struct members *m)
{
	if (m->taken != json_object_object_length(m->object))
		members_fail(m, -EBADMSG);
	return m->error;
}

int members_parse(const char *json, const char *type, members_of *of, void *data)
{
	struct members m;
	_cleanup_json_ struct json_object *root = members_read(&m, json);

	if (!root)
		return m.error;
	if (type && strcmp(m.type, type))
		members_fail(&m, -EBADMSG);
	of(&m, data);
	return members_close(&m);
}

struct json_object *members_take(struct members *m, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(m->object, key, &value) ||
	    !json_object_is_type(value, type)) {
		members_fail(m, -EBADMSG);
		return NULL;
	}
	m->taken++;
	return value;
}

const char *members_take_text(struct members *m, const char *key)
{
	struct json_object *value = members_take(m, key, json_type_string);

	return value ? json_object_get_string(value) : "";
}

/* --- writing -------------------------------------------------------------------------------- */

struct members members_write(const char *type)
{
	struct members m = {.object = json_object_new_object(), .type = type, .writing = true};

	if (type) {
		members_put_text(&m, "type", type);
		members_put_number(&m, "version", JSON_VERSION);
	}
	return m;
}

char *members_text(struct members *m)
{
	char *text = NULL;

	if (!m->error)
		text = strdup(json_object_to_json_string_ext(m->object, JSON_C_TO_STRING_PLAIN));
	json_object_put(m->object);
	return text;
}

char *members_format(const char *type, members_of *of, void *data)
{
	struct members m = members_write(type);

	of(&m, data);
	return members_text(&m);
}

void members_put(struct members *m, const char *key, struct json_object *value)
{
	if (!value || !m->object || json_object_object_add(m->object, key, value) < 0) {
		json_object_put(value);
		members_fail(m, -ENOMEM);
	}
}

void members_put_text(struct members *m, const char *key, const char *text)
{
	members_put(m, key, text ? json_object_new_string(text) : NULL);
}

void members_put_number(struct members *m, const char *key, uint64_t number)
{
	members_put(m, key, json_object_new_int64((int64_t)number));
}

void members_put_hex(struct members *m, const char *key, const void *data, size_t size)
{
	_cleanup_free_ char *text = hex_encode(data, size);

	members_put_text(m, key, text);
}

/* --- both ----------------------------------------------------------------------------------- */

/* Pass @text to the object, or take it from there. */
static const char *string(struct members *m, const char *key, const char *text)
{
	if (!m->writing)
		return members_take_text(m, key);
	members_put_text(m, key, text);
	return text;
}

void member_text(struct members *m, const char *key, char *text, size_t size)
{
	const char *value = string(m, key, text);

	if (!m->writing && text_copy(text, size, value) < 0)
		members_fail(m, -EBADMSG);
}

void member_uuid(struct members *m, const char *key, char uuid[UUID_LENGTH + 1])
{
	member_text(m, key, uuid, UUID_LENGTH + 1);
	if (!m->writing && strspn(uuid, "0123456789abcdef-") != UUID_LENGTH)
		members_fail(m, -EBADMSG);
}

void member_time(struct members *m, const char *key, char time[TIME_LENGTH + 1])
{
	struct tm tm;
	const char *end;

	member_text(m, key, time, TIME_LENGTH + 1);
	if (m->writing)
		return;
	end = strptime(time, "%Y-%m-%dT%H:%M:%SZ", &tm);
	/* strptime() accepts white space before a number. */
	if (!end || *end || time[strspn(time, "0123456789-:TZ")])
		members_fail(m, -EBADMSG);
}

void member_number64(struct members *m, const char *key, uint64_t *number, uint64_t min,
		     uint64_t max)
{
	struct json_object *value;
	int64_t taken;

	if (m->writing) {
		members_put_number(m, key, *number);
		return;
	}
	value = members_take(m, key, json_type_int);
	taken = value ? json_object_get_int64(value) : -1;
	*number = (uint64_t)taken;
	/* json-c clamps a number that does not fit in 64 bits to the nearest one that does. */
	if (taken < 0 || *number < min || *number > max || taken == INT64_MAX) {
		members_fail(m, -EBADMSG);
		*number = min;
	}
}

void member_number(struct members *m, const char *key, uint32_t *number, uint32_t min, uint32_t max)
{
	uint64_t value = m->writing ? *number : 0;

	member_number64(m, key, &value, min, max);
	if (!m->writing)
		*number = (uint32_t)value;
}

void member_hex(struct members *m, const char *key, void *data, size_t size)
{
	if (m->writing)
		members_put_hex(m, key, data, size);
	else if (hex_decode(members_take_text(m, key), data, size) < 0)
		members_fail(m, -EBADMSG);
}

void member_blob(struct members *m, const char *key, struct blob *blob)
{
	_cleanup_free_ char *text = m->writing ? base64_encode(blob) : NULL;
	const char *value = string(m, key, text);
	int error = m->writing ? 0 : base64_decode(value, blob);

	if (error)
		members_fail(m, error == -ENOMEM ? error : -EBADMSG);
}

bool member_bool(struct members *m, const char *key, bool value)
{
	if (!m->writing)
		return json_object_get_boolean(members_take(m, key, json_type_boolean));
	members_put(m, key, json_object_new_boolean(value));
	return value;
}

int member_name(struct members *m, const char *key, int index, const char *const *names, int n)
{
	const char *name = string(m, key, names[index]);

	for (int i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return i;
	members_fail(m, -EBADMSG);
	return 0;
}

bool member_is_there(const struct members *m, const char *key, bool there)
{
	return m->writing ? there : json_object_object_get_ex(m->object, key, NULL);
}

bool member_is_null(struct members *m, const char *key, bool null)
{
	struct json_object *value;

	if (m->writing && null && (!m->object || json_object_object_add(m->object, key, NULL) < 0))
		members_fail(m, -ENOMEM);
	if (!m->writing) {
		null = json_object_object_get_ex(m->object, key, &value) && !value;
		m->taken += null;
	}
	return null;
}

struct members member_object(struct members *m, const char *key)
{
	struct members inner = {.writing = m->writing};

	if (m->writing) {
		inner.object = json_object_new_object();
		members_put(m, key, json_object_get(inner.object));
	} else {
		inner.object = json_object_get(members_take(m, key, json_type_object));
	}
	return inner;
}

void member_end(struct members *outer, struct members *inner)
{
	if (inner->object && !inner->writing)
		members_close(inner);
	json_object_put(inner->object);
	members_fail(outer, inner->error);
}

struct json_object *member_array(struct members *m, const char *key, size_t *n, size_t max)
{
	struct json_object *array;

	if (m->writing) {
		array = json_object_new_array();
		members_put(m, key, array);
		return m->error ? NULL : array;
	}
	array = members_take(m, key, json_type_array);
	*n = array ? json_object_array_length(array) : 0;
	if (*n > max) {
		members_fail(m, -EBADMSG);
		*n = 0;
	}
	return array;
}

/* Add @value, which is taken over, to the array; it stays borrowed. NULL, and a fault: no memory.
 */
static struct json_object *add(struct members *m, struct json_object *array,
			       struct json_object *value)
{
	if (array && value && json_object_array_add(array, value) == 0)
		return value;
	json_object_put(value);
	members_fail(m, -ENOMEM);
	return NULL;
}

/* Element @i when it is of @type. NULL, and a fault: it is not. */
static struct json_object *element(struct members *m, struct json_object *array, size_t i,
				   enum json_type type)
{
	struct json_object *value = json_object_array_get_idx(array, i);

	if (json_object_is_type(value, type))
		return value;
	members_fail(m, -EBADMSG);
	return NULL;
}

struct members element_object(struct members *m, struct json_object *array, size_t i)
{
	return (struct members){
		.object = json_object_get(m->writing ? add(m, array, json_object_new_object())
						     : element(m, array, i, json_type_object)),
		.writing = m->writing,
	};
}

const char *element_text(struct members *m, struct json_object *array, size_t i, const char *text)
{
	struct json_object *value;

	if (m->writing) {
		add(m, array, text ? json_object_new_string(text) : NULL);
		return text;
	}
	value = element(m, array, i, json_type_string);
	return value ? json_object_get_string(value) : "";
}

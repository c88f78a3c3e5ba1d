// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading and writing the members of JSON objects with json-c. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/json.h"

void reader_fail(struct reader *r, int error)
{
	if (!r->error)
		r->error = error;
}

struct json_object *reader_take(struct reader *r, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(r->object, key, &value) ||
	    !json_object_is_type(value, type)) {
		reader_fail(r, -EBADMSG);
		return NULL;
	}
	r->taken++;
	return value;
}

const char *reader_string(struct reader *r, const char *key)
{
	struct json_object *value = reader_take(r, key, json_type_string);

	return value ? json_object_get_string(value) : "";
}

void reader_text(struct reader *r, const char *key, char *ret, size_t size)
{
	const char *text = reader_string(r, key);

	if (strlen(text) >= size)
		reader_fail(r, -EBADMSG);
	else
		strcpy(ret, text);
}

void reader_uuid(struct reader *r, const char *key, char ret[UUID_LENGTH + 1])
{
	reader_text(r, key, ret, UUID_LENGTH + 1);
	if (strspn(ret, "0123456789abcdef-") != UUID_LENGTH)
		reader_fail(r, -EBADMSG);
}

void reader_hex(struct reader *r, const char *key, void *ret, size_t size)
{
	if (hex_decode(reader_string(r, key), ret, size) < 0)
		reader_fail(r, -EBADMSG);
}

void reader_blob(struct reader *r, const char *key, struct blob *ret)
{
	int error = base64_decode(reader_string(r, key), ret);

	if (error)
		reader_fail(r, error == -ENOMEM ? error : -EBADMSG);
}

uint64_t reader_number64(struct reader *r, const char *key, uint64_t min, uint64_t max)
{
	struct json_object *value = reader_take(r, key, json_type_int);
	int64_t number = value ? json_object_get_int64(value) : -1;

	/* json-c clamps a number that does not fit in 64 bits to the nearest one that does. */
	if (number < 0 || (uint64_t)number < min || (uint64_t)number > max || number == INT64_MAX) {
		reader_fail(r, -EBADMSG);
		return min;
	}
	return (uint64_t)number;
}

uint32_t reader_number(struct reader *r, const char *key, uint32_t min, uint32_t max)
{
	return (uint32_t)reader_number64(r, key, min, max);
}

void reader_time(struct reader *r, const char *key, char ret[TIME_LENGTH + 1])
{
	struct tm tm;
	const char *end;

	reader_text(r, key, ret, TIME_LENGTH + 1);
	end = strptime(ret, "%Y-%m-%dT%H:%M:%SZ", &tm);
	/* strptime() accepts white space before a number. */
	if (!end || *end || ret[strspn(ret, "0123456789-:TZ")])
		reader_fail(r, -EBADMSG);
}

struct json_object *reader_open(struct reader *r, const char *json)
{
	struct json_object *root = json_tokener_parse(json), *version;

	*r = (struct reader){.object = root};
	if (!root || !json_object_is_type(root, json_type_object)) {
		json_object_put(root);
		r->error = -EBADMSG;
		return NULL;
	}
	r->type = reader_string(r, "type");
	version = reader_take(r, "version", json_type_int);
	if (version && json_object_get_int(version) != JSON_VERSION)
		reader_fail(r, json_object_get_int(version) > JSON_VERSION ? -ENOTSUP : -EBADMSG);
	return root;
}

int reader_close(struct reader *r)
{
	if (r->taken != json_object_object_length(r->object))
		reader_fail(r, -EBADMSG);
	return r->error;
}

void writer_put(struct writer *w, const char *key, struct json_object *value)
{
	if (!value || !w->object || json_object_object_add(w->object, key, value) < 0) {
		json_object_put(value);
		w->failed = true;
	}
}

void writer_string(struct writer *w, const char *key, const char *text)
{
	writer_put(w, key, text ? json_object_new_string(text) : NULL);
}

void writer_hex(struct writer *w, const char *key, const void *data, size_t size)
{
	_cleanup_free_ char *text = hex_encode(data, size);

	writer_string(w, key, text);
}

void writer_blob(struct writer *w, const char *key, const struct blob *blob)
{
	_cleanup_free_ char *text = base64_encode(blob);

	writer_string(w, key, text);
}

char *writer_close(struct writer *w)
{
	char *text = NULL;

	if (!w->failed)
		text = strdup(json_object_to_json_string_ext(w->object, JSON_C_TO_STRING_PLAIN));
	json_object_put(w->object);
	return text;
}

void writer_number(struct writer *w, const char *key, uint64_t number)
{
	writer_put(w, key, json_object_new_int64((int64_t)number));
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Choosing what a header's MAC covers, and writing it in one order. */
#include <errno.h>
#include <string.h>

#include "header/canonical.h"
#include "header/header.h"
#include "header/mac.h"

int canonical_put(struct json_object *object, const char *key, struct json_object *value)
{
	if (value && json_object_object_add(object, key, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int sorted(struct json_object *value, struct json_object **ret);

static int sorted_object(struct json_object *value, struct json_object *to)
{
	size_t n = (size_t)json_object_object_length(value), i = 0;
	_cleanup_free_ const char **keys = calloc(n + 1, sizeof(*keys));

	if (!keys)
		return -ENOMEM;
	json_object_object_foreach (value, key, unused) {
		(void)unused;
		keys[i++] = key;
	}
	qsort(keys, n, sizeof(*keys), by_name);
	for (i = 0; i < n; i++) {
		struct json_object *part = NULL;
		int r = sorted(json_object_object_get(value, keys[i]), &part);

		if (r < 0)
			return r;
		r = canonical_put(to, keys[i], part);
		if (r < 0)
			return r;
	}
	return 0;
}

static int sorted_array(struct json_object *value, struct json_object *to)
{
	size_t n = json_object_array_length(value);

	for (size_t i = 0; i < n; i++) {
		struct json_object *part = NULL;
		int r = sorted(json_object_array_get_idx(value, i), &part);

		if (r < 0)
			return r;
		if (json_object_array_add(to, part) < 0) {
			json_object_put(part);
			return -ENOMEM;
		}
	}
	return 0;
}

/*
 * A copy of @value with the members of each object in order. -EBADMSG for what has no one
 * spelling, fractions, and for null, which LUKS2 does not know either.
 */
static int sorted(struct json_object *value, struct json_object **ret)
{
	_cleanup_json_ struct json_object *to = NULL;
	int r = 0;

	switch (json_object_get_type(value)) {
	case json_type_object:
		to = json_object_new_object();
		r = to ? sorted_object(value, to) : -ENOMEM;
		break;
	case json_type_array:
		to = json_object_new_array();
		r = to ? sorted_array(value, to) : -ENOMEM;
		break;
	case json_type_string:
	case json_type_int:
	case json_type_boolean:
		to = json_object_get(value);
		break;
	default:
		return -EBADMSG;
	}
	if (r < 0)
		return r;
	*ret = steal(to);
	return 0;
}

/* Return whether the MAC covers @token: it is ours, and not fve-mac itself. */
static bool covered(struct json_object *token)
{
	const char *type = json_object_get_string(json_object_object_get(token, "type")) ?: "";

	return !strncmp(type, HEADER_TOKEN_PREFIX, strlen(HEADER_TOKEN_PREFIX)) &&
	       strcmp(type, TOKEN_TYPE_MAC);
}

/* Collect the keyslots that covered tokens name as members of @ret, whose values mean nothing. */
static int slots_named(struct json_object *tokens, struct json_object *ret)
{
	json_object_object_foreach (tokens, key, token) {
		struct json_object *slots = json_object_object_get(token, "keyslots");
		size_t n = json_object_is_type(slots, json_type_array)
				   ? json_object_array_length(slots)
				   : 0;

		(void)key;
		for (size_t i = 0; i < n && covered(token); i++) {
			const char *slot =
				json_object_get_string(json_object_array_get_idx(slots, i));

			if (canonical_put(ret, slot ?: "", json_object_new_boolean(true)) < 0)
				return -ENOMEM;
		}
	}
	return 0;
}

/* The digests without the keyslots that no token of ours names. */
static int covered_digests(struct json_object *digests, struct json_object *slots,
			   struct json_object *to)
{
	json_object_object_foreach (digests, key, digest) {
		_cleanup_json_ struct json_object *ours = json_object_new_array();
		struct json_object *copy = NULL, *all;
		int r = ours ? sorted(digest, &copy) : -ENOMEM;

		if (r < 0)
			return r;
		/* A member cannot be put into anything else: json-c aborts. */
		if (!json_object_is_type(copy, json_type_object)) {
			json_object_put(copy);
			return -EBADMSG;
		}
		r = canonical_put(to, key, copy);
		if (r < 0)
			return r;
		all = json_object_object_get(digest, "keyslots");
		for (size_t i = 0;
		     json_object_is_type(all, json_type_array) && i < json_object_array_length(all);
		     i++) {
			struct json_object *slot = json_object_array_get_idx(all, i);
			const char *name = json_object_get_string(slot) ?: "";

			if (json_object_object_get_ex(slots, name, NULL) &&
			    json_object_array_add(ours, json_object_get(slot)) < 0)
				return -ENOMEM;
		}
		r = canonical_put(copy, "keyslots", steal(ours));
		if (r < 0)
			return r;
	}
	return 0;
}

static int covered_slots(struct json_object *keyslots, struct json_object *slots,
			 struct json_object *to)
{
	json_object_object_foreach (keyslots, key, keyslot)
		if (json_object_object_get_ex(slots, key, NULL) &&
		    canonical_put(to, key, json_object_get(keyslot)) < 0)
			return -ENOMEM;
	return 0;
}

static int covered_tokens(struct json_object *tokens, struct json_object *to)
{
	json_object_object_foreach (tokens, key, token)
		if (covered(token) && canonical_put(to, key, json_object_get(token)) < 0)
			return -ENOMEM;
	return 0;
}

/* Add an empty member to @object and return it, borrowed. */
static struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value = json_object_new_object();

	return canonical_put(object, key, value) == 0 ? value : NULL;
}

int canonical_form(const char *uuid, struct json_object *root, uint32_t seq,
		   struct json_object **ret)
{
	_cleanup_json_ struct json_object *to = json_object_new_object();
	_cleanup_json_ struct json_object *slots = json_object_new_object();
	struct json_object *part[5];
	static const char *const names_of_parts[] = {"config", "digests", "keyslots", "segments",
						     "tokens"};
	struct json_object *digests, *keyslots, *tokens;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(part); i++) {
		part[i] = json_object_object_get(root, names_of_parts[i]);
		if (!json_object_is_type(part[i], json_type_object))
			return -EBADMSG;
	}
	if (!to || !slots || canonical_put(to, "config", json_object_get(part[0])) < 0 ||
	    canonical_put(to, "segments", json_object_get(part[3])) < 0 ||
	    canonical_put(to, "seq", json_object_new_int64(seq)) < 0 ||
	    canonical_put(to, "uuid", json_object_new_string(uuid)) < 0)
		return -ENOMEM;
	digests = member(to, "digests");
	keyslots = member(to, "keyslots");
	tokens = member(to, "tokens");
	if (!digests || !keyslots || !tokens)
		return -ENOMEM;
	r = slots_named(part[4], slots);
	if (r < 0)
		return r;
	r = covered_digests(part[1], slots, digests);
	if (r < 0)
		return r;
	r = covered_slots(part[2], slots, keyslots);
	if (r < 0)
		return r;
	r = covered_tokens(part[4], tokens);
	return r < 0 ? r : sorted(to, ret);
}

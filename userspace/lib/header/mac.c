// SPDX-License-Identifier: LGPL-2.1-or-later
/* The canonical form of a header, its MAC, and the token that holds it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "header/header.h"
#include "header/mac.h"
#include "header/slots.h"

#define INFO_MAC "fve mac"
/* json-c leaves white space out, escapes what JSON must escape, and nothing else. */
#define CANONICAL (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

static const char *const names[] = {
	[HEADER_MAC_VALID] = "valid",
	[HEADER_MAC_INTERRUPTED] = "interrupted",
	[HEADER_MAC_MISSING] = "missing",
	[HEADER_MAC_MISMATCH] = "mismatch",
};

const char *header_mac_name(enum header_mac state)
{
	return names[state];
}

/* --- the canonical form --------------------------------------------------------------------- */

/* Takes over @value. */
static int put(struct json_object *object, const char *key, struct json_object *value)
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
	int r = keys ? 0 : -ENOMEM;

	if (r < 0)
		return r;
	json_object_object_foreach (value, key, unused) {
		(void)unused;
		keys[i++] = key;
	}
	qsort(keys, n, sizeof(*keys), by_name);
	for (i = 0; i < n && r == 0; i++) {
		struct json_object *part = NULL;

		r = sorted(json_object_object_get(value, keys[i]), &part);
		if (r == 0)
			r = put(to, keys[i], part);
	}
	return r;
}

static int sorted_array(struct json_object *value, struct json_object *to)
{
	size_t n = json_object_array_length(value);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		struct json_object *part = NULL;

		r = sorted(json_object_array_get_idx(value, i), &part);
		if (r == 0 && json_object_array_add(to, part) < 0) {
			json_object_put(part);
			r = -ENOMEM;
		}
	}
	return r;
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
	if (r == 0)
		*ret = steal(to);
	return r;
}

/* Whether the token is one of those that are covered. */
static bool covered(struct json_object *token)
{
	const char *type = json_object_get_string(json_object_object_get(token, "type")) ?: "";

	return !strncmp(type, HEADER_TOKEN_PREFIX, strlen(HEADER_TOKEN_PREFIX)) &&
	       strcmp(type, TOKEN_TYPE_MAC);
}

/* An object whose members are the keyslots that covered tokens name; the values mean nothing. */
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

			if (put(ret, slot ?: "", json_object_new_boolean(true)) < 0)
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
		struct json_object *copy = NULL, *all, *ours = json_object_new_array();
		int r = ours ? sorted(digest, &copy) : -ENOMEM;

		/* A member cannot be put into anything else: json-c aborts. */
		if (r == 0 && !json_object_is_type(copy, json_type_object)) {
			json_object_put(copy);
			r = -EBADMSG;
		}
		if (r == 0)
			r = put(to, key, copy);
		if (r < 0) {
			json_object_put(ours);
			return r;
		}
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
		r = put(copy, "keyslots", ours);
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
		    put(to, key, json_object_get(keyslot)) < 0)
			return -ENOMEM;
	return 0;
}

static int covered_tokens(struct json_object *tokens, struct json_object *to)
{
	json_object_object_foreach (tokens, key, token)
		if (covered(token) && put(to, key, json_object_get(token)) < 0)
			return -ENOMEM;
	return 0;
}

/* A new empty member of @object, borrowed. */
static struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value = json_object_new_object();

	return put(object, key, value) == 0 ? value : NULL;
}

/* What is covered of @root, its members in order. */
static int canonical(const char *uuid, struct json_object *root, uint32_t seq,
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
	if (!to || !slots || put(to, "config", json_object_get(part[0])) < 0 ||
	    put(to, "segments", json_object_get(part[3])) < 0 ||
	    put(to, "seq", json_object_new_int64(seq)) < 0 ||
	    put(to, "uuid", json_object_new_string(uuid)) < 0)
		return -ENOMEM;
	digests = member(to, "digests");
	keyslots = member(to, "keyslots");
	tokens = member(to, "tokens");
	if (!digests || !keyslots || !tokens)
		return -ENOMEM;
	r = slots_named(part[4], slots);
	if (r == 0)
		r = covered_digests(part[1], slots, digests);
	if (r == 0)
		r = covered_slots(part[2], slots, keyslots);
	if (r == 0)
		r = covered_tokens(part[4], tokens);
	return r < 0 ? r : sorted(to, ret);
}

int header_mac_key(const struct secret *fvek, struct secret **ret)
{
	return crypto_derive(fvek, INFO_MAC, ret);
}

int header_mac_compute(const char *uuid, struct json_object *root, uint32_t seq,
		       const struct secret *key, uint8_t ret[SHA256_SIZE])
{
	_cleanup_json_ struct json_object *form = NULL;
	const char *text;
	size_t size;
	int r = canonical(uuid, root, seq, &form);

	if (r < 0)
		return r;
	text = json_object_to_json_string_length(form, CANONICAL, &size);
	return text ? crypto_hmac(key, text, size, ret) : -ENOMEM;
}

/* Add one part; @ret has room for it. */
static int add_part(const char *kind, const char *number, struct json_object *value,
		    const struct secret *key, struct mac_part *ret)
{
	_cleanup_json_ struct json_object *named = json_object_new_object();
	uint8_t mac[SHA256_SIZE];
	const char *text;
	size_t size;
	int r;

	if (snprintf(ret->name, sizeof(ret->name), "%s%s%s", kind, *number ? " " : "", number) >=
	    (int)sizeof(ret->name))
		return -EBADMSG;
	if (!named || put(named, ret->name, json_object_get(value)) < 0)
		return -ENOMEM;
	text = json_object_to_json_string_length(named, CANONICAL, &size);
	r = text ? crypto_hmac(key, text, size, mac) : -ENOMEM;
	if (r == 0)
		memcpy(ret->mac, mac, sizeof(ret->mac));
	return r;
}

static int add_parts(const char *kind, struct json_object *all, const struct secret *key,
		     struct mac_part *parts, size_t *n)
{
	json_object_object_foreach (all, number, value) {
		int r = add_part(kind, number, value, key, &parts[*n]);

		if (r < 0)
			return r;
		(*n)++;
	}
	return 0;
}

static int part_order(const void *a, const void *b)
{
	return strcmp(((const struct mac_part *)a)->name, ((const struct mac_part *)b)->name);
}

int header_mac_parts(const char *uuid, struct json_object *root, const struct secret *key,
		     struct mac_part **ret, size_t *ret_n)
{
	static const char *const whole[] = {"config", "digests", "segments"};
	_cleanup_json_ struct json_object *form = NULL;
	_cleanup_free_ struct mac_part *parts = NULL;
	struct json_object *keyslots, *tokens;
	size_t n = 0;
	int r = canonical(uuid, root, 0, &form);

	if (r < 0)
		return r;
	keyslots = json_object_object_get(form, "keyslots");
	tokens = json_object_object_get(form, "tokens");
	parts = calloc(ARRAY_SIZE(whole) + (size_t)json_object_object_length(keyslots) +
			       (size_t)json_object_object_length(tokens),
		       sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(whole) && r == 0; i++)
		r = add_part(whole[i], "", json_object_object_get(form, whole[i]), key,
			     &parts[n++]);
	if (r == 0)
		r = add_parts("keyslot", keyslots, key, parts, &n);
	if (r == 0)
		r = add_parts("token", tokens, key, parts, &n);
	if (r < 0)
		return r;
	qsort(parts, n, sizeof(*parts), part_order);
	*ret = steal(parts);
	*ret_n = n;
	return 0;
}

/* --- the token ------------------------------------------------------------------------------ */

static int parts_parse(struct json_object *object, struct token_mac *ret)
{
	size_t n = (size_t)json_object_object_length(object);

	ret->parts = calloc(n + 1, sizeof(*ret->parts));
	if (!ret->parts)
		return -ENOMEM;
	json_object_object_foreach (object, key, value) {
		struct mac_part *part = &ret->parts[ret->n_parts++];

		if (snprintf(part->name, sizeof(part->name), "%s", key) >=
			    (int)sizeof(part->name) ||
		    !json_object_is_type(value, json_type_string) ||
		    hex_decode(json_object_get_string(value), part->mac, sizeof(part->mac)) < 0)
			return -EBADMSG;
	}
	qsort(ret->parts, n, sizeof(*ret->parts), part_order);
	return 0;
}

int token_mac_parse(const char *json, struct token_mac *ret)
{
	_cleanup_token_mac_ struct token_mac token = {0};
	struct reader r;
	_cleanup_json_ struct json_object *root = reader_open(&r, json);
	struct json_object *macs, *parts;

	if (!root)
		return r.error;
	reader_no_slots(&r);
	token.seq = reader_number(&r, "seq", 1, UINT32_MAX);
	macs = reader_take(&r, "macs", json_type_array);
	parts = reader_take(&r, "parts", json_type_object);
	if (reader_close(&r) < 0)
		return r.error;
	token.n_macs = json_object_array_length(macs);
	if (!token.n_macs || token.n_macs > HEADER_MACS_MAX)
		return -EBADMSG;
	token.macs = calloc(token.n_macs, sizeof(*token.macs));
	if (!token.macs)
		return -ENOMEM;
	for (size_t i = 0; i < token.n_macs; i++) {
		struct json_object *mac = json_object_array_get_idx(macs, i);

		if (!json_object_is_type(mac, json_type_string) ||
		    hex_decode(json_object_get_string(mac), token.macs[i], SHA256_SIZE) < 0)
			return -EBADMSG;
	}
	if (parts_parse(parts, &token) < 0)
		return -EBADMSG;
	*ret = token;
	token = (struct token_mac){0};
	return 0;
}

char *token_mac_format(const struct token_mac *token)
{
	struct writer w = writer_open(TOKEN_TYPE_MAC, -1);
	struct json_object *macs = json_object_new_array();
	struct writer parts = {.object = json_object_new_object()};

	writer_number(&w, "seq", token->seq);
	writer_put(&w, "macs", macs);
	for (size_t i = 0; i < token->n_macs && !w.failed; i++) {
		_cleanup_free_ char *hex = hex_encode(token->macs[i], SHA256_SIZE);
		struct json_object *mac = hex ? json_object_new_string(hex) : NULL;

		if (!mac || json_object_array_add(macs, mac) < 0) {
			json_object_put(mac);
			w.failed = true;
		}
	}
	for (size_t i = 0; i < token->n_parts; i++)
		writer_hex(&parts, token->parts[i].name, token->parts[i].mac, MAC_PART_SIZE);
	w.failed |= parts.failed;
	writer_put(&w, "parts", parts.object);
	return writer_close(&w);
}

void token_mac_free(struct token_mac *token)
{
	free(token->parts);
	token->parts = NULL;
	token->n_parts = 0;
	free(token->macs);
	token->macs = NULL;
	token->n_macs = 0;
}

int header_mac_load(const struct header *header, struct token_mac *ret, int *ret_token)
{
	const char *type, *json;

	for (int i = 0; i < HEADER_MAX_TOKENS; i++) {
		if (header_token_get(header, i, &type, &json) < 0 || strcmp(type, TOKEN_TYPE_MAC))
			continue;
		*ret_token = i;
		return token_mac_parse(json, ret);
	}
	return -ENOENT;
}

int header_mac_check(const struct header *header, const struct secret *fvek, enum header_mac *ret)
{
	_cleanup_token_mac_ struct token_mac token = {0};
	_cleanup_secret_ struct secret *key = NULL;
	_cleanup_json_ struct json_object *root = NULL;
	uint8_t mac[SHA256_SIZE];
	const char *json;
	int number, r = header_mac_load(header, &token, &number);

	if (r == -ENOMEM)
		return r;
	*ret = r == -ENOENT ? HEADER_MAC_MISSING : HEADER_MAC_MISMATCH;
	if (r < 0)
		return 0;
	r = header_json(header, &json);
	if (r == 0)
		r = header_mac_key(fvek, &key);
	if (r < 0)
		return r;
	root = json_tokener_parse(json);
	r = root ? header_mac_compute(header_uuid(header), root, token.seq, key, mac) : -EBADMSG;
	if (r < 0)
		return r == -EBADMSG ? 0 : r;
	for (size_t i = 0; i < token.n_macs; i++)
		if (crypto_equal(mac, token.macs[i], SHA256_SIZE))
			*ret = token.n_macs > 1 ? HEADER_MAC_INTERRUPTED : HEADER_MAC_VALID;
	return 0;
}

/* Compare two lists in the order of their names. */
static size_t differences(const struct mac_part *was, size_t n_was, const struct mac_part *is,
			  size_t n_is, struct header_difference *ret)
{
	size_t n = 0, i = 0, k = 0;

	while (i < n_was || k < n_is) {
		int order = i == n_was ? 1 : k == n_is ? -1 : strcmp(was[i].name, is[k].name);
		const struct mac_part *part = order > 0 ? &is[k] : &was[i];

		if (order || !crypto_equal(was[i].mac, is[k].mac, MAC_PART_SIZE)) {
			strcpy(ret[n].name, part->name);
			ret[n++].what = order < 0 ? "removed" : order > 0 ? "added" : "changed";
		}
		i += order <= 0;
		k += order >= 0;
	}
	return n;
}

int header_mac_differences(const struct header *header, const struct secret *fvek,
			   struct header_difference **ret, size_t *ret_n)
{
	_cleanup_token_mac_ struct token_mac token = {0};
	_cleanup_secret_ struct secret *key = NULL;
	_cleanup_json_ struct json_object *root = NULL;
	_cleanup_free_ struct mac_part *parts = NULL;
	_cleanup_free_ struct header_difference *found = NULL;
	const char *json;
	size_t n;
	int number, r = header_mac_load(header, &token, &number);

	if (r == -ENOMEM)
		return r;
	if (r < 0 || !token.n_parts)
		return -ENODATA;
	r = header_json(header, &json);
	if (r == 0)
		r = header_mac_key(fvek, &key);
	if (r < 0)
		return r;
	root = json_tokener_parse(json);
	r = root ? header_mac_parts(header_uuid(header), root, key, &parts, &n) : -EBADMSG;
	if (r < 0)
		return r == -EBADMSG ? -ENODATA : r;
	found = calloc(token.n_parts + n, sizeof(*found));
	if (!found)
		return -ENOMEM;
	*ret_n = differences(token.parts, token.n_parts, parts, n, found);
	*ret = steal(found);
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The MAC of a header, the parts that it is told by, and the token that holds both. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "header/canonical.h"
#include "header/header.h"
#include "header/mac.h"
#include "header/slots.h"

#define INFO_MAC "fve mac"

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
	int r = canonical_form(uuid, root, seq, &form);

	if (r < 0)
		return r;
	text = json_object_to_json_string_length(form, CANONICAL, &size);
	return text ? crypto_hmac(key, text, size, ret) : -ENOMEM;
}

/* Compute the HMAC of one part. */
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
	if (!named || canonical_put(named, ret->name, json_object_get(value)) < 0)
		return -ENOMEM;
	text = json_object_to_json_string_length(named, CANONICAL, &size);
	r = text ? crypto_hmac(key, text, size, mac) : -ENOMEM;
	if (r < 0)
		return r;
	memcpy(ret->mac, mac, sizeof(ret->mac));
	return 0;
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
	int r = canonical_form(uuid, root, 0, &form);

	if (r < 0)
		return r;
	keyslots = json_object_object_get(form, "keyslots");
	tokens = json_object_object_get(form, "tokens");
	parts = calloc(ARRAY_SIZE(whole) + (size_t)json_object_object_length(keyslots) +
			       (size_t)json_object_object_length(tokens),
		       sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		r = add_part(whole[i], "", json_object_object_get(form, whole[i]), key,
			     &parts[n++]);
		if (r < 0)
			return r;
	}
	r = add_parts("keyslot", keyslots, key, parts, &n);
	if (r < 0)
		return r;
	r = add_parts("token", tokens, key, parts, &n);
	if (r < 0)
		return r;
	qsort(parts, n, sizeof(*parts), part_order);
	*ret = steal(parts);
	*ret_n = n;
	return 0;
}

/* --- the token ------------------------------------------------------------------------------ */

static void macs_members(struct members *m, struct token_mac *token)
{
	struct json_object *list = member_array(m, "macs", &token->n_macs, HEADER_MACS_MAX);

	if (!m->writing)
		token->macs = calloc(token->n_macs + 1, sizeof(*token->macs));
	if (!token->macs || !token->n_macs)
		members_fail(m, token->macs ? -EBADMSG : -ENOMEM);
	for (size_t i = 0; token->macs && i < token->n_macs; i++) {
		_cleanup_free_ char *hex =
			m->writing ? hex_encode(token->macs[i], SHA256_SIZE) : NULL;
		const char *text = element_text(m, list, i, hex);

		if (!m->writing && hex_decode(text, token->macs[i], SHA256_SIZE) < 0)
			members_fail(m, -EBADMSG);
	}
}

static int parts_read(struct members *m, struct token_mac *ret)
{
	size_t n = m->object ? (size_t)json_object_object_length(m->object) : 0;

	ret->parts = calloc(n + 1, sizeof(*ret->parts));
	if (!ret->parts)
		return -ENOMEM;
	if (!n)
		return 0;
	json_object_object_foreach (m->object, key, value) {
		struct mac_part *part = &ret->parts[ret->n_parts++];

		if (text_copy(part->name, sizeof(part->name), key) < 0)
			return -EBADMSG;
		member_hex(m, key, part->mac, sizeof(part->mac));
	}
	qsort(ret->parts, n, sizeof(*ret->parts), part_order);
	return 0;
}

static void mac_members(struct members *m, void *data)
{
	struct token_mac *token = data;
	struct members parts;

	member_number(m, "seq", &token->seq, 1, UINT32_MAX);
	macs_members(m, token);
	parts = member_object(m, "parts");
	if (!m->writing)
		members_fail(&parts, parts_read(&parts, token));
	for (size_t i = 0; m->writing && i < token->n_parts; i++)
		member_hex(&parts, token->parts[i].name, token->parts[i].mac, MAC_PART_SIZE);
	member_end(m, &parts);
}

int token_mac_parse(const char *json, struct token_mac *ret)
{
	return token_parse(json, NULL, mac_members, ret);
}

char *token_mac_format(const struct token_mac *token)
{
	struct token_mac copy = *token;

	return token_format(TOKEN_TYPE_MAC, -1, mac_members, &copy);
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
	struct header_token token = HEADER_TOKEN_START;

	if (!header_token_next(header, TOKEN_TYPE_MAC, &token))
		return -ENOENT;
	*ret_token = token.number;
	return token_mac_parse(token.json, ret);
}

int header_mac_open(const struct header *header, const struct secret *fvek,
		    struct json_object **ret_root, struct secret **ret_key)
{
	const char *json;
	int r = header_json(header, &json);

	if (r < 0)
		return r;
	r = header_mac_key(fvek, ret_key);
	if (r < 0)
		return r;
	*ret_root = json_tokener_parse(json);
	return *ret_root ? 0 : -EBADMSG;
}

int header_mac_check(const struct header *header, const struct secret *fvek, enum header_mac *ret)
{
	_cleanup_token_mac_ struct token_mac token = {0};
	_cleanup_secret_ struct secret *key = NULL;
	_cleanup_json_ struct json_object *root = NULL;
	uint8_t mac[SHA256_SIZE];
	int number, r = header_mac_load(header, &token, &number);

	if (r == -ENOMEM)
		return r;
	*ret = r == -ENOENT ? HEADER_MAC_MISSING : HEADER_MAC_MISMATCH;
	if (r < 0)
		return 0;
	r = header_mac_open(header, fvek, &root, &key);
	if (r < 0)
		return r == -EBADMSG ? 0 : r;
	r = header_mac_compute(header_uuid(header), root, token.seq, key, mac);
	if (r < 0)
		return r == -EBADMSG ? 0 : r;
	for (size_t i = 0; i < token.n_macs; i++)
		if (crypto_equal(mac, token.macs[i], SHA256_SIZE))
			*ret = token.n_macs > 1 ? HEADER_MAC_INTERRUPTED : HEADER_MAC_VALID;
	return 0;
}

/* Merge two lists, both in the order of their names, to those parts that differ. */
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
	size_t n;
	int number, r = header_mac_load(header, &token, &number);

	if (r == -ENOMEM)
		return r;
	if (r < 0 || !token.n_parts)
		return -ENODATA;
	r = header_mac_open(header, fvek, &root, &key);
	if (r < 0)
		return r == -EBADMSG ? -ENODATA : r;
	r = header_mac_parts(header_uuid(header), root, key, &parts, &n);
	if (r < 0)
		return r == -EBADMSG ? -ENODATA : r;
	found = calloc(token.n_parts + n, sizeof(*found));
	if (!found)
		return -ENOMEM;
	*ret_n = differences(token.parts, token.n_parts, parts, n, found);
	*ret = steal(found);
	return 0;
}

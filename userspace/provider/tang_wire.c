// SPDX-License-Identifier: LGPL-2.1-or-later
/* Parsing what a Tang server sends. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "provider/answer_json.h"
#include "provider/tang_wire.h"
#include "provider/text.h"

#define DEFAULT_PORT "80"
#define KEYS_MAX     64 /* keys and signatures that are looked at: more make us compute for long */

bool tang_uri_parse(const char *uri, struct tang_uri *ret)
{
	char host[254], port[6] = DEFAULT_PORT, rest;
	bool given = sscanf(uri, "tang://%253[a-z0-9.-]:%5[0-9]/%43[A-Za-z0-9_-]%c", host, port,
			    ret->thumbprint, &rest) == 3;

	if (!given) {
		strcpy(port, DEFAULT_PORT);
		if (sscanf(uri, "tang://%253[a-z0-9.-]/%43[A-Za-z0-9_-]%c", host, ret->thumbprint,
			   &rest) != 2)
			return false;
	}
	snprintf(ret->server, sizeof(ret->server), "%s:%s", host, port);
	return *host != '.' && *host != '-' && !strstr(host, "..") &&
	       strlen(ret->thumbprint) == TANG_THUMBPRINT_LENGTH;
}

static void add_coordinates(struct text *text, const struct ecmr_point *key, const char *between)
{
	text_add_base64url(text, key->bytes + 1, ECMR_COORDINATE_SIZE);
	text_add(text, between);
	text_add_base64url(text, key->bytes + 1 + ECMR_COORDINATE_SIZE, ECMR_COORDINATE_SIZE);
	text_add(text, "\"}");
}

int tang_thumbprint(const struct ecmr_point *key, char ret[TANG_THUMBPRINT_LENGTH + 1])
{
	_cleanup_secret_ struct secret *json = NULL, *encoded = NULL;
	uint8_t hash[SHA256_SIZE];
	struct span span;
	struct text text;
	int r;

	/* The members that RFC 7638 wants, in its order. */
	text_begin(&text, 512);
	text_add(&text, "{\"crv\":\"P-521\",\"kty\":\"EC\",\"x\":\"");
	add_coordinates(&text, key, "\",\"y\":\"");
	json = text_end(&text);
	if (!json)
		return -ENOMEM;
	span = (struct span){json->data, json->size};
	r = crypto_sha256(&span, 1, hash);
	if (r < 0)
		return r;
	text_begin(&text, TANG_THUMBPRINT_LENGTH);
	text_add_base64url(&text, hash, sizeof(hash));
	encoded = text_end(&text);
	if (!encoded)
		return -ENOMEM;
	snprintf(ret, TANG_THUMBPRINT_LENGTH + 1, "%s", (char *)encoded->data);
	return 0;
}

/* Take a point of the curve from a key that says it is for @alg. */
static int parse_key(struct json_object *key, const char *alg, struct ecmr_point *ret)
{
	const char *names[] = {"x", "y"};

	if (strcmp(answer_string(key, "kty"), "EC") != 0 ||
	    strcmp(answer_string(key, "crv"), "P-521") != 0 ||
	    strcmp(answer_string(key, "alg"), alg) != 0)
		return -EBADMSG;
	ret->bytes[0] = 4; /* uncompressed (SEC 1, 2.3.3) */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (text_decode_base64(answer_string(key, names[i]),
				       ret->bytes + 1 + i * ECMR_COORDINATE_SIZE,
				       ECMR_COORDINATE_SIZE) != ECMR_COORDINATE_SIZE)
			return -EBADMSG;
	return ecmr_check(ret);
}

/* Find the key for @alg, with @thumbprint unless that is NULL. */
static int find_key(struct json_object *keys, const char *alg, const char *thumbprint,
		    struct ecmr_point *ret)
{
	size_t n = keys ? json_object_array_length(keys) : 0;

	for (size_t i = 0; i < n && i < KEYS_MAX; i++) {
		char have[TANG_THUMBPRINT_LENGTH + 1];

		if (parse_key(json_object_array_get_idx(keys, i), alg, ret) == 0 &&
		    (!thumbprint || (tang_thumbprint(ret, have) == 0 && !strcmp(have, thumbprint))))
			return 0;
	}
	return -ENOKEY;
}

/* Decode a member in base64 to a secret with a NUL that does not count. NULL: it is none. */
static struct secret *decode(struct json_object *object, const char *name)
{
	_cleanup_secret_ struct secret *ret = secret_new(HTTP_BODY_MAX + 1);
	ssize_t n;

	if (!ret)
		return NULL;
	n = text_decode_base64(answer_string(object, name), ret->data, HTTP_BODY_MAX);
	if (n <= 0)
		return NULL;
	secret_truncate(ret, (size_t)n);
	return steal(ret);
}

/* Return whether @signature, with its header, is ES512 of @signer's over @payload. */
static bool is_signed(struct json_object *signature, const char *payload,
		      const struct ecmr_point *signer)
{
	const char *protected = answer_string(signature, "protected");
	_cleanup_secret_ struct secret *header = decode(signature, "protected"), *message = NULL;
	_cleanup_json_ struct json_object *object = header ? answer_parse(header) : NULL;
	uint8_t bytes[ECMR_SIGNATURE_SIZE];
	struct text text;

	/* "crit" names extensions that must be understood (RFC 7515, 4.1.11). */
	if (!object || strcmp(answer_string(object, "alg"), "ES512") != 0 ||
	    json_object_object_get_ex(object, "crit", NULL) ||
	    text_decode_base64(answer_string(signature, "signature"), bytes, sizeof(bytes)) !=
		    sizeof(bytes))
		return false;
	text_begin(&text, strlen(protected) + strlen(payload) + 1);
	text_add(&text, protected);
	text_add(&text, ".");
	text_add(&text, payload);
	message = text_end(&text);
	return message && ecmr_verify(signer, message->data, message->size, bytes) == 0;
}

int tang_advertisement_parse(const struct secret *body, const char *thumbprint,
			     struct ecmr_point *ret_signer, struct ecmr_point *ret_exchange)
{
	_cleanup_json_ struct json_object *jws = answer_parse(body);
	struct json_object *list = answer_member(jws, "signatures", json_type_array);
	const char *payload = answer_string(jws, "payload");
	_cleanup_secret_ struct secret *text = decode(jws, "payload");
	_cleanup_json_ struct json_object *set = text ? answer_parse(text) : NULL;
	struct json_object *keys = answer_member(set, "keys", json_type_array);
	bool valid;
	int r;

	if (!keys)
		return -EBADMSG;
	r = find_key(keys, "ES512", thumbprint, ret_signer);
	if (r < 0)
		return r;
	/* One signature may stand in the object itself (RFC 7515, 7.2.2). */
	valid = !list && is_signed(jws, payload, ret_signer);
	for (size_t i = 0; list && i < json_object_array_length(list) && i < KEYS_MAX; i++)
		valid = valid || is_signed(json_object_array_get_idx(list, i), payload, ret_signer);
	return valid && find_key(keys, "ECMR", NULL, ret_exchange) == 0 ? 0 : -EBADMSG;
}

struct secret *tang_key_encode(const struct ecmr_point *key)
{
	struct text text;

	text_begin(&text, 512);
	text_add(&text, "{\"alg\":\"ECMR\",\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"");
	add_coordinates(&text, key, "\",\"y\":\"");
	return text_end(&text);
}

int tang_key_parse(const struct secret *body, struct ecmr_point *ret)
{
	_cleanup_json_ struct json_object *object = answer_parse(body);

	return object ? parse_key(object, "ECMR", ret) : -EBADMSG;
}

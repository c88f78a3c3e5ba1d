// SPDX-License-Identifier: LGPL-2.1-or-later
/* Parsing what Azure answers. docs/provider.md has the table of outcomes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "provider/answer_json.h"
#include "provider/azure_wire.h"
#include "provider/text.h"

#define VERSION_LENGTH 32
#define NUMBER_MAX     1024 /* bytes of a modulus; the longest key there has 512 */

bool azure_uri_parse(const char *uri, struct azure_uri *ret)
{
	char rest;

	return sscanf(uri, "azure://%253[a-z0-9.-]/%127[A-Za-z0-9-]/%32[0-9a-f]%c", ret->host,
		      ret->key, ret->version, &rest) == 3 &&
	       strlen(ret->version) == VERSION_LENGTH && *ret->host != '.' &&
	       !strstr(ret->host, "..");
}

void azure_key_free(struct azure_key *key)
{
	blob_free(&key->spki);
}

/* Return whether @kid, a URL, names the key at @uri. Its host may be another, behind a private
 * link. */
static bool is_of(const char *kid, const struct azure_uri *uri)
{
	const char *path = strncmp(kid, "https://", 8) ? NULL : strchr(kid + 8, '/');
	char want[sizeof(struct azure_uri)];

	snprintf(want, sizeof(want), "/keys/%s/%s", uri->key, uri->version);
	return path && !strcasecmp(path, want);
}

static int parse_number(struct json_object *key, const char *name, uint8_t bytes[NUMBER_MAX],
			struct blob *ret)
{
	ssize_t n = text_decode_base64(answer_string(key, name), bytes, NUMBER_MAX);

	*ret = (struct blob){bytes, n > 0 ? (size_t)n : 0};
	return n > 0 ? 0 : -EBADMSG;
}

static int parse_public(struct json_object *key, struct blob *ret)
{
	uint8_t modulus[NUMBER_MAX], exponent[NUMBER_MAX];
	struct blob n, e;
	int r = parse_number(key, "n", modulus, &n);

	if (r < 0)
		return r;
	r = parse_number(key, "e", exponent, &e);
	return r < 0 ? r : crypto_rsa_public(&n, &e, ret);
}

/* "Purgeable" says that who has deleted a key may destroy it for good at once. */
static enum provider_recoverable parse_level(const char *level)
{
	if (strstr(level, "Purgeable"))
		return PROVIDER_LOST_AT_ONCE;
	return strstr(level, "Recoverable") ? PROVIDER_RECOVERABLE : PROVIDER_RECOVERY_UNKNOWN;
}

static int parse_end(struct json_object *attributes, char ret[11])
{
	struct json_object *end = answer_member(attributes, "exp", json_type_int);
	char text[TIME_LENGTH + 1];
	int r;

	if (!end)
		return 0;
	r = time_text((time_t)json_object_get_int64(end), text);
	if (r < 0)
		return -EBADMSG;
	snprintf(ret, 11, "%.10s", text);
	return 0;
}

static bool parse_bool(struct json_object *object, const char *name, bool fallback)
{
	struct json_object *member = answer_member(object, name, json_type_boolean);

	return member ? json_object_get_boolean(member) : fallback;
}

int azure_key_parse(const struct secret *body, const struct azure_uri *uri, struct azure_key *ret)
{
	_cleanup_json_ struct json_object *object = answer_parse(body);
	struct json_object *key = answer_member(object, "key", json_type_object);
	struct json_object *attributes = answer_member(object, "attributes", json_type_object);
	const char *type = answer_string(key, "kty");

	*ret = (struct azure_key){0};
	if (!key || !attributes || !is_of(answer_string(key, "kid"), uri))
		return -EBADMSG;
	if (strcmp(type, "RSA") != 0 && strcmp(type, "RSA-HSM") != 0)
		return -ENOTSUP;
	ret->enabled = parse_bool(attributes, "enabled", true);
	ret->unwraps = answer_has(key, "key_ops", "unwrapKey");
	/* A vault that does not know the attribute exports no key. */
	ret->exportable = parse_bool(attributes, "exportable", false);
	ret->recoverable = parse_level(answer_string(attributes, "recoveryLevel"));
	if (parse_end(attributes, ret->end_date) < 0)
		return -EBADMSG;
	return parse_public(key, &ret->spki);
}

struct secret *azure_token_parse(const struct secret *body)
{
	_cleanup_json_ struct json_object *object = answer_parse(body);
	struct secret *token = answer_secret(object, "access_token");

	/* It becomes part of a header. */
	for (size_t i = 0; token && i < token->size; i++)
		if (token->data[i] <= ' ' || token->data[i] > '~') {
			secret_free(token);
			return NULL;
		}
	return token;
}

uint32_t azure_unwrapped_parse(const struct secret *body, const struct azure_uri *uri,
			       struct secret *page)
{
	_cleanup_json_ struct json_object *object = answer_parse(body);
	ssize_t n = answer_secret_base64(object, "value", page->data, PROVIDER_KEY_MAX);

	return n > 0 && is_of(answer_string(object, "kid"), uri) ? (uint32_t)n : 0;
}

/* The reason of a 403 that is the owner's no. All others speak of the way, or are not known. */
static bool is_owners_no(const char *reason)
{
	static const char *const reasons[] = {"KeyDisabled", "KeyOperationForbidden",
					      "AccessDenied", "ForbiddenByRbac"};

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (!strcmp(reason, reasons[i]))
			return true;
	return false;
}

void azure_vault_refused(const struct http_answer *answer, const char *host,
			 struct provider_answer *ret)
{
	_cleanup_json_ struct json_object *object = answer_parse(answer->body);
	struct json_object *error = answer_member(object, "error", json_type_object);
	struct json_object *inner = answer_member(error, "innererror", json_type_object);
	enum provider_outcome outcome = PROVIDER_UNREACHABLE;
	char code[64], reason[64];

	/* Some of Microsoft's libraries print it so; on the wire it was not seen. */
	if (!inner)
		inner = answer_member(error, "innerError", json_type_object);
	answer_name(answer_string(error, "code"), code, sizeof(code));
	answer_name(answer_string(inner, "code"), reason, sizeof(reason));
	if (answer->status == 403 && is_owners_no(reason))
		outcome = PROVIDER_DENIED;
	else if (answer->status == 404 && *code)
		outcome = PROVIDER_ABSENT;
	else if (answer->status == 400 && *code)
		outcome = PROVIDER_BADREQ;
	provider_answer_fail(ret, outcome, "%s: %ld %s%s%s", host, answer->status, code,
			     *reason ? ", " : "", reason);
}

/* The number of Entra's error (AADSTS...), or 0. */
static int64_t error_number(struct json_object *object)
{
	struct json_object *list = answer_member(object, "error_codes", json_type_array);
	struct json_object *first = list ? json_object_array_get_idx(list, 0) : NULL;

	return json_object_is_type(first, json_type_int) ? json_object_get_int64(first) : 0;
}

void azure_token_refused(const struct http_answer *answer, struct provider_answer *ret)
{
	_cleanup_json_ struct json_object *object = answer_parse(answer->body);
	enum provider_outcome outcome = PROVIDER_UNREACHABLE;
	int64_t number = error_number(object);
	char error[64];

	answer_name(answer_string(object, "error"), error, sizeof(error));
	if (answer->status == 400 || answer->status == 401) {
		if (number == 7000112 || number == 700016) /* the application: disabled, deleted */
			outcome = PROVIDER_DENIED;
		else if (*error && strcmp(error, "temporarily_unavailable") != 0)
			outcome = PROVIDER_BADREQ;
	}
	if (number)
		provider_answer_fail(ret, outcome, "no token for this machine: %s, AADSTS%lld",
				     error, (long long)number);
	else
		provider_answer_fail(ret, outcome, "no token for this machine: %ld %s",
				     answer->status, error);
}

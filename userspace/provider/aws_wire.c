// SPDX-License-Identifier: LGPL-2.1-or-later
/* Parsing what AWS answers. docs/provider.md has the table of outcomes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "provider/answer_json.h"
#include "provider/aws_wire.h"
#include "provider/text.h"

#define SPKI_MAX 1024 /* bytes; that of the longest key there, 4096 bits, has 550 */

/* Return whether the URI's key is a name of a key that stays: not of an alias, which may move. */
static bool is_key(const struct aws_uri *uri)
{
	char region[sizeof(uri->region)], rest;
	int at = 0;

	if (!strchr(uri->key, ':'))
		return !strchr(uri->key, '/');
	/* Partitions: aws, aws-cn, aws-us-gov. */
	return sscanf(uri->key, "arn:%*[a-z-]:kms:%32[a-z0-9-]:%*12[0-9]:key/%n%c", region, &at,
		      &rest) == 2 &&
	       !strcmp(region, uri->region) && !strpbrk(uri->key + at, ":/");
}

bool aws_uri_parse(const char *uri, struct aws_uri *ret)
{
	char rest;

	return sscanf(uri, "aws://%32[a-z0-9-]/%255[A-Za-z0-9:/-]%c", ret->region, ret->key,
		      &rest) == 2 &&
	       is_key(ret);
}

/* Return whether @id, an ARN or a key's ID, is that of the key at @uri. */
static bool is_of(const char *id, const struct aws_uri *uri)
{
	const char *own = strrchr(uri->key, '/'), *other = strrchr(id, '/');

	/* What has an account to compare is compared whole. */
	if (own && other)
		return !strcmp(id, uri->key);
	return !strcmp(own ? own + 1 : uri->key, other ? other + 1 : id);
}

static int parse_end(struct json_object *data, char ret[11])
{
	char text[TIME_LENGTH + 1];
	struct json_object *end;

	if (!json_object_object_get_ex(data, "ValidTo", &end))
		return 0;
	if (!json_object_is_type(end, json_type_double) && !json_object_is_type(end, json_type_int))
		return -EBADMSG;
	if (time_text((time_t)json_object_get_int64(end), text) < 0)
		return -EBADMSG;
	snprintf(ret, 11, "%.10s", text);
	return 0;
}

int aws_key_parse(const struct secret *body, const struct aws_uri *uri, struct aws_key *ret)
{
	_cleanup_json_ struct json_object *object = answer_parse(body);
	struct json_object *data = answer_member(object, "KeyMetadata", json_type_object);

	*ret = (struct aws_key){0};
	if (!data || !is_of(answer_string(data, "Arn"), uri))
		return -EBADMSG;
	answer_name(answer_string(data, "AWSAccountId"), ret->account, sizeof(ret->account));
	answer_name(answer_string(data, "KeyState"), ret->state, sizeof(ret->state));
	ret->decrypts = !strcmp(answer_string(data, "KeyUsage"), "ENCRYPT_DECRYPT");
	/* What was brought in may be kept elsewhere, too. */
	ret->imported = strcmp(answer_string(data, "Origin"), "EXTERNAL") == 0;
	if (!*ret->account || !*ret->state)
		return -EBADMSG;
	return parse_end(data, ret->end_date);
}

int aws_public_parse(const struct secret *body, const struct aws_uri *uri, struct blob *ret)
{
	_cleanup_json_ struct json_object *object = answer_parse(body);
	uint8_t spki[SPKI_MAX];
	ssize_t n = text_decode_base64(answer_string(object, "PublicKey"), spki, sizeof(spki));

	if (n <= 0 || !is_of(answer_string(object, "KeyId"), uri))
		return -EBADMSG;
	if (!answer_has(object, "EncryptionAlgorithms", "RSAES_OAEP_SHA_256"))
		return -ENOTSUP;
	return blob_set(ret, spki, (size_t)n);
}

uint32_t aws_unwrapped_parse(const struct secret *body, const struct aws_uri *uri,
			     struct secret *page)
{
	_cleanup_json_ struct json_object *object = answer_parse(body);
	ssize_t n = answer_secret_base64(object, "Plaintext", page->data, PROVIDER_KEY_MAX);

	return n > 0 && is_of(answer_string(object, "KeyId"), uri) ? (uint32_t)n : 0;
}

void aws_credentials_free(struct aws_credentials *credentials)
{
	secret_free(credentials->key);
	secret_free(credentials->session);
	*credentials = (struct aws_credentials){0};
}

struct secret *aws_session_header(const struct secret *token)
{
	struct text line;

	text_begin(&line, token->size + 32);
	text_add(&line, "X-Amz-Security-Token: ");
	text_add_bytes(&line, token->data, token->size);
	for (size_t i = 0; i < token->size; i++)
		line.failed |= token->data[i] <= ' ' || token->data[i] > '~';
	return text_end(&line);
}

int aws_role_parse(const struct secret *body, struct aws_credentials *ret)
{
	_cleanup_json_ struct json_object *object = answer_parse(body);
	_cleanup_secret_ struct secret *token = answer_secret(object, "Token");

	*ret = (struct aws_credentials){.key = answer_secret(object, "SecretAccessKey")};
	answer_name(answer_string(object, "AccessKeyId"), ret->id, sizeof(ret->id));
	if (token)
		ret->session = aws_session_header(token);
	return *ret->id && ret->key && ret->session ? 0 : -EBADMSG;
}

/* The error's name. Some services put a namespace before it: "com.amazonaws.kms#NAME". */
static void error_name(const struct http_answer *answer, char ret[AWS_TEXT_MAX])
{
	_cleanup_json_ struct json_object *object = answer_parse(answer->body);
	const char *type = answer_string(object, "__type");
	const char *mark = strrchr(type, '#');

	answer_name(mark ? mark + 1 : type, ret, AWS_TEXT_MAX);
}

bool aws_is_busy(const struct http_answer *answer)
{
	char name[AWS_TEXT_MAX] = "";

	if (answer->status == 400)
		error_name(answer, name);
	return !strcmp(name, "ThrottlingException") || !strcmp(name, "KMSInternalException");
}

bool aws_refused(const struct http_answer *answer, struct provider_answer *ret)
{
	static const struct {
		const char *name;
		enum provider_outcome outcome;
	} errors[] = {
		{"DisabledException", PROVIDER_DENIED},
		{"AccessDeniedException", PROVIDER_DENIED},
		{"NotFoundException", PROVIDER_ABSENT},
		{"InvalidCiphertextException", PROVIDER_BADREQ},
		{"IncorrectKeyException", PROVIDER_BADREQ},
		{"InvalidKeyUsageException", PROVIDER_BADREQ},
		{"InvalidArnException", PROVIDER_BADREQ},
		{"ValidationException", PROVIDER_BADREQ},
		{"UnsupportedOperationException", PROVIDER_BADREQ},
		/* The credential, or this machine's clock. */
		{"InvalidSignatureException", PROVIDER_BADREQ},
		{"SignatureDoesNotMatch", PROVIDER_BADREQ},
		{"IncompleteSignature", PROVIDER_BADREQ},
		{"IncompleteSignatureException", PROVIDER_BADREQ},
		{"UnrecognizedClientException", PROVIDER_BADREQ},
		{"InvalidClientTokenId", PROVIDER_BADREQ},
		{"MissingAuthenticationToken", PROVIDER_BADREQ},
		{"MissingAuthenticationTokenException", PROVIDER_BADREQ},
		{"ExpiredTokenException", PROVIDER_BADREQ},
		{"RequestExpired", PROVIDER_BADREQ},
	};
	enum provider_outcome outcome = PROVIDER_UNREACHABLE;
	char name[AWS_TEXT_MAX];

	error_name(answer, name);
	for (size_t i = 0; i < ARRAY_SIZE(errors); i++)
		if ((answer->status == 400 || answer->status == 403) &&
		    !strcmp(name, errors[i].name))
			outcome = errors[i].outcome;
	provider_answer_fail(ret, outcome, "%ld %s", answer->status, name);
	return answer->status == 400 && !strcmp(name, "KMSInvalidStateException");
}

/* Other states: Creating, PendingImport, Updating, and Unavailable: a key store that is away. */
void aws_state_refused(const struct aws_key *key, struct provider_answer *ret)
{
	static const char *const owners[] = {"Disabled", "PendingDeletion",
					     "PendingReplicaDeletion"};
	enum provider_outcome outcome = PROVIDER_UNREACHABLE;

	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		if (!strcmp(key->state, owners[i]))
			outcome = PROVIDER_DENIED;
	provider_answer_fail(ret, outcome, "the key's state is %s", key->state);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The provider of aws://REGION/KEY-ID: an RSA key in AWS KMS. Keys are wrapped here by its public
 * half, and only unwrapping asks the service to decrypt.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "os/process.h"
#include "provider/aws_wire.h"
#include "provider/identity.h"
#include "provider/serve.h"
#include "provider/text.h"

#define ROLES HTTP_METADATA "/latest/meta-data/iam/security-credentials/"

struct kms {
	struct provider_answer *answer; /* borrowed; where failures go */
	struct aws_uri uri;
	struct identity identity;
	char endpoint[254]; /* HOST or HOST:PORT that is connected to */
	struct aws_credentials credentials;
};

static void kms_close(struct kms *kms)
{
	identity_close(&kms->identity);
	aws_credentials_free(&kms->credentials);
}
#define _cleanup_kms_ __attribute__((cleanup(kms_close)))

/* Say that there was no answer, or none that helps. */
static bool fail_to(struct kms *kms, int r, const char *what, const char *why)
{
	provider_answer_fail(kms->answer,
			     r == -EHOSTUNREACH ? PROVIDER_UNREACHABLE : PROVIDER_BADREQ, "%s: %s",
			     what, why);
	return false;
}

static bool ask_metadata(struct kms *kms, const struct http_request *request,
			 struct http_answer *ret)
{
	struct http_error err = {""};
	int r = http_ask(&kms->identity.route, request, ret, &err);

	if (r < 0)
		return fail_to(kms, r, "the machine's metadata", err.text);
	if (ret->status == 404)
		return fail_to(kms, -EINVAL, "the machine's metadata", "there is no such role");
	if (ret->status != 200 || !ret->body->size)
		return fail_to(kms, -EHOSTUNREACH, "the machine's metadata", "it gives nothing");
	return true;
}

/* Make the header of a session with the metadata service (IMDSv2). */
static struct secret *metadata_session(struct kms *kms)
{
	static const struct http_request request = {
		.url = HTTP_METADATA "/latest/api/token",
		.method = "PUT",
		.headers = {"X-aws-ec2-metadata-token-ttl-seconds: 60"},
		.plain = true,
	};
	_cleanup_http_answer_ struct http_answer answer = {0};
	struct text line;

	if (!ask_metadata(kms, &request, &answer))
		return NULL;
	text_begin(&line, answer.body->size + 32);
	text_add(&line, "X-aws-ec2-metadata-token: ");
	text_add_bytes(&line, answer.body->data, answer.body->size);
	for (size_t i = 0; i < answer.body->size; i++)
		line.failed |= answer.body->data[i] <= ' ' || answer.body->data[i] > '~';
	if (line.failed)
		fail_to(kms, -EHOSTUNREACH, "the machine's metadata", "that is no token");
	return text_end(&line);
}

/* Take the credentials of the role that "instance-role" names. */
static bool read_role(struct kms *kms)
{
	char role[65], url[sizeof(ROLES) + sizeof(role)];
	struct http_request request = {.url = url, .plain = true};
	_cleanup_http_answer_ struct http_answer answer = {0};
	_cleanup_secret_ struct secret *session = NULL;

	if (!identity_text(&kms->identity, "instance-role", NULL, "+=,.@_-", role, sizeof(role)))
		return false;
	session = metadata_session(kms);
	if (!session)
		return false;
	snprintf(url, sizeof(url), ROLES "%s", role);
	request.auth = session;
	if (!ask_metadata(kms, &request, &answer))
		return false;
	if (aws_role_parse(answer.body, &kms->credentials) == 0)
		return true;
	return fail_to(kms, -EHOSTUNREACH, "the machine's metadata", "these are no credentials");
}

static bool read_access_key(struct kms *kms)
{
	struct aws_credentials *credentials = &kms->credentials;
	_cleanup_secret_ struct secret *token = NULL;

	if (!identity_text(&kms->identity, "access-key-id", NULL, "", credentials->id,
			   sizeof(credentials->id)))
		return false;
	credentials->key = identity_secret(&kms->identity, "secret-access-key");
	if (!credentials->key || !identity_has(&kms->identity, "session-token"))
		return credentials->key;
	token = identity_secret(&kms->identity, "session-token");
	if (!token)
		return false;
	credentials->session = aws_session_header(token);
	return credentials->session ||
	       fail_to(kms, -EINVAL, kms->identity.directory, "session-token is none");
}

static bool kms_open(struct kms *kms, const char *uri)
{
	char host[sizeof("kms.") + sizeof(kms->uri.region) + sizeof(".amazonaws.com.cn")];

	if (!aws_uri_parse(uri, &kms->uri))
		return fail_to(kms, -EINVAL, "the URI",
			       "it is not aws://REGION/KEY-ID, by ID or ARN of a key");
	/* The partition of China has a domain of its own. */
	snprintf(host, sizeof(host), "kms.%s.amazonaws.com%s", kms->uri.region,
		 strncmp(kms->uri.region, "cn-", 3) ? "" : ".cn");
	kms->identity.answer = kms->answer;
	if (!identity_open(&kms->identity, "aws", kms->uri.region) ||
	    !identity_text(&kms->identity, "endpoint", host, ":.-", kms->endpoint,
			   sizeof(kms->endpoint)))
		return false;
	if (identity_has(&kms->identity, "instance-role") ==
	    identity_has(&kms->identity, "access-key-id"))
		return fail_to(kms, -EINVAL, kms->identity.directory,
			       "it has to hold one of: access-key-id with secret-access-key, "
			       "instance-role");
	return identity_has(&kms->identity, "instance-role") ? read_role(kms)
							     : read_access_key(kms);
}

/* Ask the service for @operation with the members @more after the key's. */
static int ask(struct kms *kms, const char *operation, const struct secret *body,
	       struct http_answer *ret)
{
	char url[sizeof(kms->endpoint) + sizeof("https:///")], target[64], signature[64];
	const struct http_request request = {
		.url = url,
		.headers = {"Content-Type: application/x-amz-json-1.1", target},
		.auth = kms->credentials.session,
		.body = body,
		.signature = signature,
		.key_id = kms->credentials.id,
		.key = kms->credentials.key,
		.is_busy = aws_is_busy,
	};
	struct http_error err = {""};
	int r;

	snprintf(url, sizeof(url), "https://%s/", kms->endpoint);
	snprintf(target, sizeof(target), "X-Amz-Target: TrentService.%s", operation);
	snprintf(signature, sizeof(signature), "aws:amz:%s:kms", kms->uri.region);
	r = http_ask(&kms->identity.route, &request, ret, &err);
	if (r < 0)
		fail_to(kms, r, kms->uri.region, err.text);
	return r;
}

/* Make the body of a request: the key's ID, and the members of @wrapped where it is given. */
static struct secret *make_body(const struct kms *kms, const struct blob *wrapped)
{
	_cleanup_free_ char *base64 = wrapped ? base64_encode(wrapped) : NULL;
	struct text json;

	text_begin(&json, sizeof(kms->uri.key) + 128 + (base64 ? strlen(base64) : 0));
	text_add(&json, "{\"KeyId\":\"");
	text_add(&json, kms->uri.key);
	if (base64) {
		text_add(&json, "\",\"EncryptionAlgorithm\":\"RSAES_OAEP_SHA_256\","
				"\"CiphertextBlob\":\"");
		text_add(&json, base64);
	}
	text_add(&json, "\"}");
	json.failed |= wrapped && !base64;
	return text_end(&json);
}

/* Describe the key. False: the answer says why. */
static bool describe(struct kms *kms, struct aws_key *key)
{
	_cleanup_http_answer_ struct http_answer answer = {0};
	_cleanup_secret_ struct secret *body = make_body(kms, NULL);

	if (!body)
		return fail_to(kms, -EINVAL, "the request", "out of memory");
	if (ask(kms, "DescribeKey", body, &answer) < 0)
		return false;
	if (answer.status != 200) {
		aws_refused(&answer, kms->answer);
		return false;
	}
	return aws_key_parse(answer.body, &kms->uri, key) == 0 ||
	       fail_to(kms, -EHOSTUNREACH, kms->uri.region, "it does not describe the key");
}

static bool get_public(struct kms *kms, struct blob *ret)
{
	_cleanup_http_answer_ struct http_answer answer = {0};
	_cleanup_secret_ struct secret *body = make_body(kms, NULL);
	struct aws_key key;
	int r;

	if (!body)
		return fail_to(kms, -EINVAL, "the request", "out of memory");
	if (ask(kms, "GetPublicKey", body, &answer) < 0)
		return false;
	if (answer.status != 200) {
		if (aws_refused(&answer, kms->answer) && describe(kms, &key))
			aws_state_refused(&key, kms->answer);
		return false;
	}
	r = aws_public_parse(answer.body, &kms->uri, ret);
	if (r == -ENOTSUP)
		return fail_to(kms, -EINVAL, kms->uri.region, "it is no RSA key that decrypts");
	return r == 0 || fail_to(kms, -EHOSTUNREACH, kms->uri.region, "that is no public key");
}

static void show_key(struct kms *kms, const struct aws_key *key)
{
	struct provider_key *ret = &kms->answer->key;

	if (!get_public(kms, &ret->spki))
		return;
	if (crypto_rsa_bits(&ret->spki, &ret->bits) < 0) {
		fail_to(kms, -EINVAL, kms->uri.region, "it is no RSA key");
		return;
	}
	strcpy(ret->alg, PROVIDER_ALG_RSA);
	snprintf(ret->token, sizeof(ret->token), "aws/%.100s", key->account);
	strcpy(ret->end_date, key->end_date);
	ret->extractable = key->imported;
	/* A deletion waits for a week or more. Imported material can be deleted at once. */
	ret->recoverable = key->imported ? PROVIDER_LOST_AT_ONCE : PROVIDER_RECOVERABLE;
}

static void check_key(struct kms *kms, const struct aws_key *key)
{
	if (strcmp(key->state, "Enabled") != 0)
		aws_state_refused(key, kms->answer);
	else if (!key->decrypts)
		fail_to(kms, -EINVAL, kms->uri.region, "the key does not decrypt");
}

static void wrap(struct kms *kms, const struct secret *page, uint32_t size)
{
	_cleanup_secret_ struct secret *plain = secret_copy(page->data, size);
	_cleanup_blob_ struct blob spki = {0};

	if (!get_public(kms, &spki))
		return;
	if (!plain || crypto_rsa_wrap(&spki, plain, &kms->answer->wrapped) < 0)
		fail_to(kms, -EINVAL, kms->uri.region, "it cannot be wrapped by this key");
}

static void unwrap(struct kms *kms, const struct blob *wrapped, struct secret *page)
{
	_cleanup_http_answer_ struct http_answer answer = {0};
	_cleanup_secret_ struct secret *body = make_body(kms, wrapped);
	struct aws_key key;

	if (!body) {
		fail_to(kms, -EINVAL, "the request", "out of memory");
		return;
	}
	if (ask(kms, "Decrypt", body, &answer) < 0)
		return;
	if (answer.status != 200) {
		/* A state may be the owner's no, or a key store of theirs that is away. */
		if (aws_refused(&answer, kms->answer) && describe(kms, &key))
			aws_state_refused(&key, kms->answer);
		return;
	}
	kms->answer->size = aws_unwrapped_parse(answer.body, &kms->uri, page);
	if (!kms->answer->size)
		fail_to(kms, -EHOSTUNREACH, kms->uri.region,
			"it does not unwrap as it was asked to");
}

static void handle(const struct provider_request *request, struct secret *page,
		   struct provider_answer *answer)
{
	_cleanup_kms_ struct kms kms = {.answer = answer};
	bool wraps = request->action == PROVIDER_WRAP || request->action == PROVIDER_UNWRAP;
	struct aws_key key;

	process_lock_memory(HTTP_ROOM);
	if (wraps && strcmp(request->alg, PROVIDER_ALG_RSA) != 0) {
		fail_to(&kms, -EINVAL, request->alg, "the only alg here is " PROVIDER_ALG_RSA);
		return;
	}
	if (!kms_open(&kms, request->uri))
		return;
	if (request->action == PROVIDER_WRAP)
		wrap(&kms, page, request->size);
	else if (request->action == PROVIDER_UNWRAP)
		unwrap(&kms, &request->wrapped, page);
	else if (!describe(&kms, &key))
		return;
	else if (request->action == PROVIDER_INFO)
		show_key(&kms, &key);
	else
		check_key(&kms, &key);
}

int main(void)
{
	return serve(handle);
}

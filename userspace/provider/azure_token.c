// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Tokens of an application (RFC 6749, 4.4), which proves itself by a client secret or by a JWT that
 * it signs (RFC 7523), and of a managed identity.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/cms.h"
#include "provider/azure_token.h"
#include "provider/azure_wire.h"
#include "provider/text.h"

#define AUTHORITY     "login.microsoftonline.com"
#define FORM_MAX      8192 /* bytes; the longest part is a signed assertion, 1.5 KiB */
#define ASSERTION_SEC 600  /* how long an assertion is good for */
#define SKEW_SEC      120  /* how far ahead this machine's clock may be */

/* Who asks, and for what. */
struct client {
	char authority[254], tenant[65], id[65], resource[300];
};

static struct secret *refuse(const struct identity *identity, const char *why)
{
	provider_answer_fail(identity->answer, PROVIDER_BADREQ, "%s: %s", identity->directory, why);
	return NULL;
}

/* Vaults of each of Microsoft's clouds are named NAME.DOMAIN, and their tokens are for DOMAIN. */
static bool read_resource(const struct identity *identity, const char *host, struct client *client)
{
	const char *domain = strchr(host, '.');
	char fallback[262];

	snprintf(fallback, sizeof(fallback), "https://%s", domain ? domain + 1 : "");
	return identity_text(identity, "resource", domain ? fallback : NULL, ":/.-",
			     client->resource, sizeof(client->resource));
}

static bool read_client(const struct identity *identity, struct client *client)
{
	return identity_text(identity, "authority", AUTHORITY, ":.-", client->authority,
			     sizeof(client->authority)) &&
	       identity_text(identity, "tenant", NULL, ".-", client->tenant,
			     sizeof(client->tenant)) &&
	       identity_text(identity, "client", NULL, "-", client->id, sizeof(client->id));
}

/* Read the certificate, and give its SHA-256 and the key. */
static struct secret *read_key(const struct identity *identity, uint8_t digest[SHA256_SIZE])
{
	_cleanup_free_ char *cert = identity_file(identity, "cert.pem"), *subject = NULL;
	struct secret *key = cert ? identity_secret(identity, "key.pem") : NULL;

	if (!key)
		return NULL;
	if (crypto_cert_read(cert, &subject, digest) == 0)
		return key;
	secret_free(key);
	return refuse(identity, "cert.pem is not a certificate that is valid now");
}

/* Write the part of the assertion that is signed: header and claims (RFC 7519). */
static void add_claims(struct text *text, const struct client *client, const char *url,
		       const uint8_t digest[SHA256_SIZE], const struct secret *id)
{
	_cleanup_free_ char *hex = hex_encode(id->data, id->size);
	char json[1024], thumbprint[45] = "";
	struct text encoded;
	_cleanup_secret_ struct secret *end = NULL;
	time_t now = time(NULL);
	int n;

	text_begin(&encoded, sizeof(thumbprint));
	text_add_base64url(&encoded, digest, SHA256_SIZE);
	end = text_end(&encoded);
	if (!end || !hex) {
		text->failed = true;
		return;
	}
	memcpy(thumbprint, end->data, end->size);
	n = snprintf(json, sizeof(json), "{\"alg\":\"PS256\",\"typ\":\"JWT\",\"x5t#S256\":\"%s\"}",
		     thumbprint);
	text_add_base64url(text, json, (size_t)n);
	text_add(text, ".");
	n = snprintf(json, sizeof(json),
		     "{\"aud\":\"%s\",\"iss\":\"%s\",\"sub\":\"%s\",\"jti\":\"%s\",\"nbf\":%lld,"
		     "\"exp\":%lld}",
		     url, client->id, client->id, hex, (long long)now - SKEW_SEC,
		     (long long)now + ASSERTION_SEC);
	text_add_base64url(text, json, (size_t)n);
}

/* Make the assertion, which is secret: whoever has it can be us for ten minutes. */
static struct secret *make_assertion(const struct identity *identity, const struct client *client,
				     const char *url)
{
	_cleanup_secret_ struct secret *id = secret_random(16);
	_cleanup_blob_ struct blob signature = {0};
	_cleanup_secret_ struct secret *key = NULL;
	uint8_t digest[SHA256_SIZE];
	struct text text;

	key = read_key(identity, digest);
	if (!key || !id)
		return NULL;
	text_begin(&text, FORM_MAX / 2);
	add_claims(&text, client, url, digest, id);
	if (!text.failed && crypto_rsa_sign(key, text.bytes->data, text.used, &signature) < 0) {
		secret_free(text_end(&text));
		return refuse(identity, "key.pem is no RSA key");
	}
	text_add(&text, ".");
	text_add_base64url(&text, signature.data, signature.size);
	return text_end(&text);
}

/* Add how this machine proves itself. */
static bool add_proof(struct text *form, const struct identity *identity,
		      const struct client *client, const char *url)
{
	bool is_secret = identity_has(identity, "secret");
	_cleanup_secret_ struct secret *proof = is_secret ? identity_secret(identity, "secret")
							  : make_assertion(identity, client, url);

	if (!proof)
		return false;
	text_add(form, is_secret ? "&client_secret="
				 : "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A"
				   "client-assertion-type%3Ajwt-bearer&client_assertion=");
	text_add_escaped(form, proof->data, proof->size);
	return true;
}

static struct secret *make_form(const struct identity *identity, const struct client *client,
				const char *url)
{
	struct text form;

	text_begin(&form, FORM_MAX);
	text_add(&form, "grant_type=client_credentials&client_id=");
	text_add_escaped(&form, client->id, strlen(client->id));
	text_add(&form, "&scope=");
	text_add_escaped(&form, client->resource, strlen(client->resource));
	text_add(&form, "%2F.default");
	if (add_proof(&form, identity, client, url))
		return text_end(&form);
	secret_free(text_end(&form));
	return NULL;
}

/* Ask for a token and make the header line of it. */
static struct secret *ask(const struct identity *identity, const struct http_request *request)
{
	_cleanup_http_answer_ struct http_answer answer = {0};
	_cleanup_secret_ struct secret *token = NULL;
	struct http_error err = {""};
	struct text line;
	int r = http_ask(&identity->route, request, &answer, &err);

	if (r < 0) {
		provider_answer_fail(identity->answer,
				     r == -EHOSTUNREACH ? PROVIDER_UNREACHABLE : PROVIDER_BADREQ,
				     "no token for this machine: %s", err.text);
		return NULL;
	}
	if (answer.status != 200) {
		azure_token_refused(&answer, identity->answer);
		return NULL;
	}
	token = azure_token_parse(answer.body);
	if (!token) {
		provider_answer_fail(identity->answer, PROVIDER_UNREACHABLE,
				     "no token for this machine: the answer has none");
		return NULL;
	}
	text_begin(&line, token->size + 32);
	text_add(&line, "Authorization: Bearer ");
	text_add_bytes(&line, token->data, token->size);
	return text_end(&line);
}

static struct secret *ask_entra(const struct identity *identity, struct client *client)
{
	struct http_request request = {0};
	_cleanup_secret_ struct secret *form = NULL;
	char url[HTTP_URL_MAX + 1];

	if (!read_client(identity, client))
		return NULL;
	snprintf(url, sizeof(url), "https://%s/%s/oauth2/v2.0/token", client->authority,
		 client->tenant);
	form = make_form(identity, client, url);
	if (!form)
		return NULL;
	request.url = url;
	request.body = form;
	return ask(identity, &request);
}

/* Ask the machine's own cloud. "managed" holds the client ID of a user-assigned identity, or
 * "system". */
static struct secret *ask_metadata(const struct identity *identity, struct client *client)
{
	struct http_request request = {.headers = {"Metadata: true"}, .plain = true};
	char url[HTTP_URL_MAX + 1];
	bool assigned;

	if (!identity_text(identity, "managed", NULL, "-", client->id, sizeof(client->id)))
		return NULL;
	assigned = strcmp(client->id, "system") != 0;
	snprintf(url, sizeof(url),
		 HTTP_METADATA "/metadata/identity/oauth2/token?api-version=2018-02-01&"
			       "resource=%s%s%s",
		 client->resource, assigned ? "&client_id=" : "", assigned ? client->id : "");
	request.url = url;
	return ask(identity, &request);
}

struct secret *azure_token(const struct identity *identity, const char *host)
{
	int ways = identity_has(identity, "managed") + identity_has(identity, "secret") +
		   identity_has(identity, "cert.pem");
	struct client client;

	if (ways != 1)
		return refuse(identity,
			      "it has to hold one of: secret, cert.pem with key.pem, managed");
	if (!read_resource(identity, host, &client))
		return NULL;
	return identity_has(identity, "managed") ? ask_metadata(identity, &client)
						 : ask_entra(identity, &client);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The provider of kmip://HOST[:PORT]/UID: a symmetric key in a KMIP server, which encrypts and
 * decrypts with it by AES-256-GCM. What is wrapped is stored as IV, tag and ciphertext.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "provider/serve.h"
#include "provider/tls.h"

#define ALG	     "kmip-aes-256-gcm"
#define DEFAULT_PORT "5696" /* IANA: kmip */
#define DIRECTORY    "/etc/fve/kmip"

/* The state of one exchange with the server. */
struct exchange {
	struct provider_answer *answer; /* borrowed; where failures go */
	char host[256], port[8], uid[KMIP_UID_MAX + 1];
	struct secret *message;
	struct kmip_response response; /* borrows from @message */
	bool unclear;		       /* the server has refused without saying what is wrong */
};

static void exchange_release(struct exchange *exchange)
{
	secret_free(exchange->message);
}
#define _cleanup_exchange_ __attribute__((cleanup(exchange_release)))

/* Parse the URI. The host names a directory, too, so it takes only letters of host names and no
 * "..". */
static bool parse_uri(struct exchange *exchange, const char *uri)
{
	char port[8] = DEFAULT_PORT, rest;
	bool given = sscanf(uri, "kmip://%255[a-z0-9.-]:%5[0-9]/%128[A-Za-z0-9._-]%c",
			    exchange->host, port, exchange->uid, &rest) == 3;

	if (!given && sscanf(uri, "kmip://%255[a-z0-9.-]/%128[A-Za-z0-9._-]%c", exchange->host,
			     exchange->uid, &rest) != 2) {
		provider_answer_fail(exchange->answer, PROVIDER_BADREQ,
				     "the URI is not kmip://HOST[:PORT]/UID, in lower case");
		return false;
	}
	if (!given)
		strcpy(port, DEFAULT_PORT);
	strcpy(exchange->port, port);
	if (*exchange->host == '.' || strstr(exchange->host, "..")) {
		provider_answer_fail(exchange->answer, PROVIDER_BADREQ, "that is no host's name");
		return false;
	}
	return true;
}

/* Return the outcome that a refusal of the server means. An unknown one is an outage. */
static enum provider_outcome outcome_of(uint32_t reason)
{
	switch (reason) {
	case KMIP_PERMISSION_DENIED:
	case KMIP_AUTHENTICATION_NOT_SUCCESSFUL:
	case KMIP_OBJECT_ARCHIVED:
		return PROVIDER_DENIED;
	case KMIP_ITEM_NOT_FOUND:
		return PROVIDER_ABSENT;
	case KMIP_INVALID_MESSAGE:
	case KMIP_OPERATION_NOT_SUPPORTED:
	case KMIP_MISSING_DATA:
	case KMIP_INVALID_FIELD:
	case KMIP_FEATURE_NOT_SUPPORTED:
	case KMIP_CRYPTOGRAPHIC_FAILURE:
		return PROVIDER_BADREQ;
	default:
		return PROVIDER_UNREACHABLE;
	}
}

static bool ask(struct exchange *exchange, struct kmip_request *request)
{
	const char *base = secure_getenv("FVE_KMIP") ?: DIRECTORY;
	_cleanup_secret_ struct secret *message = NULL;
	_cleanup_free_ char *directory = NULL;
	struct tls_error err = {""};
	int r;

	request->uid = exchange->uid;
	message = ttlv_encode(request);
	if (!message || asprintf(&directory, "%s/%s", base, exchange->host) < 0) {
		provider_answer_fail(exchange->answer, PROVIDER_BADREQ, "the request is too long");
		return false;
	}
	secret_free(exchange->message);
	exchange->message = NULL;
	r = tls_exchange(exchange->host, exchange->port, directory, message, &exchange->message,
			 &err);
	if (r < 0) {
		provider_answer_fail(exchange->answer,
				     r == -EHOSTUNREACH ? PROVIDER_UNREACHABLE : PROVIDER_BADREQ,
				     "%s", err.text);
		return false;
	}
	if (ttlv_decode(request->operation, exchange->message->data, exchange->message->size,
			&exchange->response) < 0) {
		provider_answer_fail(exchange->answer, PROVIDER_UNREACHABLE,
				     "%s does not answer as a KMIP server", exchange->host);
		return false;
	}
	if (exchange->response.success)
		return true;
	exchange->unclear = request->operation == KMIP_DECRYPT;
	provider_answer_fail(exchange->answer, outcome_of(exchange->response.reason), "%s: %.*s",
			     exchange->host, (int)exchange->response.message.size,
			     exchange->response.message.data);
	return false;
}

/* Return whether the key can be used in its present state (KMIP 1.4, 3.22). */
static bool check_state(struct exchange *exchange)
{
	static const char *const names[] = {"unknown",	   "pre-active", "active",   "deactivated",
					    "compromised", "destroyed",	 "destroyed"};
	uint32_t state = exchange->response.state;
	enum provider_outcome outcome = PROVIDER_DENIED;

	if (state == KMIP_ACTIVE)
		return true;
	if (state >= ARRAY_SIZE(names))
		state = KMIP_STATE_UNKNOWN;
	if (state == KMIP_STATE_UNKNOWN)
		outcome = PROVIDER_UNREACHABLE;
	if (state == KMIP_DESTROYED || state == KMIP_DESTROYED_COMPROMISED)
		outcome = PROVIDER_ABSENT;
	provider_answer_fail(exchange->answer, outcome, "the key's state is %s", names[state]);
	return false;
}

static void show_key(struct exchange *exchange, struct provider_key *key)
{
	const struct kmip_response *response = &exchange->response;

	if (response->algorithm != KMIP_AES || response->bits != 256) {
		provider_answer_fail(exchange->answer, PROVIDER_BADREQ, "it is no AES-256 key");
		return;
	}
	strcpy(key->alg, ALG);
	key->bits = response->bits;
	snprintf(key->token, sizeof(key->token), "kmip/%.100s:%s", exchange->host, exchange->port);
	key->extractable = !response->sensitive && !response->unextractable;
}

static void wrap(struct exchange *exchange, const struct secret *page, uint32_t size)
{
	_cleanup_secret_ struct secret *iv = secret_random(KMIP_IV_SIZE);
	struct kmip_request request = {.operation = KMIP_ENCRYPT, .data = {page->data, size}};
	const struct kmip_response *response = &exchange->response;
	struct blob *ret = &exchange->answer->wrapped;

	if (!iv) {
		provider_answer_fail(exchange->answer, PROVIDER_BADREQ, "out of memory");
		return;
	}
	request.iv = (struct kmip_bytes){iv->data, iv->size};
	if (!ask(exchange, &request))
		return;
	ret->size = KMIP_IV_SIZE + KMIP_TAG_SIZE + size;
	ret->data = malloc(ret->size);
	/* If the server names an IV, it must be ours. */
	if (!ret->data || response->data.size != size || response->tag.size != KMIP_TAG_SIZE ||
	    (response->iv.size && (response->iv.size != KMIP_IV_SIZE ||
				   memcmp(response->iv.data, iv->data, KMIP_IV_SIZE) != 0))) {
		provider_answer_fail(exchange->answer, PROVIDER_UNREACHABLE,
				     "%s does not encrypt as it was asked to", exchange->host);
		return;
	}
	memcpy(ret->data, iv->data, KMIP_IV_SIZE);
	memcpy(ret->data + KMIP_IV_SIZE, response->tag.data, KMIP_TAG_SIZE);
	memcpy(ret->data + KMIP_IV_SIZE + KMIP_TAG_SIZE, response->data.data, size);
}

static void unwrap(struct exchange *exchange, const struct blob *wrapped, struct secret *page)
{
	struct kmip_request request = {.operation = KMIP_DECRYPT};
	size_t size = wrapped->size - KMIP_IV_SIZE - KMIP_TAG_SIZE;

	if (wrapped->size <= KMIP_IV_SIZE + KMIP_TAG_SIZE || size > PROVIDER_KEY_MAX) {
		provider_answer_fail(exchange->answer, PROVIDER_BADREQ, "that is not wrapped here");
		return;
	}
	request.iv = (struct kmip_bytes){wrapped->data, KMIP_IV_SIZE};
	request.tag = (struct kmip_bytes){wrapped->data + KMIP_IV_SIZE, KMIP_TAG_SIZE};
	request.data = (struct kmip_bytes){wrapped->data + KMIP_IV_SIZE + KMIP_TAG_SIZE, size};
	if (!ask(exchange, &request))
		return;
	if (exchange->response.data.size != size) {
		provider_answer_fail(exchange->answer, PROVIDER_UNREACHABLE,
				     "%s does not decrypt as it was asked to", exchange->host);
		return;
	}
	memcpy(page->data, exchange->response.data.data, size);
	exchange->answer->size = (uint32_t)size;
}

/*
 * Find out why unwrapping failed. A server may report a blob that was not wrapped by this key in
 * the same words as a fault of its own (PyKMIP). If it unwraps a key that it has wrapped just now,
 * the blob is at fault.
 */
static void tell_fault(struct exchange *exchange)
{
	_cleanup_secret_ struct secret *page = secret_random(32);
	_cleanup_answer_ struct provider_answer trial = {0};
	struct provider_answer *answer = exchange->answer;

	if (!page)
		return;
	exchange->answer = &trial;
	wrap(exchange, page, (uint32_t)page->size);
	if (trial.outcome == PROVIDER_OK)
		unwrap(exchange, &trial.wrapped, page);
	exchange->answer = answer;
	if (trial.outcome == PROVIDER_OK)
		provider_answer_fail(answer, PROVIDER_BADREQ, "it was not wrapped by this key");
}

static void handle(const struct provider_request *request, struct secret *page,
		   struct provider_answer *answer)
{
	_cleanup_exchange_ struct exchange exchange = {.answer = answer};
	struct kmip_request look = {.operation = KMIP_GET_ATTRIBUTES};
	bool wraps = request->action == PROVIDER_WRAP || request->action == PROVIDER_UNWRAP;

	if (!parse_uri(&exchange, request->uri))
		return;
	if (wraps && strcmp(request->alg, ALG) != 0) {
		provider_answer_fail(answer, PROVIDER_BADREQ, "the only alg here is " ALG);
		return;
	}
	/* Servers say that a revoked key may not be used in more than one way; its state is one. */
	if (!ask(&exchange, &look))
		return;
	if (request->action == PROVIDER_INFO)
		show_key(&exchange, &answer->key);
	else if (check_state(&exchange) && request->action == PROVIDER_WRAP)
		wrap(&exchange, page, request->size);
	else if (answer->outcome == PROVIDER_OK && request->action == PROVIDER_UNWRAP)
		unwrap(&exchange, &request->wrapped, page);
	if (answer->outcome == PROVIDER_UNREACHABLE && exchange.unclear)
		tell_fault(&exchange);
}

int main(void)
{
	return serve(handle);
}

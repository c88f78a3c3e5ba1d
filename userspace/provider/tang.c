// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The provider of tang://HOST[:PORT]/THUMBPRINT: a Tang server, which helps whoever reaches it to
 * recover a key, and learns nothing about the key. docs/provider.md has the layout of a wrap.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "os/process.h"
#include "provider/allowed.h"
#include "provider/http.h"
#include "provider/serve.h"
#include "provider/tang_wire.h"

#define ALG  "tang-ecmr-aes-256-gcm"
#define BITS 521

/* The start of a wrap, before what crypto_wrap() gives. */
struct wrap_head {
	struct ecmr_point signer, exchange, ours;
};

struct tang {
	struct provider_answer *answer; /* borrowed; where failures go */
	struct tang_uri uri;
};

static bool tang_open(struct tang *tang, const struct provider_request *request)
{
	if (!tang_uri_parse(request->uri, &tang->uri)) {
		provider_answer_fail(tang->answer, PROVIDER_BADREQ,
				     "the URI is not tang://HOST[:PORT]/THUMBPRINT, host in lower "
				     "case and a SHA-256 thumbprint");
		return false;
	}
	if (request->from_header && !allowed_server("tang", tang->uri.server)) {
		provider_answer_fail(tang->answer, PROVIDER_BADREQ,
				     "%s is not listed in /etc/fve/tang", tang->uri.server);
		return false;
	}
	return true;
}

/* Ask the server for @path about the key with @thumbprint. */
static bool ask(struct tang *tang, const char *path, const char *thumbprint,
		const struct secret *body, struct http_answer *ret)
{
	const char *server = tang->uri.server;
	char url[HTTP_URL_MAX + 1];
	const struct http_route route = {0};
	const struct http_request request = {
		.url = url,
		.headers = {body ? "Content-Type: application/jwk+json" : NULL},
		.body = body,
		.plain = true,
	};
	struct http_error err = {""};
	int r;

	snprintf(url, sizeof(url), "http://%s/%s/%s", server, path, thumbprint);
	r = http_ask(&route, &request, ret, &err);
	if (r < 0)
		provider_answer_fail(tang->answer,
				     r == -EHOSTUNREACH ? PROVIDER_UNREACHABLE : PROVIDER_BADREQ,
				     "%s: %s", server, err.text);
	else if (ret->status == 404)
		provider_answer_fail(tang->answer, PROVIDER_ABSENT,
				     "%s has deleted its key %s, or never had it", server,
				     thumbprint);
	else if (ret->status != 200)
		provider_answer_fail(tang->answer, PROVIDER_UNREACHABLE, "%s: %ld", server,
				     ret->status);
	return r == 0 && ret->status == 200;
}

/* Get the server's keys, which the URI's key has signed. */
static bool look(struct tang *tang, struct wrap_head *ret)
{
	_cleanup_http_answer_ struct http_answer answer = {0};
	int r;

	if (!ask(tang, "adv", tang->uri.thumbprint, NULL, &answer))
		return false;
	r = tang_advertisement_parse(answer.body, tang->uri.thumbprint, &ret->signer,
				     &ret->exchange);
	if (r == -ENOKEY)
		provider_answer_fail(tang->answer, PROVIDER_BADREQ,
				     "%s does not list the key of the URI: it has rotated its "
				     "keys, or is another server",
				     tang->uri.server);
	else if (r < 0)
		provider_answer_fail(tang->answer, PROVIDER_UNREACHABLE,
				     "%s sends no advertisement that the key of the URI has signed",
				     tang->uri.server);
	return r == 0;
}

static void show_key(const struct tang *tang)
{
	struct provider_key *ret = &tang->answer->key;

	strcpy(ret->alg, ALG);
	ret->bits = BITS;
	snprintf(ret->token, sizeof(ret->token), "tang/%.120s", tang->uri.server);
	ret->extractable = true; /* it is a file */
}

/* Give the key that comes of what the exchange gave, and the head as what it authenticates. */
static int derive(const struct secret *shared, const struct wrap_head *head,
		  struct secret **ret_key, char **ret_ad)
{
	const struct span span = {head, sizeof(*head)};
	uint8_t hash[SHA256_SIZE];
	int r = crypto_sha256(&span, 1, hash);

	if (r < 0)
		return r;
	*ret_ad = hex_encode(hash, sizeof(hash));
	return *ret_ad ? crypto_derive(shared, "fve tang", ret_key) : -ENOMEM;
}

static void wrap(struct tang *tang, const struct secret *page, uint32_t size)
{
	_cleanup_secret_ struct secret *plain = secret_copy(page->data, size), *shared = NULL;
	_cleanup_secret_ struct secret *key = NULL;
	_cleanup_free_ char *ad = NULL;
	_cleanup_blob_ struct blob sealed = {0};
	struct blob *ret = &tang->answer->wrapped;
	struct wrap_head head;

	if (!look(tang, &head))
		return;
	if (!plain || ecmr_exchange(&head.exchange, &head.ours, &shared) < 0 ||
	    derive(shared, &head, &key, &ad) < 0 || crypto_wrap(key, ad, plain, &sealed) < 0) {
		provider_answer_fail(tang->answer, PROVIDER_BADREQ, "it cannot be wrapped");
		return;
	}
	ret->data = malloc(sizeof(head) + sealed.size);
	if (!ret->data) {
		provider_answer_fail(tang->answer, PROVIDER_BADREQ, "out of memory");
		return;
	}
	ret->size = sizeof(head) + sealed.size;
	memcpy(ret->data, &head, sizeof(head));
	memcpy(ret->data + sizeof(head), sealed.data, sealed.size);
}

/* Have the server help to find the secret of @head. */
static bool recover(struct tang *tang, const struct wrap_head *head, struct secret **ret)
{
	_cleanup_http_answer_ struct http_answer answer = {0};
	_cleanup_secret_ struct secret *blind = NULL, *body = NULL;
	char signer[TANG_THUMBPRINT_LENGTH + 1], exchange[TANG_THUMBPRINT_LENGTH + 1];
	struct ecmr_point hidden, help;

	if (tang_thumbprint(&head->signer, signer) < 0 ||
	    tang_thumbprint(&head->exchange, exchange) < 0 ||
	    strcmp(signer, tang->uri.thumbprint) != 0 || ecmr_check(&head->exchange) < 0 ||
	    ecmr_blind(&head->ours, &hidden, &blind) < 0) {
		provider_answer_fail(tang->answer, PROVIDER_BADREQ,
				     "it was not wrapped by the key of the URI");
		return false;
	}
	body = tang_key_encode(&hidden);
	if (!body) {
		provider_answer_fail(tang->answer, PROVIDER_BADREQ, "out of memory");
		return false;
	}
	if (!ask(tang, "rec", exchange, body, &answer))
		return false;
	if (tang_key_parse(answer.body, &help) == 0 &&
	    ecmr_recover(&head->exchange, blind, &help, ret) == 0)
		return true;
	provider_answer_fail(tang->answer, PROVIDER_UNREACHABLE,
			     "%s does not answer as a Tang server", tang->uri.server);
	return false;
}

static void unwrap(struct tang *tang, const struct blob *wrapped, struct secret *page)
{
	_cleanup_secret_ struct secret *shared = NULL, *key = NULL, *plain = NULL;
	_cleanup_free_ char *ad = NULL;
	struct wrap_head head;
	struct blob sealed;

	if (wrapped->size <= sizeof(head)) {
		provider_answer_fail(tang->answer, PROVIDER_BADREQ, "that is not wrapped here");
		return;
	}
	memcpy(&head, wrapped->data, sizeof(head));
	sealed = (struct blob){wrapped->data + sizeof(head), wrapped->size - sizeof(head)};
	if (!recover(tang, &head, &shared))
		return;
	/* A wrong answer and a changed wrap look alike. Only the first can be an outage. */
	if (derive(shared, &head, &key, &ad) < 0 || crypto_unwrap(key, ad, &sealed, &plain) < 0 ||
	    plain->size > PROVIDER_KEY_MAX) {
		provider_answer_fail(tang->answer, PROVIDER_UNREACHABLE,
				     "what %s answers does not open it: a wrong answer, or a "
				     "changed wrap",
				     tang->uri.server);
		return;
	}
	memcpy(page->data, plain->data, plain->size);
	tang->answer->size = (uint32_t)plain->size;
}

static void handle(const struct provider_request *request, struct secret *page,
		   struct provider_answer *answer)
{
	struct tang tang = {.answer = answer};
	struct wrap_head head;
	bool wraps = request->action == PROVIDER_WRAP || request->action == PROVIDER_UNWRAP;

	process_lock_memory(HTTP_ROOM);
	if (wraps && strcmp(request->alg, ALG) != 0) {
		provider_answer_fail(answer, PROVIDER_BADREQ, "the only alg here is " ALG);
		return;
	}
	if (!tang_open(&tang, request))
		return;
	if (request->action == PROVIDER_UNWRAP)
		unwrap(&tang, &request->wrapped, page);
	else if (request->action == PROVIDER_WRAP)
		wrap(&tang, page, request->size);
	else if (look(&tang, &head) && request->action == PROVIDER_INFO)
		show_key(&tang);
}

int main(void)
{
	return serve(handle);
}

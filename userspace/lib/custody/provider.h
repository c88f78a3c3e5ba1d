/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Providers: what reaches a root key that lies in somebody else's hardware or service. Each is an
 * executable of its own, so that a vendor's code can hang, crash or leak in a process that is
 * killed. The protocol is docs/provider.md; who writes a provider needs provider_wire.h.
 *
 * The functions give 0, or -errno with @err filled in; they print nothing, since the caller knows
 * the object's name. -EACCES: denied, -ENOKEY: absent, -EHOSTUNREACH: unreachable, -EINVAL: badreq.
 * @deadline_ms is for everything that the function does. Not for several threads.
 */
#ifndef FVE_PROVIDER_H
#define FVE_PROVIDER_H

#include "base/secret.h"
#include "base/util.h"

/* What became of a request. Whoever decides on fallbacks needs to tell these apart. */
enum provider_outcome {
	PROVIDER_OK,
	PROVIDER_DENIED,      /* the owner's no: key disabled, PIN changed, access withdrawn */
	PROVIDER_ABSENT,      /* the service answers, and has no such key */
	PROVIDER_UNREACHABLE, /* nothing that could be believed was heard: an outage */
	PROVIDER_BADREQ,      /* would fail with the service in order, too: URI, setup, blob */
	PROVIDER_UNASKED,     /* not started, or stopped, since another had succeeded */
	PROVIDER_OUTCOMES,
};

/* "ok", "denied", "absent", "unreachable", "badreq", "unasked": stable. */
const char *provider_outcome_name(enum provider_outcome outcome);

#define PROVIDER_URI_MAX    1000 /* characters */
#define PROVIDER_DETAIL_MAX 200
#define PROVIDER_KEY_MAX    512 /* bytes of what can be wrapped */

/* How a key is wrapped: RSAES-OAEP (RFC 8017) with SHA-256 for both hashes and no label. */
#define PROVIDER_ALG_RSA "rsa-oaep-sha256"
#define PROVIDER_ALG_MAX 31

struct provider_error {
	enum provider_outcome outcome;
	char detail[PROVIDER_DETAIL_MAX + 1]; /* for people; printable ASCII; "" if there is none */
};

/* A root key as its provider shows it. */
struct provider_key {
	char alg[PROVIDER_ALG_MAX + 1]; /* what wrap and unwrap take */
	struct blob spki;  /* DER SubjectPublicKeyInfo (RFC 5280); empty for a symmetric key */
	uint32_t bits;	   /* of the modulus or key; counted here where there is a public key */
	char token[129];   /* the same text for two keys: they lie in one token or service */
	bool extractable;  /* or it is not known */
	char end_date[11]; /* "2027-01-31", or "": none */
};

void provider_key_free(struct provider_key *key);
#define _cleanup_provider_key_ __attribute__((cleanup(provider_key_free)))

/* -EINVAL where @uri has no scheme, or no provider for it can be run. */
int provider_info(const char *uri, int deadline_ms, struct provider_key *ret,
		  struct provider_error *err);

/* Whether the key could be used now, as far as that can be told without using it. */
int provider_status(const char *uri, int deadline_ms, struct provider_error *err);

/* Wrap by the service: for symmetric keys. With a public key, crypto_rsa_wrap() does it here. */
int provider_wrap(const char *uri, const char *alg, const struct secret *key, int deadline_ms,
		  struct blob *ret, struct provider_error *err);

int provider_unwrap(const char *uri, const char *alg, const struct blob *wrapped, int deadline_ms,
		    struct secret **ret, struct provider_error *err);

/* One of several wraps of the same key. Everything borrowed. */
struct provider_wrap {
	const char *uri;
	const char *alg;
	struct blob wrapped;
	/*
	 * @uri stood in a volume's header, which is the attacker's until it is proved: the provider
	 * loads no code, reads no file and spends no PIN but what this machine's administrator has
	 * given for that (docs/provider.md).
	 */
	bool from_header;
};

#define PROVIDER_WRAPS_MAX 4
#define PROVIDER_HEDGE_MS  250

/*
 * Hedged: one at random, the next PROVIDER_HEDGE_MS later or when all started ones have failed,
 * and so on; the first success wins, and the others are killed. @errs has @n elements and tells of
 * each. -EHOSTUNREACH and the like where none succeeded: of the first of denied, unreachable,
 * absent, badreq that occurred.
 */
int provider_unwrap_any(const struct provider_wrap *wraps, size_t n, int deadline_ms,
			struct secret **ret, size_t *ret_which, struct provider_error errs[]);

#endif

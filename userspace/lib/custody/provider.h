/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Providers: programs that reach a root key in somebody else's hardware or service. Each is an
 * executable of its own, so that a vendor's code hangs, crashes or leaks in a process that is
 * killed. docs/provider.md has the protocol, and provider_wire.h is for whoever writes a provider.
 *
 * Functions return 0, or -errno with @err filled in: -EACCES for denied, -ENOKEY for absent,
 * -EHOSTUNREACH for unreachable, -EINVAL for badreq. They print nothing, since the caller knows the
 * name of the key. @deadline_ms, in milliseconds, bounds the whole call. They are for one thread
 * only.
 */
#pragma once

#include "base/secret.h"
#include "base/util.h"

/* The outcome of a request. Whoever decides on a fallback needs to tell these apart. */
enum provider_outcome {
	PROVIDER_OK,
	PROVIDER_DENIED, /* the owner forbids it: key disabled, PIN changed, access withdrawn */
	PROVIDER_ABSENT, /* the service answers that it has no such key */
	PROVIDER_UNREACHABLE, /* there was no answer that could be believed: an outage */
	PROVIDER_BADREQ,      /* it would fail with the service in order, too: URI, setup or blob */
	PROVIDER_UNASKED,     /* it was not started, or was stopped, since another had succeeded */
	PROVIDER_OUTCOMES,
};

/* "ok", "denied", "absent", "unreachable", "badreq" and "unasked", which programs read. */
extern const char *const provider_outcome_names[PROVIDER_OUTCOMES];

#define PROVIDER_URI_MAX    1000 /* characters */
#define PROVIDER_DETAIL_MAX 200	 /* characters */
#define PROVIDER_KEY_MAX    512	 /* bytes of the longest key that can be wrapped */

/* The algorithm of RSA keys: RSAES-OAEP (RFC 8017, 7.1), SHA-256 for both hashes, no label. */
#define PROVIDER_ALG_RSA "rsa-oaep-sha256"
#define PROVIDER_ALG_MAX 31 /* characters */

/* The outcome of one request, with its details. */
struct provider_error {
	enum provider_outcome outcome;
	char detail[PROVIDER_DETAIL_MAX + 1]; /* for people, in printable ASCII, or "" */
};

/* Whether a key that somebody has deleted can be brought back. */
enum provider_recoverable {
	PROVIDER_RECOVERY_UNKNOWN,
	PROVIDER_RECOVERABLE,
	PROVIDER_LOST_AT_ONCE, /* or as soon as whoever deleted it wants that */
};

/* A root key as its provider describes it. */
struct provider_key {
	char alg[PROVIDER_ALG_MAX + 1]; /* algorithm that wrap and unwrap take */
	struct blob spki;  /* owned; SubjectPublicKeyInfo (RFC 5280) in DER; empty: symmetric */
	uint32_t bits;	   /* of the modulus or key; computed from @spki where there is one */
	char token[129];   /* names the store: the same text for two keys that lie in one */
	bool extractable;  /* it can be taken out of the store, or that is unknown */
	char end_date[11]; /* "2027-01-31"; "": it has none */
	enum provider_recoverable recoverable;
};

void provider_key_free(struct provider_key *key);
#define _cleanup_provider_key_ __attribute__((cleanup(provider_key_free)))

/* Describe the key at @uri. -EINVAL also: @uri has no scheme, or its provider does not run. */
int provider_info(const char *uri, int deadline_ms, struct provider_key *ret,
		  struct provider_error *err);

/* Check that the key could be used now, as far as that can be told without using it. */
int provider_status(const char *uri, int deadline_ms, struct provider_error *err);

/* Have the service wrap @key; for symmetric keys, since crypto_rsa_wrap() wraps by a public key. */
int provider_wrap(const char *uri, const char *alg, const struct secret *key, int deadline_ms,
		  struct blob *ret, struct provider_error *err);

/* Unwrap by the key at @uri. */
int provider_unwrap(const char *uri, const char *alg, const struct blob *wrapped, int deadline_ms,
		    struct secret **ret, struct provider_error *err);

/* One of several wraps of the same key. Everything is borrowed. */
struct provider_wrap {
	const char *uri;
	const char *alg;
	struct blob wrapped;
	/*
	 * @uri comes from a volume's header, which is the attacker's until it is proved. So the
	 * provider loads only code, reads only files and spends only PINs that this machine's
	 * administrator has allowed for headers (docs/provider.md).
	 */
	bool from_header;
};

#define PROVIDER_WRAPS_MAX 4   /* wraps in one call */
#define PROVIDER_HEDGE_MS  250 /* milliseconds before the next provider is asked as well */

/*
 * Unwrap any of @n wraps. A provider is chosen at random and asked; the next is asked
 * PROVIDER_HEDGE_MS later, or as soon as all that were asked have failed, and so on. The first
 * success wins, @ret_which is its index, and the other providers are killed. @errs has @n elements
 * and tells the outcome of each. Where none succeeds the error is that of the first of denied,
 * unreachable, absent and badreq that occurred.
 */
int provider_unwrap_any(const struct provider_wrap *wraps, size_t n, int deadline_ms,
			struct secret **ret, size_t *ret_which, struct provider_error errs[]);

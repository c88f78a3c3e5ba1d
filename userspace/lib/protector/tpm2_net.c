// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The TPM and the network: BitLocker's Network Unlock. 32 random bytes are wrapped by each of one
 * to four servers, any of which gives them back to whoever reaches it. They go into the KEK with
 * what the TPM releases, so that neither a stolen disk in the same network nor the machine
 * elsewhere opens the volume.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "crypto/crypto.h"
#include "custody/keypolicy.h"
#include "custody/provider.h"
#include "protector/tpm2.h"
#include "protector/tpm2_net.h"
#include "protector/unlock.h"

/* --- adding --------------------------------------------------------------------------------- */

/* A message about a server that did not do @what; gives @error. */
static int complain(const char *uri, const char *what, int error,
		    const struct provider_error *outcome)
{
	return log_errno(-error, "%s %s: %s%s%s", uri, what,
			 provider_outcome_names[outcome->outcome], *outcome->detail ? ": " : "",
			 outcome->detail);
}

static int wrap(const char *uri, const struct secret *network, struct token_network *ret)
{
	_cleanup_provider_key_ struct provider_key key = {0};
	struct provider_error error = {.outcome = PROVIDER_BADREQ};
	int r = provider_info(uri, keypolicy_deadline_ms(), &key, &error);

	if (r < 0)
		return complain(uri, "is of no use", r, &error);
	strcpy(ret->uri, uri);
	strcpy(ret->alg, key.alg);
	r = key.spki.size && !strcmp(key.alg, PROVIDER_ALG_RSA)
		    ? crypto_rsa_wrap(&key.spki, network, &ret->wrap)
		    : provider_wrap(uri, key.alg, network, keypolicy_deadline_ms(), &ret->wrap,
				    &error);
	if (r < 0)
		return complain(uri, "does not wrap a key", r, &error);
	if (ret->wrap.size > TOKEN_NETWORK_WRAP)
		return log_errno(EFBIG, "%s makes a wrap of %zu bytes, and a header takes %d", uri,
				 ret->wrap.size, TOKEN_NETWORK_WRAP);
	return 0;
}

static struct provider_wrap question(const struct token_network *server)
{
	return (struct provider_wrap){server->uri, server->alg, server->wrap, true};
}

/* Have the server give it back at once, asked as it will be when the address is the header's. */
static int verify(const struct token_network *server, const struct secret *network)
{
	const struct provider_wrap asked = question(server);
	struct provider_error error = {.outcome = PROVIDER_BADREQ};
	_cleanup_secret_ struct secret *back = NULL;
	size_t which;
	int r = provider_unwrap_any(&asked, 1, keypolicy_deadline_ms(), &back, &which, &error);

	if (r < 0)
		return complain(server->uri, "does not give a key back", r, &error);
	return secret_equal(back, network)
		       ? 0
		       : log_errno(EIO, "%s gives back another key than it got", server->uri);
}

static int check_uris(const struct enrolment *how)
{
	for (size_t i = 0; i < how->n_net; i++) {
		const char *uri = how->net[i];

		if (!*uri || strlen(uri) > TOKEN_URI_MAX)
			return log_errno(EINVAL, "the URI of a server has 1 to %d characters",
					 TOKEN_URI_MAX);
		if (strstr(uri, "pin-value"))
			return log_errno(EINVAL, "the URI of a server holds a PIN, which would be "
						 "in the header");
		for (size_t k = 0; k < i; k++)
			if (!strcmp(uri, how->net[k]))
				return log_errno(EINVAL, "%s is given twice", uri);
	}
	return how->n_net && how->n_net <= TOKEN_NETWORK_MAX ? 0 : -EINVAL;
}

/* Every server that is named must work now: one that is wrong would be found out too late. */
static int make(const struct enrolment *how, struct token_tpm2 *token, struct second_factor *ret)
{
	_cleanup_secret_ struct secret *network = secret_random(NETWORK_KEY_SIZE);
	int r = network ? check_uris(how) : -ENOMEM;

	for (size_t i = 0; i < how->n_net && r == 0; i++) {
		r = wrap(how->net[i], network, &token->network[i]);
		if (r == 0)
			r = verify(&token->network[i], network);
		token->n_network++;
	}
	return r < 0 ? r : second_factor_from_network(network, ret);
}

static int rehearse(const char *path, const struct enrolment *how)
{
	_cleanup_second_factor_ struct second_factor factor = {0};
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	int r = protector_tpm2_rehearse(path, how);

	return r < 0 ? r : make(how, &token, &factor);
}

static int add(struct header *header, const struct secret *fvek, const struct enrolment *how)
{
	return protector_tpm2_add_with(header, fvek, how, make);
}

/* --- opening -------------------------------------------------------------------------------- */

void net_share_free(struct net_share *share)
{
	token_tpm2_free(&share->token);
	secret_free(share->key);
	*share = (struct net_share){0};
}

int net_share_take(const struct header *header, const struct protector *protector, const char *tcti,
		   struct net_share *ret, struct refusal *ret_refusal)
{
	ret->protector = *protector;
	return protector_tpm2_release(header, protector, tcti, &ret->token, &ret->key, ret_refusal);
}

/* What the outcomes come to, none of them good: first what time may mend. */
static enum reason judge(const struct provider_error errs[], size_t n)
{
	static const struct {
		enum provider_outcome outcome;
		enum reason reason;
	} order[] = {
		{PROVIDER_UNREACHABLE, REASON_KEY_UNREACHABLE},
		{PROVIDER_DENIED, REASON_KEY_DENIED},
		{PROVIDER_ABSENT, REASON_KEY_ABSENT},
	};

	for (size_t k = 0; k < ARRAY_SIZE(order); k++)
		for (size_t i = 0; i < n; i++)
			if (errs[i].outcome == order[k].outcome)
				return order[k].reason;
	return REASON_KEY_ERROR;
}

static void describe(const struct provider_error errs[], size_t n, char ret[REFUSAL_DETAIL_SIZE])
{
	size_t length = 0;

	for (size_t i = 0; i < n && length < REFUSAL_DETAIL_SIZE; i++)
		length += (size_t)snprintf(ret + length, REFUSAL_DETAIL_SIZE - length,
					   "%sserver %zu: %s%s%s", i ? "; " : "", i + 1,
					   provider_outcome_names[errs[i].outcome],
					   *errs[i].detail ? ", " : "", errs[i].detail);
}

int net_share_ask(const struct net_share *share, int deadline_ms, struct secret **ret_network,
		  struct refusal *ret_refusal)
{
	struct provider_error errs[TOKEN_NETWORK_MAX] = {0};
	_cleanup_secret_ struct secret *network = NULL;
	struct provider_wrap wraps[TOKEN_NETWORK_MAX];
	size_t n = share->token.n_network, which;
	int r;

	for (size_t i = 0; i < n; i++)
		wraps[i] = question(&share->token.network[i]);
	r = provider_unwrap_any(wraps, n, deadline_ms, &network, &which, errs);
	*ret_refusal = (struct refusal){0};
	if (r < 0) {
		ret_refusal->reason = judge(errs, n);
		describe(errs, n, ret_refusal->detail);
		return r;
	}
	ret_refusal->reason = REASON_TOKEN_CORRUPT;
	if (network->size != NETWORK_KEY_SIZE)
		return -EBADMSG;
	*ret_network = steal(network);
	return 0;
}

int net_share_open(struct header *header, const struct net_share *share,
		   const struct secret *network, struct secret **ret_fvek, enum reason *ret_reason)
{
	_cleanup_second_factor_ struct second_factor factor = {0};
	int r;

	*ret_reason = REASON_TOKEN_CORRUPT;
	r = second_factor_from_network(network, &factor);
	return r < 0 ? r
		     : protector_tpm2_open_vmk(header, &share->protector, &share->token, &factor,
					       share->key, ret_fvek, ret_reason);
}

static int open_by_both(struct header *header, const struct protector *protector,
			const struct unlock *how, const struct secret *secret,
			struct secret **ret_fvek, struct refusal *ret_refusal)
{
	_cleanup_net_share_ struct net_share share = {0};
	_cleanup_secret_ struct secret *network = NULL;
	int r = net_share_take(header, protector, how->tcti, &share, ret_refusal);

	(void)secret;
	if (r == 0)
		r = net_share_ask(&share, keypolicy_deadline_ms(), &network, ret_refusal);
	return r < 0 ? r : net_share_open(header, &share, network, ret_fvek, &ret_refusal->reason);
}

static void sources(const struct header *header, const struct protector *protector,
		    struct protector_sources *ret)
{
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	const char *type, *json;

	if (header_token_get(header, protector->token, &type, &json) < 0 ||
	    token_tpm2_parse(json, &token) < 0)
		return;
	for (; ret->n < token.n_network; ret->n++)
		strcpy(ret->text[ret->n], token.network[ret->n].uri);
}

const struct kind_row kind_tpm2_net = {
	.name = "tpm2-net",
	.token_type = "fve-tpm2-net",
	.flags = KIND_ALONE | KIND_TPM | KIND_NET,
	.read = protector_tpm2_read,
	.option = protector_tpm2_option,
	.open = open_by_both,
	.check = protector_tpm2_check,
	.sources = sources,
	.rehearse = rehearse,
	.add = add,
};

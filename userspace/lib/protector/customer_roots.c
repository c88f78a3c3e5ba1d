// SPDX-License-Identifier: LGPL-2.1-or-later
/* Having the roots of a policy unwrap what a protector customer-key has for them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "custody/keypolicy_roots.h"
#include "protector/customer_roots.h"

struct rootwrap_binding customer_binding(const struct header *header,
					 const struct token_customer *token)
{
	return (struct rootwrap_binding){header_uuid(header), token->policy,
					 token->policy_generation};
}

/* What the outcomes of both roots, none of them good, come to. */
static enum reason judge(const struct provider_error errs[WRAP_ROOTS])
{
	unsigned int n[PROVIDER_OUTCOMES] = {0};

	for (int i = 0; i < WRAP_ROOTS; i++)
		n[errs[i].outcome]++;
	if (n[PROVIDER_DENIED])
		return REASON_KEY_DENIED;
	if (n[PROVIDER_ABSENT])
		return REASON_KEY_ABSENT;
	return n[PROVIDER_UNREACHABLE] == WRAP_ROOTS ? REASON_KEY_UNREACHABLE : REASON_KEY_ERROR;
}

static void describe(const struct provider_error errs[WRAP_ROOTS], char ret[REFUSAL_DETAIL_SIZE])
{
	size_t n = 0;

	for (int i = 0; i < WRAP_ROOTS && n < REFUSAL_DETAIL_SIZE; i++)
		n += (size_t)snprintf(ret + n, REFUSAL_DETAIL_SIZE - n, "%sroot %c: %s%s%s",
				      i ? "; " : "", 'a' + i,
				      provider_outcome_names[errs[i].outcome],
				      *errs[i].detail ? ", " : "", errs[i].detail);
}

/* What is to be asked for, and of which roots. */
struct questions {
	struct provider_wrap wraps[WRAP_ROOTS];
	enum wrap_key roots[WRAP_ROOTS];
	bool former[WRAP_ROOTS]; /* by a key that was this root's before a roll */
	size_t n;
};

/* What the header has for the key with this digest; NULL: nothing. */
static const struct blob *share_for(const struct token_customer *token,
				    const uint8_t key[SHA256_SIZE])
{
	for (int i = 0; i < WRAP_ROOTS; i++)
		if (!memcmp(token->wraps[i].key, key, SHA256_SIZE))
			return &token->wraps[i].wrap;
	return NULL;
}

/* Where the policy is known, what the header says of where a key is and how it unwraps is unused.
 */
static void choose_by_policy(const struct token_customer *token, const struct keypolicy_root *root,
			     enum wrap_key which, struct questions *q)
{
	uint8_t key[SHA256_SIZE];
	const struct blob *share = NULL;
	const char *uri = root->uri, *alg = root->alg;

	if (keypolicy_key_digest(&root->public, key) == 0)
		share = share_for(token, key);
	for (size_t i = 0; i < root->n_former && !share; i++) {
		share = share_for(token, root->former[i].key);
		uri = root->former[i].uri;
		alg = root->former[i].alg;
		q->former[which] = share != NULL;
	}
	if (!share)
		return;
	q->roots[q->n] = which;
	q->wraps[q->n++] = (struct provider_wrap){uri, alg, *share, false};
}

/* @policy, or one without a name where this machine does not know it. */
static void choose(const struct token_customer *token, const struct keypolicy *policy,
		   struct questions *ret)
{
	*ret = (struct questions){0};
	for (int i = 0; i < WRAP_ROOTS; i++) {
		const struct token_wrap *wrap = &token->wraps[i];

		if (*policy->name) {
			choose_by_policy(token, &policy->roots[i], (enum wrap_key)i, ret);
			continue;
		}
		ret->roots[ret->n] = (enum wrap_key)i;
		ret->wraps[ret->n++] =
			(struct provider_wrap){wrap->uri, wrap->alg, wrap->wrap, true};
	}
}

/*
 * What a root says of something that the header holds, or does not hold, is no word of the root
 * about the policy. The policy's own proof gets that word: a header can neither hide a denial nor
 * make one, and no former root's counts. Gives whether a root unwraps, so that it is the header
 * that does not open.
 */
static bool ask_proofs(const struct keypolicy *policy, const struct questions *q,
		       struct provider_error errs[WRAP_ROOTS])
{
	bool any = false;

	for (int i = 0; i < WRAP_ROOTS; i++) {
		_cleanup_secret_ struct secret *secret = NULL;
		struct provider_error proved[WRAP_ROOTS];

		if (errs[i].outcome != PROVIDER_BADREQ && !q->former[i])
			continue;
		if (keypolicy_prove(policy, (enum wrap_key)i, &secret, proved) < 0) {
			errs[i] = proved[i];
			continue;
		}
		errs[i].outcome = PROVIDER_BADREQ;
		any = true;
	}
	return any;
}

/* Ask the roots that the header has something for; @errs has WRAP_ROOTS elements, by root. */
static int ask_roots(const struct questions *q, struct secret **ret_plain, enum wrap_key *ret_root,
		     struct provider_error errs[WRAP_ROOTS])
{
	struct provider_error answers[WRAP_ROOTS] = {0};
	size_t which = 0;
	int r = -EINVAL;

	for (int i = 0; i < WRAP_ROOTS; i++)
		errs[i] = (struct provider_error){PROVIDER_BADREQ,
						  "the header has nothing for this root"};
	if (q->n)
		r = provider_unwrap_any(q->wraps, q->n, keypolicy_deadline_ms(), ret_plain, &which,
					answers);
	for (size_t i = 0; i < q->n; i++)
		errs[q->roots[i]] = answers[i];
	*ret_root = q->roots[which];
	return r;
}

/* What is the word of a root about itself, and not about something that the header holds. */
static void judge_seen(const struct questions *q, bool opened, enum wrap_key root,
		       const struct provider_error errs[WRAP_ROOTS],
		       struct provider_error ret[WRAP_ROOTS])
{
	for (int i = 0; i < WRAP_ROOTS; i++) {
		ret[i] = errs[i];
		if (errs[i].outcome == PROVIDER_BADREQ || (opened && q->former[i]) ||
		    (errs[i].outcome == PROVIDER_OK && !(opened && root == (enum wrap_key)i)))
			ret[i].outcome = PROVIDER_UNASKED;
	}
}

int customer_ask_roots(const struct header *header, const struct token_customer *token,
		       const struct keypolicy *policy, struct secret **ret_share,
		       enum wrap_key *ret_root, struct provider_error ret_seen[WRAP_ROOTS],
		       struct refusal *ret_refusal)
{
	struct rootwrap_binding binding = customer_binding(header, token);
	_cleanup_secret_ struct secret *plain = NULL;
	struct provider_error errs[WRAP_ROOTS];
	struct questions questions;
	bool proved = false;
	int r;

	choose(token, policy, &questions);
	r = ask_roots(&questions, &plain, ret_root, errs);
	if (r < 0 && r != -ENOMEM && *policy->name)
		proved = ask_proofs(policy, &questions, errs);
	judge_seen(&questions, r == 0, *ret_root, errs, ret_seen);
	if (r == 0 && questions.former[*ret_root])
		*ret_root = WRAP_ROOTS;
	describe(errs, ret_refusal->detail);
	log_debug("%s: %s", header_path(header), ret_refusal->detail);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		ret_refusal->reason = proved ? REASON_KEY_ERROR : judge(errs);
		return -EPERM;
	}
	ret_refusal->reason = REASON_TOKEN_CORRUPT;
	return rootwrap_check(plain, &binding, ret_share);
}

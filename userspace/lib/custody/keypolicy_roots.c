// SPDX-License-Identifier: LGPL-2.1-or-later
/* The roots of a key policy: reading, proving, replacing them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "custody/keypolicy_lease.h"
#include "custody/keypolicy_roots.h"

/* What a root key may not be, in words; NULL where it may. */
static const char *unfit(const struct provider_key *key)
{
	uint32_t bits;

	if (!key->spki.size || strcmp(key->alg, PROVIDER_ALG_RSA) ||
	    crypto_rsa_bits(&key->spki, &bits) < 0)
		return "is no RSA key that unwraps " PROVIDER_ALG_RSA;
	if (bits < KEYPOLICY_RSA_BITS)
		return "is shorter than 3072 bits";
	if (key->extractable)
		return "can be taken out of its token, or could once";
	if (*key->end_date)
		return "has an end date, after which nothing would open";
	return NULL;
}

static int read_root(char which, const char *uri, struct keypolicy_root *ret)
{
	_cleanup_provider_key_ struct provider_key key = {0};
	struct provider_error error = {0};
	const char *why;
	int r;

	if (strlen(uri) > TOKEN_URI_MAX)
		return log_errno(EINVAL, "the URI of root %c has more than %d characters", which,
				 TOKEN_URI_MAX);
	if (strstr(uri, "pin-value"))
		return log_errno(EINVAL,
				 "the URI of root %c holds a PIN, which would be in every header; "
				 "use pin-source=file:PATH",
				 which);
	r = provider_info(uri, keypolicy_deadline_ms(), &key, &error);
	if (r < 0)
		return log_errno(-r, "root %c, %s: %s%s%s", which, uri,
				 provider_outcome_names[error.outcome], *error.detail ? ": " : "",
				 error.detail);
	why = unfit(&key);
	if (why)
		return log_errno(EINVAL, "root %c, %s, %s", which, uri, why);
	if (key.recoverable == PROVIDER_LOST_AT_ONCE)
		log_notice("root %c, %s: if it is deleted there, nothing brings it back: turn soft "
			   "delete and purge protection on",
			   which, uri);
	*ret = (struct keypolicy_root){0};
	snprintf(ret->uri, sizeof(ret->uri), "%s", uri);
	snprintf(ret->alg, sizeof(ret->alg), "%s", key.alg);
	snprintf(ret->token, sizeof(ret->token), "%s", key.token);
	ret->public = steal_struct(key.spki);
	return 0;
}

static int check_roots(const struct keypolicy *policy)
{
	const struct keypolicy_root *a = &policy->roots[WRAP_ROOT_A];
	const struct keypolicy_root *b = &policy->roots[WRAP_ROOT_B];

	if (blob_equal(&a->public, &b->public))
		return log_errno(EINVAL, "both roots are the same key");
	if (!strcmp(a->token, b->token))
		return log_errno(
			EINVAL,
			"both roots lie in %s: they would be lost together; use two tokens "
			"with different administrators",
			a->token);
	if (blob_equal(&a->public, &policy->availability_public) ||
	    blob_equal(&b->public, &policy->availability_public))
		return log_errno(EINVAL, "the availability key is one of the roots");
	return 0;
}

int keypolicy_root_retire(struct keypolicy_root *root)
{
	struct keypolicy_former old = {0};
	size_t at = 0;
	int r = keypolicy_key_digest(&root->public, old.key);

	if (r < 0)
		return r;
	strcpy(old.uri, root->uri);
	strcpy(old.alg, root->alg);
	while (at < root->n_former && memcmp(root->former[at].key, old.key, sizeof(old.key)))
		at++;
	if (at == KEYPOLICY_FORMER_MAX)
		at--;
	else if (at == root->n_former)
		root->n_former++;
	memmove(&root->former[1], &root->former[0], at * sizeof(old));
	root->former[0] = old;
	return 0;
}

static struct rootwrap_binding proof_binding(const struct keypolicy *policy)
{
	return (struct rootwrap_binding){policy->uuid, policy->uuid, policy->generation};
}

static int make_proofs(struct keypolicy *policy, const struct secret *secret)
{
	struct rootwrap_binding binding = proof_binding(policy);

	for (int i = 0; i < WRAP_ROOTS; i++) {
		struct blob wrap = {0};
		int r = rootwrap_seal(&policy->roots[i].public, &binding, secret, &wrap);

		if (r < 0)
			return log_errno(-r, "cannot wrap under root %c of policy %s", 'a' + i,
					 policy->name);
		blob_free(&policy->roots[i].proof);
		policy->roots[i].proof = wrap;
	}
	return 0;
}

int keypolicy_prove(const struct keypolicy *policy, enum wrap_key root, struct secret **ret_secret,
		    struct provider_error errs[WRAP_ROOTS])
{
	struct rootwrap_binding binding = proof_binding(policy);
	_cleanup_secret_ struct secret *plain = NULL;
	struct provider_wrap wraps[WRAP_ROOTS];
	size_t which, first = root == WRAP_ROOTS ? 0 : root;
	size_t n = root == WRAP_ROOTS ? WRAP_ROOTS : 1;
	int r;

	for (size_t i = 0; i < WRAP_ROOTS; i++) {
		const struct keypolicy_root *from = &policy->roots[i];

		wraps[i] = (struct provider_wrap){from->uri, from->alg, from->proof, false};
		errs[i] = (struct provider_error){.outcome = PROVIDER_UNASKED};
	}
	r = provider_unwrap_any(wraps + first, n, keypolicy_deadline_ms(), &plain, &which,
				errs + first);
	if (r < 0)
		return r;
	r = rootwrap_check(plain, &binding, ret_secret);
	if (r == -EBADMSG) {
		errs[first + which] =
			(struct provider_error){PROVIDER_BADREQ,
						"what it unwrapped is not this policy's"};
		r = -EINVAL;
	}
	return r;
}

/* Have @root alone unwrap it. */
static int prove_root(const struct keypolicy *policy, enum wrap_key root)
{
	_cleanup_secret_ struct secret *secret = NULL;
	struct provider_error errs[WRAP_ROOTS];
	int r = keypolicy_prove(policy, root, &secret, errs);

	return r < 0 ? log_errno(-r, "root %c, %s, does not unwrap: %s%s%s", 'a' + root,
				 policy->roots[root].uri,
				 provider_outcome_names[errs[root].outcome],
				 *errs[root].detail ? ": " : "", errs[root].detail)
		     : 0;
}

int keypolicy_roots_set(struct keypolicy *policy, const char *const uris[WRAP_ROOTS],
			const struct secret *proof)
{
	int r;

	for (int i = 0; i < WRAP_ROOTS; i++) {
		struct keypolicy_root root;

		if (!uris[i])
			continue;
		r = read_root('a' + i, uris[i], &root);
		if (r < 0)
			return r;
		blob_free(&policy->roots[i].public);
		blob_free(&policy->roots[i].proof);
		policy->roots[i] = root;
	}
	r = check_roots(policy);
	if (r < 0)
		return r;
	r = make_proofs(policy, proof);
	for (int i = 0; i < WRAP_ROOTS && r == 0; i++)
		if (uris[i])
			r = prove_root(policy, (enum wrap_key)i);
	return r;
}

int keypolicy_roots_validate(const struct keypolicy *policy)
{
	_cleanup_keypolicy_ struct keypolicy now = {0};
	int result = 0;

	for (int i = 0; i < WRAP_ROOTS; i++) {
		const struct keypolicy_root *root = &policy->roots[i];
		int r = read_root('a' + i, root->uri, &now.roots[i]);

		if (r == 0 && !blob_equal(&now.roots[i].public, &root->public))
			r = log_errno(EPERM,
				      "root %c, %s, is another key than the policy was made with",
				      'a' + i, root->uri);
		if (r == 0)
			r = prove_root(policy, (enum wrap_key)i);
		result = result ?: r;
	}
	return result ?: check_roots(&now);
}

static int blob_copy(struct blob *to, const struct blob *from)
{
	blob_free(to);
	return blob_set(to, from->data, from->size);
}

/* A key that goes is remembered: volumes that stay behind are still wrapped for it. */
static int replace_root(struct keypolicy_root *root, const struct keypolicy_root *new)
{
	int r = blob_equal(&root->public, &new->public) ? 0 : keypolicy_root_retire(root);

	if (r < 0)
		return r;
	strcpy(root->uri, new->uri);
	strcpy(root->alg, new->alg);
	strcpy(root->token, new->token);
	root->last = new->last;
	r = blob_copy(&root->public, &new->public);
	return r < 0 ? r : blob_copy(&root->proof, &new->proof);
}

/* What is sealed opens what was kept before. */
static void drop_lease(struct keypolicy *policy)
{
	tpm_sealed_free(&policy->lease.sealed);
	policy->lease = (struct keypolicy_lease){0};
}

/* Roots, proofs and the kept availability key of the policy that @data is, as one new generation.
 */
static int set_keys(struct keypolicy *policy, void *data)
{
	const struct keypolicy *new = data;
	int r = 0;

	for (int i = 0; i < WRAP_ROOTS && r == 0; i++)
		r = replace_root(&policy->roots[i], &new->roots[i]);
	if (r == 0)
		r = blob_copy(&policy->availability_private, &new->availability_private);
	if (!new->lease.there)
		drop_lease(policy);
	policy->generation = new->generation;
	return r;
}

/* Whether the roots that were just read are the keys that @order names. */
static int check_ordered(const struct keypolicy *now, const struct keypolicy *order)
{
	for (int i = 0; i < WRAP_ROOTS; i++)
		if (!blob_equal(&now->roots[i].public, &order->roots[i].public))
			return log_errno(EPERM,
					 "root %c, %s, is another key here than the order for "
					 "policy %s names",
					 'a' + i, now->roots[i].uri, order->name);
	return 0;
}

static int copy_settings(struct keypolicy *to, const struct keypolicy *from)
{
	to->on_revocation = from->on_revocation;
	to->bound = from->bound;
	to->purge_days = from->purge_days;
	for (; to->n_approvers; to->n_approvers--)
		free(to->approvers[to->n_approvers - 1]);
	for (; to->n_approvers < from->n_approvers; to->n_approvers++) {
		to->approvers[to->n_approvers] = strdup(from->approvers[to->n_approvers]);
		if (!to->approvers[to->n_approvers])
			return -ENOMEM;
	}
	return 0;
}

static bool same_place(const struct keypolicy_root *a, const struct keypolicy_root *b)
{
	return blob_equal(&a->public, &b->public) && !strcmp(a->uri, b->uri) &&
	       !strcmp(a->alg, b->alg);
}

uint32_t keypolicy_roots_differ(const struct keypolicy *policy, const struct keypolicy *other)
{
	uint32_t mask = 0;

	for (int i = 0; i < WRAP_ROOTS; i++)
		if (!same_place(&policy->roots[i], &other->roots[i]))
			mask |= 1u << i;
	return mask;
}

int keypolicy_order_make(const struct keypolicy *order, struct keypolicy *ret,
			 const struct secret *proof)
{
	const char *const uris[] = {order->roots[WRAP_ROOT_A].uri, order->roots[WRAP_ROOT_B].uri};
	struct keypolicy *policy = ret;
	int r = token_time_now(policy->created);

	strcpy(policy->name, order->name);
	strcpy(policy->uuid, order->uuid);
	policy->generation = order->generation;
	policy->lease_boots = order->lease_boots;
	if (r == 0)
		r = blob_copy(&policy->availability_public, &order->availability_public);
	if (r == 0)
		r = copy_settings(policy, order);
	if (r == 0)
		r = keypolicy_roots_set(policy, uris, proof);
	if (r == 0)
		r = check_ordered(policy, order);
	return r < 0 ? r : keypolicy_create(policy);
}

static int set_order(struct keypolicy *policy, void *data)
{
	int r = set_keys(policy, data);

	return r < 0 ? r : copy_settings(policy, data);
}

int keypolicy_order_replace(const struct keypolicy *order, struct keypolicy *policy,
			    const struct secret *proof)
{
	_cleanup_keypolicy_ struct keypolicy new = {0};
	uint32_t given = keypolicy_roots_differ(policy, order);
	const char *uris[WRAP_ROOTS];
	int r = keypolicy_load(policy->name, &new);

	for (int i = 0; i < WRAP_ROOTS; i++)
		uris[i] = given & 1u << i ? order->roots[i].uri : NULL;
	if (r < 0)
		return r;
	new.generation = order->generation;
	r = keypolicy_roots_set(&new, uris, proof);
	if (r == 0)
		r = check_ordered(&new, order);
	if (r == 0)
		r = copy_settings(&new, order);
	return r < 0 ? r : keypolicy_update(policy, set_order, &new);
}

int keypolicy_roots_replace(struct keypolicy *policy, const char *const uris[WRAP_ROOTS],
			    const struct secret *proof, const struct secret *availability,
			    const char *tcti, const char *by)
{
	_cleanup_keypolicy_ struct keypolicy new = {0};
	char detail[64];
	int r = keypolicy_load(policy->name, &new);

	if (r < 0)
		return r;
	new.generation = policy->generation + 1;
	r = keypolicy_roots_set(&new, uris, proof);
	if (r < 0)
		return r;
	if (availability && new.availability == AVAILABILITY_TRANSIENT) {
		r = keypolicy_lease_keep(&new, proof, availability);
		if (r < 0)
			return r;
		drop_lease(&new);
	}
	r = keypolicy_update(policy, set_keys, &new);
	if (r < 0)
		return r;
	snprintf(detail, sizeof(detail), "%s%s%s",
		 !uris[WRAP_ROOT_B]   ? "root a"
		 : !uris[WRAP_ROOT_A] ? "root b"
				      : "both roots",
		 by ? ", " : "", by ?: "");
	r = keypolicy_audit_keys(policy, tcti, availability ? "policy-recovered" : "policy-rolled",
				 detail);
	if (r == 0)
		keypolicy_lease_renew(policy, tcti, WRAP_ROOTS, proof);
	return r;
}

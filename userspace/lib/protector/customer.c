// SPDX-License-Identifier: LGPL-2.1-or-later
/* Writing and opening protectors of kind customer-key. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "custody/factors.h"
#include "custody/keypolicy_lease.h"
#include "custody/keypolicy_seen.h"
#include "custody/keypolicy_volumes.h"
#include "header/change.h"
#include "keys/vmk.h"
#include "protector/customer.h"
#include "protector/customer_roots.h"
#include "protector/unlock.h"

#define KIND	    "customer-key"
#define KIND_FACTOR "tenant-factor"

static int read_token(const struct header *header, const struct protector *protector,
		      struct token_customer *ret)
{
	const char *type, *json;

	if (header_token_get(header, protector->token, &type, &json) < 0 ||
	    token_customer_parse(json, ret) < 0)
		return -EBADMSG;
	return 0;
}

int protector_customer_find(const struct header *header, const char *uuid, struct protector *ret,
			    uint32_t *ret_generation)
{
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(header, list), token;
	int r = keypolicy_token_find(header, uuid, &token, ret_generation);

	for (int i = 0; r == 0 && i < n; i++)
		if (list[i].token == token) {
			*ret = list[i];
			return 0;
		}
	return -ENOENT;
}

/* A tenant's KEK takes the factor as well: neither the roots nor the TPM has all of it. */
static int mix(const struct secret *share, const struct secret *factor, struct secret **ret_kek)
{
	_cleanup_secret_ struct secret *both = secret_new(share->size + FACTOR_SIZE);

	if (!factor) {
		*ret_kek = secret_copy(share->data, share->size);
		return *ret_kek ? 0 : -ENOMEM;
	}
	if (!both)
		return -ENOMEM;
	memcpy(both->data, share->data, share->size);
	memcpy(both->data + share->size, factor->data, FACTOR_SIZE);
	return crypto_derive(both, "fve tenant kek", ret_kek);
}

void customer_tenant_free(struct customer_tenant *tenant)
{
	secret_free(tenant->factor);
	blob_free(&tenant->own);
	*tenant = (struct customer_tenant){0};
}

int protector_customer_tenant(const struct header *header, const struct secret *fvek,
			      const struct protector *protector, struct customer_tenant *ret)
{
	_cleanup_token_customer_ struct token_customer token = {0};
	int r = read_token(header, protector, &token);

	if (r < 0)
		return r;
	if (!token.factor.size)
		return -ENOENT;
	ret->availability = token.own.size		     ? CUSTOMER_OWN
			    : token.factor_availability.size ? CUSTOMER_BY_POLICY
							     : CUSTOMER_NONE;
	if (token.own.size)
		r = blob_set(&ret->own, token.own.data, token.own.size);
	return r < 0 ? r
		     : kek_unwrap(header, KIND_FACTOR, token.head.id, fvek, &token.factor,
				  &ret->factor);
}

/* Under which key a custodian opens the volume; NULL: under none. */
static const struct blob *availability_of(const struct keypolicy *policy,
					  const struct customer_tenant *tenant)
{
	if (!tenant || tenant->availability == CUSTOMER_BY_POLICY)
		return &policy->availability_public;
	return tenant->availability == CUSTOMER_OWN ? &tenant->own : NULL;
}

/* For a roll, which needs no TPM; and for the custodian, where the TPM is lost. */
static int keep_factor(const struct header *header, const struct secret *fvek,
		       const struct keypolicy *policy, const struct customer_tenant *tenant,
		       struct token_customer *token)
{
	struct rootwrap_binding binding = customer_binding(header, token);
	const struct blob *public = availability_of(policy, tenant);
	int r;

	if (!tenant)
		return 0;
	r = kek_wrap(header, KIND_FACTOR, token->head.id, fvek, tenant->factor, &token->factor);
	if (r == 0 && tenant->availability == CUSTOMER_OWN)
		r = blob_set(&token->own, tenant->own.data, tenant->own.size);
	return r < 0 || !public ? r
				: rootwrap_seal(public, &binding, tenant->factor,
						&token->factor_availability);
}

/* What the keys of @policy give back, under all of them. */
static int wrap_all(const struct header *header, const struct keypolicy *policy,
		    const struct secret *share, const struct blob *availability,
		    struct token_customer *token)
{
	struct rootwrap_binding binding = customer_binding(header, token);

	for (int i = 0; i < WRAP_MAX; i++) {
		const struct keypolicy_root *root = i < WRAP_ROOTS ? &policy->roots[i] : NULL;
		const struct blob *public = root ? &root->public : availability;
		struct token_wrap *wrap = &token->wraps[i];
		int r;

		if (!public)
			continue;
		if (root)
			strcpy(wrap->uri, root->uri);
		strcpy(wrap->alg, root ? root->alg : PROVIDER_ALG_RSA);
		r = keypolicy_key_digest(public, wrap->key);
		if (r == 0)
			r = rootwrap_seal(public, &binding, share, &wrap->wrap);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Have @root unwrap what was wrapped for it. */
static int verify_root(const struct header *header, const struct token_customer *token,
		       enum wrap_key root, const struct secret *share)
{
	struct rootwrap_binding binding = customer_binding(header, token);
	const struct token_wrap *wrap = &token->wraps[root];
	_cleanup_secret_ struct secret *plain = NULL, *back = NULL;
	struct provider_error error = {0};
	int r = provider_unwrap(wrap->uri, wrap->alg, &wrap->wrap, keypolicy_deadline_ms(), &plain,
				&error);

	if (r < 0)
		return log_errno(-r, "root %c, %s, does not unwrap the new key of %s: %s%s%s",
				 'a' + root, wrap->uri, header_path(header),
				 provider_outcome_names[error.outcome], *error.detail ? ": " : "",
				 error.detail);
	r = rootwrap_check(plain, &binding, &back);
	if (r == 0 && !secret_equal(back, share))
		r = -EIO;
	return r < 0 ? log_errno(-r, "root %c, %s, unwraps something else than was wrapped for %s",
				 'a' + root, wrap->uri, header_path(header))
		     : 0;
}

/* The new wraps are opened once, as unlocking would. */
static int verify_vmk(struct header *header, const struct secret *fvek,
		      const struct token_customer *token, const struct secret *kek)
{
	_cleanup_secret_ struct secret *opened = NULL;
	enum reason reason;
	int r = vmk_open(header, &VMK_HOLDER(KIND, token, kek), &opened, &reason);

	return r == 0 && !secret_equal(opened, fvek) ? -EIO : r;
}

static int fill(struct header *header, const struct secret *fvek, const struct keypolicy *policy,
		const struct secret *share, const struct customer_tenant *tenant,
		struct token_customer *token)
{
	_cleanup_secret_ struct secret *vmk = NULL, *kek = NULL;
	int r = vmk_from_fvek(header, fvek, &token->generation, &vmk);

	if (r < 0)
		return r;
	r = mix(share, tenant ? tenant->factor : NULL, &kek);
	if (r < 0)
		return r;
	strcpy(token->policy, policy->uuid);
	token->policy_generation = policy->generation;
	r = vmk_wrap(header, KIND, token->head.id, token->generation, kek, vmk, &token->vmk);
	if (r == 0)
		r = kek_wrap(header, KIND, token->head.id, fvek, kek, &token->kek);
	if (r == 0)
		r = wrap_all(header, policy, share, availability_of(policy, tenant), token);
	if (r == 0)
		r = keep_factor(header, fvek, policy, tenant, token);
	if (r == 0)
		r = verify_vmk(header, fvek, token, kek);
	return r < 0 ? log_errno(-r, "the new protector of %s does not open it: %s",
				 header_path(header), strerror(-r))
		     : 0;
}

int protector_customer_set(struct header *header, const struct secret *fvek,
			   const struct keypolicy *policy, const struct customer_tenant *tenant,
			   uint32_t verify)
{
	_cleanup_token_customer_ struct token_customer token = {0};
	_cleanup_secret_ struct secret *share = secret_random(KEK_SIZE);
	_cleanup_customer_tenant_ struct customer_tenant kept = {0};
	_cleanup_free_ char *json = NULL;
	_cleanup_change_ struct change change = {.header = header};
	struct protector old = {.token = HEADER_ANY};
	uint32_t generation;
	int r = share ? protector_customer_find(header, policy->uuid, &old, &generation) : -ENOMEM;

	change.replaces = r == 0;
	if (r == 0)
		token.head = old.head;
	else if (r == -ENOENT)
		r = change_check_room(header, CHANGE_NEEDS_TOKEN);
	if (r == 0 && old.token == HEADER_ANY)
		r = token_head_init(&token.head, policy->name);
	else if (r == 0 && !tenant)
		r = protector_customer_tenant(header, fvek, &old, &kept);
	if (r == 0 || r == -ENOENT)
		r = fill(header, fvek, policy, share,
			 tenant	       ? tenant
			 : kept.factor ? &kept
				       : NULL,
			 &token);
	for (int i = 0; i < WRAP_ROOTS && r == 0; i++)
		if (verify & 1u << i)
			r = verify_root(header, &token, (enum wrap_key)i, share);
	if (r < 0)
		return r;
	json = token_customer_format(&token);
	change_set_token(&change, old.token, json);
	return change_commit(&change, fvek);
}

/* @wrap by the availability key that somebody brought, or that the lease gave. */
static int unwrap_by_availability(const struct header *header, const struct token_customer *token,
				  const struct blob *wrap, const struct secret *private,
				  struct secret **ret_share, enum reason *ret_reason)
{
	struct rootwrap_binding binding = customer_binding(header, token);
	_cleanup_secret_ struct secret *plain = NULL;
	_cleanup_blob_ struct blob public = {0};
	uint8_t digest[SHA256_SIZE];
	int r = crypto_rsa_spki(private, &public);

	*ret_reason = REASON_SECRET_WRONG;
	if (r == 0)
		r = keypolicy_key_digest(&public, digest);
	if (r == 0 && memcmp(digest, token->wraps[WRAP_AVAILABILITY].key, sizeof(digest)))
		r = -EPERM;
	if (r < 0)
		return r;
	*ret_reason = REASON_TOKEN_CORRUPT;
	r = crypto_rsa_unwrap(private, wrap, &plain);
	return r < 0 ? r : rootwrap_check(plain, &binding, ret_share);
}

/* Both roots are out of reach. */
static int unwrap_by_lease(const struct header *header, const struct token_customer *token,
			   const struct keypolicy *policy, const char *tcti,
			   struct secret **ret_share, enum reason *ret_reason)
{
	_cleanup_secret_ struct secret *private = NULL;
	int r = keypolicy_lease_use(policy, tcti, &private, ret_reason);

	if (r == 0)
		r = unwrap_by_availability(header, token, &token->wraps[WRAP_AVAILABILITY].wrap,
					   private, ret_share, ret_reason);
	if (r == 0)
		log_notice("No root of key policy %s can be reached: %s opens by its availability "
			   "key, for %d more boots.",
			   policy->name, header_path(header), keypolicy_lease_left(policy, tcti));
	return r;
}

/* Nothing is opened by the availability key that no record tells of. */
static int record_availability(const struct header *header, const struct token_customer *token,
			       const struct keypolicy *policy, const char *tcti, const char *how)
{
	struct keypolicy unknown = {0};

	if (*policy->name)
		return keypolicy_audit(policy, tcti, "availability-key-used", header_uuid(header),
				       how);
	strcpy(unknown.uuid, token->policy);
	return keypolicy_audit(&unknown, tcti, "availability-key-used", header_uuid(header), how);
}

/*
 * A tenant's factor: from this machine's TPM, or from the header where the custodian's key is
 * brought to a machine that has none. NULL for what is no tenant's.
 */
static int find_factor(const struct header *header, const struct token_customer *token,
		       const char *tcti, const struct secret *availability, struct secret **ret,
		       enum reason *ret_reason)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	int r;

	if (!token->factor.size)
		return 0;
	r = tpm_open(tcti, &tpm, ret_reason);
	if (r == 0)
		r = factors_get(tpm, header_uuid(header), ret, ret_reason);
	if (r == 0)
		return 0;
	if (*ret_reason == REASON_NONE)
		*ret_reason = REASON_FACTOR_ERASED;
	if (!availability)
		return -EPERM;
	return unwrap_by_availability(header, token, &token->factor_availability, availability, ret,
				      ret_reason);
}

/* What the keys of the policy give back, by whichever may be used now. */
static int find_share(const struct header *header, const struct token_customer *token,
		      struct keypolicy *policy, const char *tcti, const struct secret *availability,
		      struct secret **ret_share, struct refusal *ret_refusal)
{
	enum reason *reason = &ret_refusal->reason;
	enum wrap_key root = WRAP_ROOTS;
	struct provider_error seen[WRAP_ROOTS] = {0};
	int r;

	*reason = REASON_POLICY_SUSPENDED;
	if (*policy->suspended)
		return -EPERM;
	if (availability) {
		r = unwrap_by_availability(header, token, &token->wraps[WRAP_AVAILABILITY].wrap,
					   availability, ret_share, reason);
		return r < 0 ? r : record_availability(header, token, policy, tcti, "by order");
	}
	r = customer_ask_roots(header, token, policy, ret_share, &root, seen, ret_refusal);
	if (*policy->name)
		keypolicy_seen(policy, tcti, seen, 1u << WRAP_ROOT_A | 1u << WRAP_ROOT_B,
			       header_uuid(header));
	if (r < 0 && *reason == REASON_KEY_DENIED && *policy->name)
		keypolicy_suspend(policy, tcti, reason_code(REASON_KEY_DENIED),
				  ret_refusal->detail);
	if (r < 0 && *reason == REASON_KEY_UNREACHABLE &&
	    policy->availability == AVAILABILITY_TRANSIENT)
		r = unwrap_by_lease(header, token, policy, tcti, ret_share, reason) < 0
			    ? -EPERM
			    : record_availability(header, token, policy, tcti, ret_refusal->detail);
	else if (r == 0 && *policy->name && root != WRAP_ROOTS)
		keypolicy_lease_renew(policy, tcti, root, NULL); /* it opens without */
	return r;
}

int protector_customer_open(struct header *header, const struct protector *protector,
			    const char *tcti, const struct secret *availability,
			    struct secret **ret_fvek, struct refusal *ret_refusal)
{
	_cleanup_token_customer_ struct token_customer token = {0};
	_cleanup_keypolicy_ struct keypolicy policy = {0};
	_cleanup_secret_ struct secret *factor = NULL, *share = NULL, *kek = NULL;
	int r = read_token(header, protector, &token);

	*ret_refusal = (struct refusal){.reason = REASON_TOKEN_CORRUPT};
	/* On another machine there is no such policy: its roots open the volume all the same. */
	if (r == 0)
		r = keypolicy_find(token.policy, &policy);
	if (r == 0 || r == -ENOENT) {
		ret_refusal->reason = REASON_NONE;
		r = find_factor(header, &token, tcti, availability, &factor, &ret_refusal->reason);
	}
	if (r == 0)
		r = find_share(header, &token, &policy, tcti, availability, &share, ret_refusal);
	if (r < 0)
		return r;
	ret_refusal->reason = REASON_TOKEN_CORRUPT;
	r = mix(share, factor, &kek);
	return r < 0 ? r
		     : vmk_open(header, &VMK_HOLDER(KIND, &token, kek), ret_fvek,
				&ret_refusal->reason);
}

static int read_list(const struct header *header, const char *json, struct protector *ret)
{
	_cleanup_token_customer_ struct token_customer token = {0};
	int r = token_customer_parse(json, &token);

	if (r < 0)
		return r;
	ret->head = token.head;
	protector_check_vmk(header, token.generation, ret);
	return 0;
}

static int open_by_keys(struct header *header, const struct protector *protector,
			const struct unlock *how, const struct secret *secret,
			struct secret **ret_fvek, struct refusal *ret_refusal)
{
	(void)secret;
	return protector_customer_open(header, protector, how->tcti, how->availability, ret_fvek,
				       ret_refusal);
}

const struct kind_row kind_customer_key = {
	.name = KIND,
	.token_type = TOKEN_TYPE_CUSTOMER,
	.flags = KIND_ALONE | KIND_AVAILABILITY,
	.read = read_list,
	.open = open_by_keys,
};

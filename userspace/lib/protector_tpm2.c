// SPDX-License-Identifier: LGPL-2.1-or-later
/* Adding and opening a TPM protector. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "protector_tpm2.h"
#include "vmk.h"

#define KIND "tpm2"

/* What binds approvals to this volume: policyRef of TPM2_PolicyAuthorize. */
static char *policy_ref(const struct header *header)
{
	char *text;

	return asprintf(&text, "fve:%s", header_uuid(header)) < 0 ? NULL : text;
}

int policy_token(const struct header *header, struct token_policy *ret, int *ret_token)
{
	const char *type, *json;

	for (int i = 0; i < HEADER_MAX_TOKENS; i++) {
		if (header_token_get(header, i, &type, &json) < 0 || strcmp(type, "fve-policy"))
			continue;
		*ret_token = i;
		return token_policy_parse(json, ret);
	}
	return -ENOENT;
}

/* A new policy key, wrapped under the VMK, with nothing approved yet. */
static int policy_create(const struct header *header, const struct secret *vmk, uint32_t generation,
			 struct token_policy *ret)
{
	_cleanup_token_policy_ struct token_policy policy = {.generation = generation};
	_cleanup_secret_ struct secret *private = NULL;
	int r = crypto_ec_generate(&private, &policy.public);

	if (r < 0)
		return r;
	r = policy_private_wrap(header, generation, vmk, private, &policy.private);
	if (r < 0)
		return r;
	*ret = policy;
	policy = (struct token_policy){0};
	return 0;
}

/* The approval that fits @found best, the newest among equals; NULL when nothing is approved. */
static const struct token_approval *policy_nearest(const struct token_policy *policy,
						   const struct pcr_values *found)
{
	const struct token_approval *nearest = NULL;
	int least = PCR_COUNT + 1;

	for (size_t i = 0; i < policy->n_approvals; i++) {
		const struct token_approval *approval = &policy->approvals[i];
		int n = __builtin_popcount(pcr_values_differ(&approval->policy.pcrs, found));

		if (n <= least) {
			least = n;
			nearest = approval;
		}
	}
	return nearest;
}

/* Sign @pcrs as a boot chain that may open the volume, unless that is done already. */
static int policy_add_approval(const struct header *header, const struct secret *vmk,
			       struct token_policy *policy, const struct pcr_values *pcrs)
{
	_cleanup_secret_ struct secret *private = NULL;
	_cleanup_free_ char *ref = policy_ref(header);
	struct token_approval *approvals, *new;
	int r;

	for (size_t i = 0; i < policy->n_approvals; i++) {
		const struct pcr_values *known = &policy->approvals[i].policy.pcrs;

		if (known->mask == pcrs->mask && !pcr_values_differ(known, pcrs))
			return 0;
	}
	approvals = reallocarray(policy->approvals, policy->n_approvals + 1, sizeof(*approvals));
	if (!approvals || !ref)
		return -ENOMEM;
	policy->approvals = approvals;
	new = &approvals[policy->n_approvals];
	*new = (struct token_approval){.label = "as enrolled"};
	r = token_time_now(new->created);
	if (r == 0)
		r = policy_private_unwrap(header, policy->generation, vmk, &policy->private,
					  &private);
	if (r == 0)
		r = policy_approve(private, &policy->public, ref, pcrs, &new->policy);
	if (r == 0)
		policy->n_approvals++;
	return r;
}

/* Load or make the policy token and approve @pcrs, all in memory. */
static int policy_prepare(const struct header *header, const struct secret *vmk,
			  uint32_t generation, const struct pcr_values *pcrs,
			  struct token_policy *ret, int *ret_token)
{
	int r = policy_token(header, ret, ret_token);

	if (r == -ENOENT) {
		*ret_token = HEADER_ANY;
		r = policy_create(header, vmk, generation, ret);
	}
	if (r == 0)
		r = policy_add_approval(header, vmk, ret, pcrs);
	if (r < 0)
		return log_errno(-r, "cannot approve this boot state with the policy key of %s: %s",
				 header_path(header), strerror(-r));
	return 0;
}

static bool all_zero(const struct pcr_values *pcrs, uint32_t mask)
{
	static const struct pcr_values zero;

	for (int i = 0; i < PCR_COUNT; i++)
		if (mask & 1u << i && memcmp(pcrs->value[i], zero.value[i], SHA256_SIZE))
			return false;
	return true;
}

/*
 * Choose the PCRs and refuse those that would release the key to any initrd. @found holds all
 * PCRs of this machine; gives the state to approve, with the cap's PCR at its start value.
 */
static int choose_pcrs(const struct protector_spec *spec, const struct pcr_values *found,
		       struct pcr_values *ret, enum reason *ret_reason)
{
	_cleanup_free_ char *text = NULL;
	uint32_t mask = spec->pcrs;

	if (!mask)
		mask = all_zero(found, PCR_MASK_DEFAULT_UKI & PCR_MASK_INITRD)
			       ? PCR_MASK_DEFAULT
			       : PCR_MASK_DEFAULT_UKI;
	mask &= ~(1u << PCR_CAP);
	text = pcr_mask_format(mask);
	if (!text)
		return -ENOMEM;
	if (!spec->unsafe_pcrs && all_zero(found, mask)) {
		*ret_reason = REASON_BANK_DEAD;
		return log_errno(EPERM,
				 "the firmware has measured nothing into PCRs %s; a key "
				 "sealed to them would protect nothing",
				 text);
	}
	if (!spec->unsafe_pcrs && all_zero(found, mask & PCR_MASK_INITRD)) {
		*ret_reason = REASON_BANK_DEAD;
		return log_errno(EPERM,
				 "PCRs %s do not cover the initrd on this machine (that takes 9 or "
				 "11, measured); anyone could boot their own and get the key. "
				 "Choose pcrs=..., or add unsafe-pcrs if you mean it",
				 text);
	}
	*ret = (struct pcr_values){.mask = mask | 1u << PCR_CAP};
	for (int i = 0; i < PCR_COUNT; i++)
		if (mask & 1u << i)
			memcpy(ret->value[i], found->value[i], SHA256_SIZE);
	return 0;
}

/* Unseal at once what was just sealed: a protector that was never seen to work is none. */
static int verify_sealed(struct tpm *tpm, const struct token_tpm2 *token,
			 const struct token_policy *policy, const char *ref,
			 const struct pcr_values *found, const struct secret *kek,
			 enum reason *ret_reason)
{
	_cleanup_secret_ struct secret *unsealed = NULL;
	int r;

	if (!all_zero(found, 1u << PCR_CAP)) {
		log_notice("The TPM is capped in this boot (PCR %d): the new protector is first "
			   "tried at the next boot.",
			   PCR_CAP);
		return 0;
	}
	r = tpm_unseal(tpm, &token->srk, &token->sealed, &policy->public, ref,
		       &policy_nearest(policy, found)->policy, &unsealed, ret_reason);
	if (r == 0 && !secret_equal(unsealed, kek))
		r = -EIO;
	return r;
}

int protector_tpm2_add(struct header *header, const struct secret *fvek,
		       const struct protector_spec *spec, const char *tcti,
		       struct refusal *ret_refusal)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	_cleanup_token_vmk_ struct token_vmk vmk_info = {0};
	_cleanup_token_policy_ struct token_policy policy = {0};
	_cleanup_secret_ struct secret *vmk = NULL, *kek = secret_random(KEK_SIZE);
	_cleanup_free_ char *ref = policy_ref(header), *policy_json = NULL, *json = NULL;
	enum reason *reason = &ret_refusal->reason;
	struct pcr_values found, wanted;
	uint8_t auth_policy[SHA256_SIZE];
	int policy_number, r;

	*ret_refusal = (struct refusal){0};
	if (!kek || !ref)
		return -ENOMEM;
	r = token_head_init(&token.head, spec->label);
	if (r == 0)
		r = vmk_token(header, &vmk_info);
	if (r == 0)
		r = vmk_from_fvek(header, fvek, &vmk);
	if (r < 0)
		return r;
	token.generation = vmk_info.generation;

	r = tpm_open(tcti, &tpm, reason);
	if (r == 0)
		r = tpm_read_pcrs(tpm, (1u << PCR_COUNT) - 1, &found, reason);
	if (r < 0)
		return log_errno(-r, "cannot use the TPM: %s (%s)", reason_text(*reason),
				 reason_code(*reason));
	r = choose_pcrs(spec, &found, &wanted, reason);
	if (r < 0)
		return r;
	r = tpm_srk_name(tpm, true, &token.srk, reason);
	if (r < 0)
		return log_errno(-r, "cannot read or make the TPM's storage root key: %s (%s)",
				 reason_text(*reason), reason_code(*reason));

	r = policy_prepare(header, vmk, token.generation, &wanted, &policy, &policy_number);
	if (r < 0)
		return r;
	r = policy_authorize_digest(&policy.public, ref, auth_policy);
	if (r == 0)
		r = tpm_seal(tpm, &token.srk, auth_policy, true, kek, &token.sealed, reason);
	if (r == 0)
		r = verify_sealed(tpm, &token, &policy, ref, &found, kek, reason);
	if (r < 0)
		return log_errno(-r, "the TPM does not seal and unseal a key: %s (%s)",
				 reason_text(*reason), reason_code(*reason));

	r = vmk_wrap(header, KIND, token.head.id, token.generation, kek, vmk, &token.vmk);
	if (r == 0)
		r = kek_wrap(header, KIND, token.head.id, fvek, kek, &token.kek);
	if (r < 0)
		return r;
	json = token_tpm2_format(&token);
	policy_json = token_policy_format(&policy);
	if (!json || !policy_json)
		return -ENOMEM;
	/* Power may go between the two: an approval without a sealed object opens nothing. */
	r = header_token_set(header, policy_number, policy_json);
	if (r >= 0)
		r = header_token_set(header, HEADER_ANY, json);
	return r < 0 ? r : 0;
}

/* Turn "PCRs differ" into which, and tell a cap from a changed boot chain. */
static void explain_mismatch(const struct pcr_values *expected, const struct pcr_values *found,
			     struct refusal *refusal)
{
	uint32_t differ = pcr_values_differ(expected, found);

	if (differ == 1u << PCR_CAP)
		refusal->reason = REASON_CAPPED;
	refusal->expected = *expected;
	refusal->found = *found;
	refusal->expected.mask = differ;
	refusal->found.mask = differ;
}

int protector_tpm2_open(struct header *header, const struct protector *protector, const char *tcti,
			struct secret **ret_fvek, struct refusal *ret_refusal)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	_cleanup_token_policy_ struct token_policy policy = {0};
	_cleanup_secret_ struct secret *kek = NULL, *vmk = NULL;
	_cleanup_free_ char *ref = policy_ref(header);
	enum reason *reason = &ret_refusal->reason;
	const struct token_approval *approval;
	struct pcr_values found;
	const char *type, *json;
	int policy_number, r;

	*ret_refusal = (struct refusal){.reason = REASON_TOKEN_CORRUPT};
	if (!ref)
		return -ENOMEM;
	if (header_token_get(header, protector->token, &type, &json) < 0 ||
	    token_tpm2_parse(json, &token) < 0 ||
	    policy_token(header, &policy, &policy_number) < 0 || !policy.n_approvals)
		return -EBADMSG;

	r = tpm_open(tcti, &tpm, reason);
	if (r == 0)
		r = tpm_read_pcrs(tpm, (1u << PCR_COUNT) - 1, &found, reason);
	if (r < 0)
		return r;
	approval = policy_nearest(&policy, &found);
	r = tpm_unseal(tpm, &token.srk, &token.sealed, &policy.public, ref, &approval->policy, &kek,
		       reason);
	if (r < 0 && *reason == REASON_PCR_MISMATCH)
		explain_mismatch(&approval->policy.pcrs, &found, ret_refusal);
	if (r < 0)
		return r;

	*reason = REASON_TOKEN_CORRUPT;
	r = vmk_unwrap(header, KIND, token.head.id, token.generation, kek, &token.vmk, &vmk);
	if (r == 0)
		r = vmk_to_fvek(header, vmk, ret_fvek);
	if (r == 0)
		*reason = REASON_NONE;
	return r;
}

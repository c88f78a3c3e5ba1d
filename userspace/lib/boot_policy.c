// SPDX-License-Identifier: LGPL-2.1-or-later
/* The volume's policy key and the boot chains that it approved. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "boot_policy.h"
#include "log.h"
#include "vmk.h"

char *boot_policy_ref(const struct header *header)
{
	char *text;

	return asprintf(&text, "fve:%s", header_uuid(header)) < 0 ? NULL : text;
}

int boot_policy_load(const struct header *header, struct token_policy *ret, int *ret_token)
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

int boot_policy_load_or_create(const struct header *header, const struct secret *vmk,
			       uint32_t generation, struct token_policy *ret, int *ret_token)
{
	int r = boot_policy_load(header, ret, ret_token);

	if (r == -ENOENT) {
		*ret_token = HEADER_ANY;
		r = policy_create(header, vmk, generation, ret);
	}
	if (r < 0)
		return log_errno(-r, "cannot use the policy key of %s: %s", header_path(header),
				 strerror(-r));
	return 0;
}

const struct token_approval *boot_policy_nearest(const struct token_policy *policy,
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

int boot_policy_approve(const struct header *header, const struct secret *vmk,
			const struct pcr_values *pcrs, const char *label,
			struct token_policy *policy)
{
	_cleanup_secret_ struct secret *private = NULL;
	_cleanup_free_ char *ref = boot_policy_ref(header);
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
	*new = (struct token_approval){0};
	snprintf(new->label, sizeof(new->label), "%s", label);
	r = token_time_now(new->created);
	if (r == 0)
		r = policy_private_unwrap(header, policy->generation, vmk, &policy->private,
					  &private);
	if (r == 0)
		r = policy_approve(private, &policy->public, ref, pcrs, &new->policy);
	if (r < 0)
		return log_errno(-r, "cannot approve this boot state with the policy key of %s: %s",
				 header_path(header), strerror(-r));
	policy->n_approvals++;
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

int boot_policy_choose(uint32_t mask, bool unsafe, const struct pcr_values *found,
		       struct pcr_values *ret, enum reason *ret_reason)
{
	_cleanup_free_ char *text = NULL;

	if (!mask)
		mask = all_zero(found, PCR_MASK_DEFAULT_UKI & PCR_MASK_INITRD)
			       ? PCR_MASK_DEFAULT
			       : PCR_MASK_DEFAULT_UKI;
	mask &= ~(1u << PCR_CAP);
	text = pcr_mask_format(mask);
	if (!text)
		return -ENOMEM;
	if (!unsafe && all_zero(found, mask)) {
		*ret_reason = REASON_BANK_DEAD;
		return log_errno(EPERM,
				 "the firmware has measured nothing into PCRs %s; a key "
				 "sealed to them would protect nothing",
				 text);
	}
	if (!unsafe && all_zero(found, mask & PCR_MASK_INITRD)) {
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

bool boot_policy_capped(const struct pcr_values *found)
{
	return !all_zero(found, 1u << PCR_CAP);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which boot chains may open the volume: its policy key, and what that key has approved. One
 * for a volume, whatever the number of TPM protectors; kept in the token "fve-policy".
 */
#ifndef FVE_BOOT_POLICY_H
#define FVE_BOOT_POLICY_H

#include "header.h"
#include "reason.h"
#include "token.h"

/* The token and its number. -ENOENT: none; -EBADMSG. No message. */
int boot_policy_load(const struct header *header, struct token_policy *ret, int *ret_token);

/*
 * The same, or a new policy key wrapped under the VMK of @generation, and HEADER_ANY. Nothing
 * is written. The message is made here.
 */
int boot_policy_load_or_create(const struct header *header, const struct secret *vmk,
			       uint32_t generation, struct token_policy *ret, int *ret_token);

/* policyRef of TPM2_PolicyAuthorize: binds approvals to this volume. The caller frees. */
char *boot_policy_ref(const struct header *header);

/*
 * Sign @pcrs, in memory, as a boot chain that may open the volume, unless that is done already.
 * The message is made here.
 */
int boot_policy_approve(const struct header *header, const struct secret *vmk,
			const struct pcr_values *pcrs, const char *label,
			struct token_policy *policy);

/* The approval that fits @found best, the newest among equals; NULL when nothing is approved. */
const struct token_approval *boot_policy_nearest(const struct token_policy *policy,
						 const struct pcr_values *found);

/*
 * Choose the PCRs and refuse those that would release the key to any initrd, unless @unsafe.
 * @mask 0 means the default for this machine. @found holds all PCRs; gives the state to approve,
 * with the cap's PCR at its start value. The message is made here.
 */
int boot_policy_choose(uint32_t mask, bool unsafe, const struct pcr_values *found,
		       struct pcr_values *ret, enum reason *ret_reason);

/* Whether the TPM was capped in this boot. */
bool boot_policy_capped(const struct pcr_values *found);

#endif

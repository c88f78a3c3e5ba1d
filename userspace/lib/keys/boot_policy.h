/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which boot chains may open the volume: its policy key, what that key has approved, and the
 * counter that takes approvals back. One for each TPM that the volume has protectors in, whatever
 * their number; kept in a token "fve-policy".
 *
 * Order of writes when an approval is revoked: all others are signed again for the counter's next
 * value and written; then the counter goes there. In between the kept ones are good before and
 * after, and the revoked one is still good: boot_policy_pending() tells, and whatever changes the
 * policy next finishes it.
 */
#pragma once

#include "base/reason.h"
#include "header/header.h"
#include "keys/token.h"
#include "measured/boot_state.h"

struct boot_policy {
	struct token_policy token;
	int number; /* of the token; HEADER_ANY: not written yet */
	struct policy_authority authority;
	uint64_t counter; /* its value, once it was read; 0 where there is none */
	uint64_t wanted;  /* where a revocation in memory takes it; 0: there is none */
};

void boot_policy_free(struct boot_policy *policy);
#define _cleanup_boot_policy_ __attribute__((cleanup(boot_policy_free)))

/* The policy in @token, of TOKEN_TYPE_POLICY. -EBADMSG without a message. */
int boot_policy_get(const struct header *header, const struct header_token *token,
		    struct boot_policy *ret);

/* The one for the TPM whose storage root key is @srk. -ENOENT, -EBADMSG. No message. */
int boot_policy_load(const struct header *header, const struct tpm_name *srk,
		     struct boot_policy *ret);

/*
 * Check that the TPM has room for the counter of a volume yet to be made on @path, and lets it be
 * made: one is made and removed. -errno with a message.
 */
int boot_policy_try_counter(const char *path, struct tpm *tpm);

/*
 * The same, or a new policy key wrapped under the VMK of @generation, with a counter in @tpm
 * unless @no_revocation. Nothing is written but that counter. The counter is read. The message
 * is made here.
 */
int boot_policy_make(const struct header *header, struct tpm *tpm, const struct tpm_name *srk,
		     const struct secret *vmk, uint32_t generation, bool no_revocation,
		     struct boot_policy *ret);

/* Read the counter; REASON_POLICY_REVOKED: it is gone. No message. */
int boot_policy_read_counter(struct boot_policy *policy, struct tpm *tpm, enum reason *ret_reason);

/*
 * Remove the counters of this volume that lie in the machine's TPM, when nothing is left that they
 * are for. A notice tells where one stays for a good reason: a twin has it, this TPM is another or
 * none, or its owner's password is set. -EIO with a message: the TPM answered with an error.
 */
int boot_policy_remove_counters(const struct header *header, const char *tcti);

/*
 * Remove each policy that no protector is left of, with its counter: a policy key, its approvals
 * and the counter go with the last protector in that TPM. What the TPM's
 * error leaves is -EIO, after all else is done. The message is made here.
 */
int boot_policy_prune(struct header *header, const struct secret *fvek, const char *tcti);

/* Whether a revocation was cut off before the counter moved. */
bool boot_policy_pending(const struct boot_policy *policy);
/* Move the counter to where the approvals were signed for. The message is made here. */
int boot_policy_finish(struct boot_policy *policy, struct tpm *tpm);

bool boot_policy_revoked(const struct boot_policy *policy, const struct token_approval *approval);

/*
 * Sign @state, in memory, as a boot chain that may open the volume, unless that is done already.
 * Where there are TOKEN_APPROVALS_MAX, one is dropped: the oldest that was revoked, else the
 * oldest that is not how the machine is running now, by @found. Gives the approval, borrowed. The
 * message is made here.
 */
int boot_policy_approve(const struct header *header, const struct secret *vmk,
			const struct boot_state *state, const char *label,
			const struct pcr_values *found, struct boot_policy *policy,
			const struct token_approval **ret);

/*
 * Take back approval @id, in memory: sign the others for the counter's next value. After they are
 * written, boot_policy_finish() makes it so. -ENOENT, -EOPNOTSUPP: there is no counter. The
 * message is made here.
 */
int boot_policy_revoke(const struct header *header, const struct secret *vmk, const char *id,
		       struct boot_policy *policy);

/* Whether @approval is good and boot_state_weak(). The counter is as it was read, or 0. */
bool boot_policy_weak(const struct boot_policy *policy, const struct token_approval *approval);

/*
 * Leave approvals over the PCRs of @mask alone, in memory: the others are dropped, and
 * where there is a counter the kept ones are signed for its next value, as by boot_policy_revoke(),
 * so that an old header does not bring them back. The message is made here.
 */
int boot_policy_keep(const struct header *header, const struct secret *vmk, uint32_t mask,
		     struct boot_policy *policy);

/*
 * The approval that fits @found best; among equals one that is not revoked, then the newest. NULL
 * when nothing is approved.
 */
const struct token_approval *boot_policy_nearest(const struct boot_policy *policy,
						 const struct pcr_values *found);

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The volume's policy key in one TPM, and the boot chains that it approved. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "header/change.h"
#include "keys/boot_policy.h"
#include "keys/lockout.h"
#include "keys/vmk.h"
#include "os/twin.h"

/* How the types of tokens begin whose key is released by a policy: fve-tpm2, -pin, -key. */
#define TPM2_TYPE "fve-tpm2"

void boot_policy_free(struct boot_policy *policy)
{
	token_policy_free(&policy->token);
}

static int fill_authority(const struct header *header, struct boot_policy *policy)
{
	struct policy_authority *authority = &policy->authority;
	int n = snprintf(authority->ref, sizeof(authority->ref), "fve:%s", header_uuid(header));

	if (n < 0 || (size_t)n >= sizeof(authority->ref))
		return -EINVAL;
	authority->key = policy->token.public;
	authority->counter.index = policy->token.counter;
	return policy_counter_name(authority->counter.index, header_uuid(header),
				   authority->counter.name);
}

int boot_policy_get(const struct header *header, const struct header_token *token,
		    struct boot_policy *ret)
{
	_cleanup_boot_policy_ struct boot_policy policy = {.number = token->number};
	int r = token_policy_parse(token->json, &policy.token);

	if (r < 0)
		return r;
	r = fill_authority(header, &policy);
	if (r < 0)
		return r;
	*ret = policy;
	policy.token = (struct token_policy){0};
	return 0;
}

int boot_policy_load(const struct header *header, const struct tpm_name *srk,
		     struct boot_policy *ret)
{
	struct header_token token = HEADER_TOKEN_START;
	int result = -ENOENT;

	while (header_token_next(header, TOKEN_TYPE_POLICY, &token)) {
		_cleanup_boot_policy_ struct boot_policy policy = {0};
		int r = boot_policy_get(header, &token, &policy);

		if (r == 0 && !memcmp(&policy.token.srk, srk, sizeof(*srk))) {
			*ret = policy;
			policy.token = (struct token_policy){0};
			return 0;
		}
		/* One that cannot be read may have been it. */
		if (r < 0)
			result = -EBADMSG;
	}
	return result;
}

/* A new policy key, wrapped under the VMK, with nothing approved yet. */
static int policy_create(const struct header *header, const struct tpm_name *srk,
			 const struct secret *vmk, uint32_t generation, struct boot_policy *ret)
{
	_cleanup_boot_policy_ struct boot_policy policy = {
		.token = {.generation = generation, .srk = *srk},
		.number = HEADER_ANY,
	};
	_cleanup_secret_ struct secret *private = NULL;
	int r = crypto_ec_generate(&private, &policy.token.public);

	if (r < 0)
		return r;
	r = policy_secret_wrap(header, POLICY_PRIVATE, generation, vmk, private,
			       &policy.token.private);
	if (r < 0)
		return r;
	*ret = policy;
	policy.token = (struct token_policy){0};
	return 0;
}

static int no_counter(const char *path, int r, enum reason reason)
{
	return log_errno(-r,
			 "cannot make the counter in the TPM by which an approval of %s is "
			 "revoked: %s (%s)%s. Without one no approval can be taken back; add "
			 "no-revocation if you mean it",
			 path, reason_text(reason), reason_code(reason),
			 reason == REASON_TPM_FULL
				 ? "; whose they are, and how to free one: fvesetup tpm counters"
				 : "");
}

int boot_policy_try_counter(const char *path, struct tpm *tpm)
{
	/* What a power cut leaves of it is found again, since no volume has this UUID. */
	static const char uuid[] = "00000000-0000-0000-0000-000000000000";
	struct policy_counter counter;
	enum reason reason;
	int r = tpm_counter_make(tpm, uuid, &counter, &reason);

	if (r == 0)
		r = tpm_counter_remove(tpm, &counter, &reason);
	return r < 0 ? no_counter(path, r, reason) : 0;
}

static int make_counter(const struct header *header, struct tpm *tpm, struct boot_policy *policy)
{
	struct policy_counter counter;
	enum reason reason;
	int r = tpm_counter_make(tpm, header_uuid(header), &counter, &reason);

	if (r < 0)
		return no_counter(header_path(header), r, reason);
	policy->token.counter = counter.index;
	return 0;
}

int boot_policy_make(const struct header *header, struct tpm *tpm, const struct tpm_name *srk,
		     const struct secret *vmk, uint32_t generation, bool no_revocation,
		     struct boot_policy *ret)
{
	enum reason reason = REASON_NONE;
	int r = boot_policy_load(header, srk, ret);

	if (r == -ENOENT) {
		r = policy_create(header, srk, vmk, generation, ret);
		if (r == 0 && !no_revocation) {
			r = make_counter(header, tpm, ret);
			if (r < 0)
				return r;
		}
		if (r == 0)
			r = fill_authority(header, ret);
	} else if (r == 0 && !ret->token.counter && !no_revocation) {
		return log_errno(EINVAL,
				 "%s was enrolled in this TPM without a way to revoke an approval; "
				 "add no-revocation if you mean it",
				 header_path(header));
	}
	if (r == 0)
		r = boot_policy_read_counter(ret, tpm, &reason);
	if (r < 0 && reason == REASON_POLICY_REVOKED)
		return log_errno(-r,
				 "the counter of %s in the TPM (NV index 0x%x) is gone, and all "
				 "approvals with it; remove its TPM protectors and add them again",
				 header_path(header), ret->token.counter);
	if (r < 0)
		return log_errno(-r, "cannot use the policy key of %s: %s", header_path(header),
				 strerror(-r));
	return 0;
}

/* --- the counter ---------------------------------------------------------------------------- */

int boot_policy_read_counter(struct boot_policy *policy, struct tpm *tpm, enum reason *ret_reason)
{
	*ret_reason = REASON_NONE;
	if (!policy->authority.counter.index)
		return 0;
	return tpm_counter_read(tpm, &policy->authority.counter, &policy->counter, ret_reason);
}

/* What the newest signatures are for. Where the last approval is revoked there are none. */
static uint64_t highest_limit(const struct boot_policy *policy)
{
	uint64_t limit = policy->wanted;

	for (size_t i = 0; i < policy->token.n_approvals; i++)
		if (policy->token.approvals[i].policy.limit > limit)
			limit = policy->token.approvals[i].policy.limit;
	return limit;
}

bool boot_policy_pending(const struct boot_policy *policy)
{
	return policy->token.counter && highest_limit(policy) > policy->counter;
}

bool boot_policy_revoked(const struct boot_policy *policy, const struct token_approval *approval)
{
	return policy->token.counter && approval->policy.limit < policy->counter;
}

int boot_policy_finish(struct boot_policy *policy, struct tpm *tpm)
{
	enum reason reason = REASON_NONE;
	int r = boot_policy_read_counter(policy, tpm, &reason);

	/* More than one step where the TPM was put back to an earlier time, as virtual ones can be.
	 */
	while (r == 0 && boot_policy_pending(policy)) {
		r = tpm_counter_increment(tpm, &policy->authority.counter, &reason);
		if (r == 0)
			r = boot_policy_read_counter(policy, tpm, &reason);
	}
	if (r < 0)
		return log_errno(-r, "the TPM's counter does not move: %s (%s)",
				 reason_text(reason), reason_code(reason));
	return 0;
}

static int is_twin(void *data, const char *twin)
{
	(void)data;
	(void)twin;
	return 1;
}

/* A copy on another device has the same counter, and opens by it. */
static bool has_twin(const struct header *header)
{
	return twin_each(header_path(header), header_uuid(header), is_twin, NULL) != 0;
}

/* -EIO: the TPM failed. All else that keeps it there is a notice. */
static int remove_counter(const struct header *header, const char *tcti, struct tpm **tpm,
			  const struct boot_policy *policy)
{
	struct tpm_name srk;
	enum reason reason = REASON_NONE;

	if (!policy->token.counter)
		return 0;
	if (has_twin(header)) {
		log_notice("There is another volume with the UUID %s: NV index 0x%x stays in the "
			   "TPM, which may open that one.",
			   header_uuid(header), policy->token.counter);
		return 0;
	}
	/* One that is gone, or whose place another volume has taken by now, is removed. */
	if ((*tpm || tpm_open(tcti, tpm, &reason) == 0) &&
	    tpm_srk_name(*tpm, TPM_SRK_FIND, &srk, &reason) == 0) {
		reason = REASON_TPM_OTHER;
		if (!memcmp(&srk, &policy->token.srk, sizeof(srk)) &&
		    (tpm_counter_remove(*tpm, &policy->authority.counter, &reason) == 0 ||
		     reason == REASON_POLICY_REVOKED))
			return 0;
	}
	if (tpm_has_failed(*tpm, reason))
		return log_errno(EIO,
				 "the counter of %s, NV index 0x%x, stays in its TPM, where it "
				 "opens nothing: %s (%s); all else is done. To free it: "
				 "fvesetup tpm counters --free 0x%x",
				 header_path(header), policy->token.counter, reason_text(reason),
				 reason_code(reason), policy->token.counter);
	log_notice("The counter of %s, NV index 0x%x, stays in its TPM, where it opens nothing: %s "
		   "(%s)",
		   header_path(header), policy->token.counter, reason_text(reason),
		   reason_code(reason));
	return 0;
}

int boot_policy_remove_counters(const struct header *header, const char *tcti)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	struct header_token token = HEADER_TOKEN_START;
	int r = 0;

	while (header_token_next(header, TOKEN_TYPE_POLICY, &token)) {
		_cleanup_boot_policy_ struct boot_policy policy = {0};

		if (boot_policy_get(header, &token, &policy) < 0)
			log_notice("A fve-policy token of %s is damaged, or of a later version: "
				   "where it has a counter in the TPM, that stays there "
				   "(fvesetup tpm counters).",
				   header_path(header));
		else if (remove_counter(header, tcti, &tpm, &policy) < 0)
			r = -EIO;
	}
	return r;
}

/* Whether a protector needs the policy for the TPM of @srk; one that cannot be read may. */
static bool needed(const struct header *header, const struct tpm_name *srk)
{
	struct header_token found = HEADER_TOKEN_START;

	while (header_token_next(header, NULL, &found)) {
		_cleanup_token_tpm2_ struct token_tpm2 token = {0};

		if (strncmp(found.type, TPM2_TYPE, strlen(TPM2_TYPE)))
			continue;
		if (token_tpm2_parse(found.json, &token) < 0 ||
		    !memcmp(&token.srk, srk, sizeof(*srk)))
			return true;
	}
	return false;
}

int boot_policy_prune(struct header *header, const struct secret *fvek, const char *tcti)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	struct header_token token = HEADER_TOKEN_START;
	int r = 0, left = 0;

	while (r == 0 && header_token_next(header, TOKEN_TYPE_POLICY, &token)) {
		_cleanup_change_ struct change change = {.header = header};
		_cleanup_boot_policy_ struct boot_policy policy = {0};

		if (boot_policy_get(header, &token, &policy) < 0 ||
		    needed(header, &policy.token.srk))
			continue;
		if (lockout_give_back(header, fvek, tcti, &policy) < 0)
			left = -EIO;
		change_remove_token(&change, token.number);
		r = change_commit(&change, fvek);
		if (r == 0 && remove_counter(header, tcti, &tpm, &policy) < 0)
			left = -EIO;
	}
	return r ?: left;
}

/* --- approvals ------------------------------------------------------------------------------ */

const struct token_approval *boot_policy_nearest(const struct boot_policy *policy,
						 const struct pcr_values *found)
{
	const struct token_approval *nearest = NULL;
	int least = PCR_COUNT + 1;

	for (size_t i = 0; i < policy->token.n_approvals; i++) {
		const struct token_approval *approval = &policy->token.approvals[i];
		int n = __builtin_popcount(pcr_values_differ(&approval->policy.pcrs, found));

		if (n < least || (n == least && approval->policy.limit >= nearest->policy.limit)) {
			least = n;
			nearest = approval;
		}
	}
	return nearest;
}

static bool same_pcrs(const struct pcr_values *a, const struct pcr_values *b)
{
	return a->mask == b->mask && !pcr_values_differ(a, b);
}

/* Whether the machine runs as @approval has it; the cap says nothing about that. */
static bool runs_now(const struct token_approval *approval, const struct pcr_values *found)
{
	return !(pcr_values_differ(&approval->policy.pcrs, found) & ~(1u << PCR_CAP));
}

static void drop(struct token_policy *token, size_t i)
{
	memmove(&token->approvals[i], &token->approvals[i + 1],
		(--token->n_approvals - i) * sizeof(*token->approvals));
}

static void make_room(struct boot_policy *policy, const struct pcr_values *found)
{
	struct token_policy *token = &policy->token;

	if (token->n_approvals < TOKEN_APPROVALS_MAX)
		return;
	for (size_t i = 0; i < token->n_approvals; i++)
		if (boot_policy_revoked(policy, &token->approvals[i])) {
			drop(token, i);
			return;
		}
	drop(token, runs_now(&token->approvals[0], found) ? 1 : 0);
}

static int sign(const struct header *header, const struct secret *vmk, struct boot_policy *policy,
		uint64_t limit, struct token_approval *approval)
{
	_cleanup_secret_ struct secret *private = NULL;
	int r = policy_secret_unwrap(header, POLICY_PRIVATE, policy->token.generation, vmk,
				     &policy->token.private, &private);

	approval->policy.limit = limit;
	return r < 0 ? r : policy_sign(private, &policy->authority, &approval->policy);
}

int boot_policy_approve(const struct header *header, const struct secret *vmk,
			const struct boot_state *state, const char *label,
			const struct pcr_values *found, struct boot_policy *policy,
			const struct token_approval **ret)
{
	struct token_policy *token = &policy->token;
	struct token_approval *approvals, *new;
	int r;

	for (size_t i = token->n_approvals; i-- > 0;) {
		if (!same_pcrs(&token->approvals[i].policy.pcrs, &state->pcrs))
			continue;
		if (!boot_policy_revoked(policy, &token->approvals[i])) {
			*ret = &token->approvals[i];
			return 0;
		}
		drop(token, i); /* what was revoked is approved again */
	}
	make_room(policy, found);
	approvals = reallocarray(token->approvals, token->n_approvals + 1, sizeof(*approvals));
	if (!approvals)
		return -ENOMEM;
	token->approvals = approvals;
	new = &approvals[token->n_approvals];
	*new = (struct token_approval){.policy.pcrs = state->pcrs, .events = state->events};
	r = token_head_init(&new->head, label);
	if (r == 0)
		r = sign(header, vmk, policy, policy->counter, new);
	if (r < 0)
		return log_errno(-r, "cannot approve a boot state with the policy key of %s: %s",
				 header_path(header), strerror(-r));
	token->n_approvals++;
	*ret = new;
	return 0;
}

bool boot_policy_weak(const struct boot_policy *policy, const struct token_approval *approval)
{
	return !boot_policy_revoked(policy, approval) &&
	       boot_state_weak(approval->policy.pcrs.mask);
}

/*
 * Sign what is good, but not @revoked, for the counter's next value, which ends all that old
 * headers have.
 */
static int sign_on(const struct header *header, const struct secret *vmk,
		   const struct token_approval *revoked, struct boot_policy *policy)
{
	policy->wanted = policy->counter + 1;
	for (size_t i = 0; i < policy->token.n_approvals; i++) {
		struct token_approval *approval = &policy->token.approvals[i];
		int r = 0;

		if (approval != revoked && !boot_policy_revoked(policy, approval))
			r = sign(header, vmk, policy, policy->wanted, approval);
		if (r < 0)
			return log_errno(-r, "cannot sign approval %s of %s again: %s",
					 approval->head.id, header_path(header), strerror(-r));
	}
	return 0;
}

int boot_policy_keep(const struct header *header, const struct secret *vmk, uint32_t mask,
		     struct boot_policy *policy)
{
	struct token_policy *token = &policy->token;
	bool any = false;

	for (size_t i = token->n_approvals; i-- > 0;) {
		const struct token_approval *approval = &token->approvals[i];

		if (approval->policy.pcrs.mask == mask)
			continue;
		if (!boot_policy_revoked(policy, approval)) {
			log_notice("Approval %s (%s) is over other PCRs and is taken back.",
				   approval->head.id, approval->head.label);
			any = true;
		}
		drop(token, i);
	}
	if (any && token->counter)
		return sign_on(header, vmk, NULL, policy);
	if (any)
		log_notice("An old copy of the header still has what was taken back: %s was "
			   "enrolled with no-revocation.",
			   header_path(header));
	return 0;
}

int boot_policy_revoke(const struct header *header, const struct secret *vmk, const char *id,
		       struct boot_policy *policy)
{
	struct token_policy *token = &policy->token;
	const struct token_approval *found = NULL;

	if (!token->counter)
		return log_errno(
			EOPNOTSUPP,
			"%s was enrolled with no-revocation: remove its TPM protectors and "
			"add them again",
			header_path(header));
	for (size_t i = 0; i < token->n_approvals; i++)
		if (!strcmp(token->approvals[i].head.id, id))
			found = &token->approvals[i];
	if (!found)
		return log_errno(ENOENT, "%s has no approval %s; see: fvesetup tpm status %s",
				 header_path(header), id, header_path(header));
	if (boot_policy_revoked(policy, found))
		return 0;
	return sign_on(header, vmk, found, policy);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Opening by the TPM: alone, with a PIN, with a startup key; and the rows of these kinds. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "keys/lockout.h"
#include "keys/vmk.h"
#include "protector/tpm2.h"
#include "protector/tpm2_session.h"
#include "protector/unlock.h"

int protector_tpm2_read(const struct header *header, const char *json, struct protector *ret)
{
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	int r = token_tpm2_parse(json, &token);

	if (r < 0)
		return r;
	ret->head = token.head;
	protector_check_vmk(header, token.generation, ret);
	if (token.pin && ret->health == REASON_NONE &&
	    !kdf_good_for_pin(&token.kdf, ret->why, sizeof(ret->why)))
		ret->health = REASON_KDF_BOUNDS;
	return 0;
}

/* Turn "PCRs differ" into which, and tell a cap from a changed boot chain. */
static void explain_mismatch(const struct token_approval *approval, const struct pcr_values *found,
			     struct refusal *refusal)
{
	uint32_t differ = pcr_values_differ(&approval->policy.pcrs, found);

	refusal->reason = differ == 1u << PCR_CAP ? REASON_CAPPED : REASON_PCR_MISMATCH;
	refusal->expected = approval->policy.pcrs;
	refusal->found = *found;
	refusal->expected.mask = differ;
	refusal->found.mask = differ;
	refusal->approved = approval->events;
}

/* Read the tokens and the TPM's state; gives the approval to try. */
static int prepare_open(const struct header *header, const struct protector *protector,
			const char *tcti, struct session *s, struct token_tpm2 *token,
			const struct token_approval **ret_approval, struct refusal *ret_refusal)
{
	const char *type, *json;
	int r;

	*ret_refusal = (struct refusal){.reason = REASON_TOKEN_CORRUPT};
	if (header_token_get(header, protector->token, &type, &json) < 0 ||
	    token_tpm2_parse(json, token) < 0 ||
	    boot_policy_load(header, &token->srk, &s->policy) < 0 || !s->policy.token.n_approvals)
		return -EBADMSG;
	ret_refusal->reason = REASON_NONE;
	r = session_open(tcti, s, &ret_refusal->reason);
	if (r < 0)
		return r;
	*ret_approval = boot_policy_nearest(&s->policy, &s->found);
	log_debug("%s: %zu approved boots; nearest to this one: %s, PCRs by mask 0x%x, of these "
		  "0x%x differ",
		  header_path(header), s->policy.token.n_approvals, (*ret_approval)->head.id,
		  (*ret_approval)->policy.pcrs.mask,
		  pcr_values_differ(&(*ret_approval)->policy.pcrs, &s->found));
	return 0;
}

int protector_tpm2_check(const struct header *header, const struct protector *protector,
			 const char *tcti, int *ret_boots_left, struct refusal *ret_refusal)
{
	_cleanup_session_ struct session s = {0};
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	enum reason *reason = &ret_refusal->reason;
	const struct token_approval *approval;
	struct tpm_name srk;
	int r = prepare_open(header, protector, tcti, &s, &token, &approval, ret_refusal);

	*ret_boots_left = -1;
	if (r == 0)
		r = tpm_srk_name(s.tpm, TPM_SRK_FIND, &srk, reason);
	if (r == 0)
		r = tpm_lockout_read(s.tpm, &ret_refusal->lockout, reason);
	if (r < 0)
		return r;
	if (memcmp(&srk, &token.srk, sizeof(srk)))
		*reason = REASON_TPM_OTHER;
	else if (pcr_values_differ(&approval->policy.pcrs, &s.found))
		explain_mismatch(approval, &s.found, ret_refusal);
	else if (boot_policy_read_counter(&s.policy, s.tpm, reason) < 0)
		return -EPERM;
	else if (boot_policy_revoked(&s.policy, approval))
		*reason = REASON_POLICY_REVOKED;
	else if (token.pin && ret_refusal->lockout.locked)
		*reason = REASON_TPM_LOCKED_OUT;
	else if (token.pin && lockout_weakened(&s.policy, &ret_refusal->lockout))
		*reason = REASON_LOCKOUT_CHANGED;
	return *reason == REASON_NONE ? 0 : -EPERM;
}

void protector_tpm2_forgive(const struct header *header, const struct secret *fvek,
			    const char *tcti)
{
	_cleanup_boot_policy_ struct boot_policy policy = {0};
	_cleanup_secret_ struct secret *vmk = NULL;
	_cleanup_tpm_ struct tpm *tpm = NULL;
	struct tpm_lockout lockout;
	struct tpm_name srk;
	enum reason reason;

	if (!protector_any(header, kind_mask(KIND_PIN, 0)) || tpm_open(tcti, &tpm, &reason) < 0 ||
	    tpm_lockout_read(tpm, &lockout, &reason) < 0 || !lockout.failed ||
	    tpm_srk_name(tpm, TPM_SRK_FIND, &srk, &reason) < 0 ||
	    boot_policy_load(header, &srk, &policy) < 0 ||
	    (lockout.owned && vmk_from_fvek(header, fvek, NULL, &vmk) < 0))
		return;
	if (lockout_forgive(header, vmk, tpm, &policy, &reason) == 0)
		log_notice("The TPM has forgotten the %u wrong PINs that it counted.",
			   lockout.failed);
}

static int open_factor(const struct header *header, const struct protector *protector,
		       const struct token_tpm2 *token, const struct secret *secret,
		       struct second_factor *ret, enum reason *ret_reason)
{
	char why[VET_WHY_SIZE];
	int r;

	if (protector->kind == PROTECTOR_TPM2)
		return 0;
	if (!secret) {
		*ret_reason = REASON_KEY_ABSENT;
		return -ENOKEY;
	}
	if (protector->kind == PROTECTOR_TPM2_KEY)
		return second_factor_from_key(secret, ret);
	/* An object that takes a PIN is of a token that says how it is stretched. */
	if (!kdf_good_for_pin(&token->kdf, why, sizeof(why))) {
		*ret_reason = REASON_KDF_BOUNDS;
		return -EPERM;
	}
	r = second_factor_from_pin(&token->kdf, secret, ret);
	if (r == -ENOMEM)
		log_error("stretching the PIN of %s takes %u MiB of memory, which this system "
			  "has not free",
			  header_path(header), token->kdf.memory / 1024);
	return r;
}

/* Have the TPM release the key; @auth: NULL where it takes none. */
static int unseal(struct session *s, const struct token_tpm2 *token,
		  const struct token_approval *approval, const struct secret *auth,
		  struct secret **ret_key, struct refusal *ret_refusal)
{
	enum reason *reason = &ret_refusal->reason, ignored;
	int r = tpm_unseal(s->tpm, &token->srk, &token->sealed, &s->policy.authority,
			   &approval->policy, auth, ret_key, reason);

	if (r < 0 && *reason == REASON_PCR_MISMATCH)
		explain_mismatch(approval, &s->found, ret_refusal);
	if (r < 0 && (*reason == REASON_PIN_WRONG || *reason == REASON_TPM_LOCKED_OUT))
		tpm_lockout_read(s->tpm, &ret_refusal->lockout, &ignored);
	return r;
}

int protector_tpm2_release(const struct header *header, const struct protector *protector,
			   const char *tcti, struct token_tpm2 *ret_token, struct secret **ret_key,
			   struct refusal *ret_refusal)
{
	_cleanup_session_ struct session s = {0};
	const struct token_approval *approval;
	int r = prepare_open(header, protector, tcti, &s, ret_token, &approval, ret_refusal);

	return r < 0 ? r : unseal(&s, ret_token, approval, NULL, ret_key, ret_refusal);
}

int protector_tpm2_open_vmk(struct header *header, const struct protector *protector,
			    const struct token_tpm2 *token, const struct second_factor *factor,
			    const struct secret *key, struct secret **ret_fvek,
			    enum reason *ret_reason)
{
	_cleanup_secret_ struct secret *mixed = NULL;
	const char *kind = protector_kind_name(protector->kind);
	int r = factor->half ? second_factor_kek(factor, key, &mixed) : 0;

	*ret_reason = REASON_TOKEN_CORRUPT;
	if (r < 0)
		return r;
	return vmk_open(header, &VMK_HOLDER(kind, token, mixed ?: key), ret_fvek, ret_reason);
}

/* A wrong PIN costs exactly one try; nothing else does. */
static int open_sealed(struct header *header, const struct protector *protector,
		       const struct unlock *how, const struct secret *secret,
		       struct secret **ret_fvek, struct refusal *ret_refusal)
{
	_cleanup_session_ struct session s = {0};
	_cleanup_second_factor_ struct second_factor factor = {0};
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	_cleanup_secret_ struct secret *key = NULL;
	const struct token_approval *approval;
	int r = prepare_open(header, protector, how->tcti, &s, &token, &approval, ret_refusal);

	if (r == 0)
		r = open_factor(header, protector, &token, secret, &factor, &ret_refusal->reason);
	if (r == 0)
		r = unseal(&s, &token, approval, factor.auth, &key, ret_refusal);
	return r < 0 ? r
		     : protector_tpm2_open_vmk(header, protector, &token, &factor, key, ret_fvek,
					       &ret_refusal->reason);
}

/* --- the kinds ------------------------------------------------------------------------------ */

bool protector_tpm2_option(const char *name, char *value, struct protector_spec *spec)
{
	if (!strcmp(name, "pcrs"))
		return value && pcr_mask_parse(value, &spec->pcrs) == 0;
	if (value)
		return false;
	if (!strcmp(name, "no-revocation"))
		spec->no_revocation = true;
	else if (!strcmp(name, "unsafe-pcrs"))
		spec->unsafe_pcrs = true;
	else
		return false;
	return true;
}

const struct kind_row kind_tpm2 = {
	.name = "tpm2",
	.token_type = "fve-tpm2",
	.flags = KIND_ALONE | KIND_TPM,
	.read = protector_tpm2_read,
	.option = protector_tpm2_option,
	.open = open_sealed,
	.check = protector_tpm2_check,
	.rehearse = protector_tpm2_rehearse,
	.add = protector_tpm2_add,
};

const struct kind_row kind_tpm2_key = {
	.name = "tpm2-key",
	.token_type = "fve-tpm2-key",
	.flags = KIND_KEY | KIND_TPM,
	.read = protector_tpm2_read,
	.option = protector_tpm2_option,
	.open = open_sealed,
	.check = protector_tpm2_check,
	.rehearse = protector_tpm2_rehearse,
	.add = protector_tpm2_add,
};

const struct kind_row kind_tpm2_pin = {
	.name = "tpm2-pin",
	.token_type = "fve-tpm2-pin",
	.flags = KIND_PIN | KIND_TPM,
	.asks = "PIN",
	.asks_min = PIN_LENGTH_MIN,
	.read = protector_tpm2_read,
	.option = protector_tpm2_option,
	.open = open_sealed,
	.check = protector_tpm2_check,
	.rehearse = protector_tpm2_rehearse,
	.add = protector_tpm2_add,
};

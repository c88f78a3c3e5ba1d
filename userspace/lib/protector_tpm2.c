// SPDX-License-Identifier: LGPL-2.1-or-later
/* Adding and opening a TPM protector: of the TPM alone, with a PIN, with a startup key. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "boot_policy.h"
#include "change.h"
#include "log.h"
#include "protector_tpm2.h"
#include "second_factor.h"
#include "vmk.h"

#define ALL_PCRS ((1u << PCR_COUNT) - 1)

/* Windows' numbers: generous to a person, hopeless for a machine that guesses. */
#define LOCKOUT_TRIES	   32
#define LOCKOUT_INTERVAL_S 600

/* What adding and opening have in common: the TPM, its state, and the volume's policy. */
struct session {
	struct tpm *tpm;
	struct pcr_values found; /* all PCRs */
	struct token_policy policy;
	int policy_number;
	char *ref;
};

static void session_free(struct session *s)
{
	tpm_close(s->tpm);
	token_policy_free(&s->policy);
	free(s->ref);
}

#define _cleanup_session_ __attribute__((cleanup(session_free)))

static int session_open(const struct header *header, const char *tcti, struct session *s,
			enum reason *ret_reason)
{
	int r;

	s->ref = boot_policy_ref(header);
	if (!s->ref)
		return -ENOMEM;
	r = tpm_open(tcti, &s->tpm, ret_reason);
	return r < 0 ? r : tpm_read_pcrs(s->tpm, ALL_PCRS, &s->found, ret_reason);
}

/* --- adding --------------------------------------------------------------------------------- */

/*
 * A TPM that locks after three tries, as many come, is locked by three power cuts: an
 * interrupted session counts as a wrong try.
 */
static void provision_lockout(struct tpm *tpm)
{
	struct tpm_lockout lockout;
	enum reason reason;

	if (tpm_lockout_read(tpm, &lockout, &reason) < 0)
		return;
	if (lockout.max_tries == LOCKOUT_TRIES && lockout.interval_s == LOCKOUT_INTERVAL_S)
		return;
	if (lockout.owned || tpm_lockout_set(tpm, LOCKOUT_TRIES, LOCKOUT_INTERVAL_S, &reason) < 0)
		log_notice("The TPM's lockout was set up by somebody else and is left as it is: "
			   "after %u wrong PINs it locks, and forgives one each %u s.",
			   lockout.max_tries, lockout.interval_s);
}

static int auth_policy_digest(const struct session *s, bool auth, uint8_t ret[SHA256_SIZE])
{
	int r = policy_authorize_digest(&s->policy.public, s->ref, ret);

	return r < 0 || !auth ? r : policy_extend_auth_value(ret);
}

/* Unseal at once what was just sealed: a protector that was never seen to work is none. */
static int verify_sealed(const struct session *s, const struct token_tpm2 *token,
			 const struct secret *auth, const struct secret *sealed,
			 enum reason *ret_reason)
{
	_cleanup_secret_ struct secret *unsealed = NULL;
	int r;

	if (boot_policy_capped(&s->found)) {
		log_notice("The TPM is capped in this boot (PCR %d): the new protector is first "
			   "tried at the next boot.",
			   PCR_CAP);
		return 0;
	}
	r = tpm_unseal_auth(s->tpm, &token->srk, &token->sealed, &s->policy.public, s->ref,
			    &boot_policy_nearest(&s->policy, &s->found)->policy, auth, &unsealed,
			    ret_reason);
	if (r == 0 && !secret_equal(unsealed, sealed))
		r = -EIO;
	return r;
}

/* Seal a new key, with or without a second factor; the KEK is what comes of both. */
static int seal(const struct session *s, const struct second_factor *factor,
		struct token_tpm2 *token, struct secret **ret_kek)
{
	_cleanup_secret_ struct secret *sealed = secret_random(KEK_SIZE);
	enum reason reason = REASON_NONE;
	uint8_t auth_policy[SHA256_SIZE];
	int r;

	if (!sealed)
		return -ENOMEM;
	r = tpm_srk_name(s->tpm, true, &token->srk, &reason);
	if (r < 0)
		return log_errno(-r, "cannot read or make the TPM's storage root key: %s (%s)",
				 reason_text(reason), reason_code(reason));
	r = auth_policy_digest(s, factor->auth, auth_policy);
	if (r == 0)
		r = tpm_seal_auth(s->tpm, &token->srk, auth_policy, !token->pin, factor->auth,
				  sealed, &token->sealed, &reason);
	if (r == 0)
		r = verify_sealed(s, token, factor->auth, sealed, &reason);
	if (r < 0)
		return log_errno(-r, "the TPM does not seal and unseal a key: %s (%s)",
				 reason_text(reason), reason_code(reason));
	if (factor->half)
		return second_factor_kek(factor, sealed, ret_kek);
	*ret_kek = steal(sealed);
	return 0;
}

static int make_factor(const struct tpm2_enrolment *how, struct token_tpm2 *token,
		       struct second_factor *ret)
{
	int r;

	token->pin = how->spec->kind == PROTECTOR_TPM2_PIN;
	if (how->spec->kind == PROTECTOR_TPM2_KEY)
		return second_factor_from_key(how->secret, ret);
	if (!token->pin)
		return 0;
	r = kdf_choose(how->pbkdf->time_ms, how->pbkdf->memory_kib, &token->kdf);
	return r < 0 ? r : second_factor_from_pin(&token->kdf, how->secret, ret);
}

/* A keyslot that the PIN opens would tell right from wrong PINs to whoever has the disk. */
static int check_pin(struct header *header, const struct secret *pin)
{
	_cleanup_secret_ struct secret *fvek = NULL;

	if (pin->size < PIN_LENGTH_MIN)
		return log_errno(EINVAL, "a PIN has at least %d characters", PIN_LENGTH_MIN);
	if (header_keyslot_open(header, HEADER_ANY, pin, &fvek) >= 0)
		return log_errno(EINVAL,
				 "this is already a passphrase of %s; a PIN must differ, "
				 "or it could be guessed without the TPM",
				 header_path(header));
	return 0;
}

static int approve(const struct header *header, const struct secret *vmk,
		   const struct protector_spec *spec, struct session *s)
{
	struct pcr_values wanted;
	enum reason reason;
	int r = boot_policy_choose(spec->pcrs, spec->unsafe_pcrs, &s->found, &wanted, &reason);

	return r < 0 ? r : boot_policy_approve(header, vmk, &wanted, "as enrolled", &s->policy);
}

int protector_tpm2_add(struct header *header, const struct secret *fvek,
		       const struct tpm2_enrolment *how)
{
	_cleanup_session_ struct session s = {0};
	_cleanup_second_factor_ struct second_factor factor = {0};
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	_cleanup_change_ struct change change = {.header = header,
						 .may_use_reserve = how->approved};
	_cleanup_token_vmk_ struct token_vmk vmk_info = {0};
	_cleanup_secret_ struct secret *vmk = NULL, *kek = NULL;
	_cleanup_free_ char *policy_json = NULL, *json = NULL;
	const char *kind = protector_kind_name(how->spec->kind);
	enum reason reason = REASON_NONE;
	int r = how->spec->kind == PROTECTOR_TPM2_PIN ? check_pin(header, how->secret) : 0;

	if (r == 0 && !how->approved)
		r = change_check_room(header, false);
	if (r == 0)
		r = token_head_init(&token.head, how->spec->label);
	if (r == 0)
		r = vmk_token(header, &vmk_info);
	if (r == 0)
		r = vmk_from_fvek(header, fvek, &vmk);
	if (r < 0)
		return r;
	token.generation = vmk_info.generation;

	r = session_open(header, how->tcti, &s, &reason);
	if (r < 0)
		return log_errno(-r, "cannot use the TPM: %s (%s)", reason_text(reason),
				 reason_code(reason));
	r = boot_policy_load_or_create(header, vmk, token.generation, &s.policy, &s.policy_number);
	if (r == 0 && !how->approved)
		r = approve(header, vmk, how->spec, &s);
	if (r == 0)
		r = make_factor(how, &token, &factor);
	if (r < 0)
		return r;
	if (token.pin)
		provision_lockout(s.tpm);
	r = seal(&s, &factor, &token, &kek);
	if (r < 0)
		return r;

	r = vmk_wrap(header, kind, token.head.id, token.generation, kek, vmk, &token.vmk);
	if (r == 0)
		r = kek_wrap(header, kind, token.head.id, fvek, kek, &token.kek);
	if (r < 0)
		return r;
	json = token_tpm2_format(&token, protector_token_type(how->spec->kind));
	policy_json = token_policy_format(&s.policy);
	if (!json || !policy_json)
		return -ENOMEM;
	/* In between, an approval without a sealed object opens nothing. */
	if (!how->approved)
		change_set_token(&change, s.policy_number, policy_json);
	change_set_token(&change, HEADER_ANY, json);
	return change_commit(&change, fvek);
}

/* --- opening -------------------------------------------------------------------------------- */

/* Turn "PCRs differ" into which, and tell a cap from a changed boot chain. */
static void explain_mismatch(const struct pcr_values *expected, const struct pcr_values *found,
			     struct refusal *refusal)
{
	uint32_t differ = pcr_values_differ(expected, found);

	refusal->reason = differ == 1u << PCR_CAP ? REASON_CAPPED : REASON_PCR_MISMATCH;
	refusal->expected = *expected;
	refusal->found = *found;
	refusal->expected.mask = differ;
	refusal->found.mask = differ;
}

/* Read the tokens and the TPM's state; gives the approval to try. */
static int prepare_open(const struct header *header, const struct protector *protector,
			const char *tcti, struct session *s, struct token_tpm2 *token,
			const struct policy_approval **ret_approval, struct refusal *ret_refusal)
{
	const char *type, *json;
	int r;

	*ret_refusal = (struct refusal){.reason = REASON_TOKEN_CORRUPT};
	if (header_token_get(header, protector->token, &type, &json) < 0 ||
	    token_tpm2_parse(json, token) < 0 ||
	    boot_policy_load(header, &s->policy, &s->policy_number) < 0 || !s->policy.n_approvals)
		return -EBADMSG;
	ret_refusal->reason = REASON_NONE;
	r = session_open(header, tcti, s, &ret_refusal->reason);
	if (r < 0)
		return r;
	*ret_approval = &boot_policy_nearest(&s->policy, &s->found)->policy;
	return 0;
}

int protector_tpm2_check(const struct header *header, const struct protector *protector,
			 const char *tcti, struct refusal *ret_refusal)
{
	_cleanup_session_ struct session s = {0};
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	enum reason *reason = &ret_refusal->reason;
	const struct policy_approval *approval;
	struct tpm_name srk;
	int r = prepare_open(header, protector, tcti, &s, &token, &approval, ret_refusal);

	if (r == 0)
		r = tpm_srk_name(s.tpm, false, &srk, reason);
	if (r == 0)
		r = tpm_lockout_read(s.tpm, &ret_refusal->lockout, reason);
	if (r < 0)
		return r;
	if (memcmp(&srk, &token.srk, sizeof(srk)))
		*reason = REASON_TPM_OTHER;
	else if (pcr_values_differ(&approval->pcrs, &s.found))
		explain_mismatch(&approval->pcrs, &s.found, ret_refusal);
	else if (token.pin && ret_refusal->lockout.locked)
		*reason = REASON_TPM_LOCKED_OUT;
	return *reason == REASON_NONE ? 0 : -EPERM;
}

static int open_factor(const struct header *header, const struct protector *protector,
		       const struct token_tpm2 *token, const struct secret *secret,
		       struct second_factor *ret, enum reason *ret_reason)
{
	int r;

	if (protector->kind == PROTECTOR_TPM2)
		return 0;
	if (!secret) {
		*ret_reason = REASON_KEY_ABSENT;
		return -ENOKEY;
	}
	if (protector->kind == PROTECTOR_TPM2_KEY)
		return second_factor_from_key(secret, ret);
	r = second_factor_from_pin(&token->kdf, secret, ret);
	if (r == -ENOMEM)
		log_error("stretching the PIN of %s takes %u MiB of memory, which this system "
			  "has not free",
			  header_path(header), token->kdf.memory / 1024);
	return r;
}

int protector_tpm2_open(struct header *header, const struct protector *protector, const char *tcti,
			const struct secret *secret, struct secret **ret_fvek,
			struct refusal *ret_refusal)
{
	_cleanup_session_ struct session s = {0};
	_cleanup_second_factor_ struct second_factor factor = {0};
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	_cleanup_secret_ struct secret *unsealed = NULL, *kek = NULL, *vmk = NULL;
	const char *kind = protector_kind_name(protector->kind);
	enum reason *reason = &ret_refusal->reason, ignored;
	const struct policy_approval *approval;
	int r = prepare_open(header, protector, tcti, &s, &token, &approval, ret_refusal);

	if (r < 0)
		return r;
	r = open_factor(header, protector, &token, secret, &factor, reason);
	if (r < 0)
		return r;
	r = tpm_unseal_auth(s.tpm, &token.srk, &token.sealed, &s.policy.public, s.ref, approval,
			    factor.auth, &unsealed, reason);
	if (r < 0 && *reason == REASON_PCR_MISMATCH)
		explain_mismatch(&approval->pcrs, &s.found, ret_refusal);
	if (r < 0 && (*reason == REASON_PIN_WRONG || *reason == REASON_TPM_LOCKED_OUT))
		tpm_lockout_read(s.tpm, &ret_refusal->lockout, &ignored);
	if (r < 0)
		return r;

	*reason = REASON_TOKEN_CORRUPT;
	if (factor.half)
		r = second_factor_kek(&factor, unsealed, &kek);
	else
		kek = steal(unsealed);
	if (r == 0)
		r = vmk_unwrap(header, kind, token.head.id, token.generation, kek, &token.vmk,
			       &vmk);
	if (r == 0)
		r = vmk_to_fvek(header, token.generation, vmk, ret_fvek);
	if (r == 0)
		*reason = REASON_NONE;
	return r;
}

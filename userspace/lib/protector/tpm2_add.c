// SPDX-License-Identifier: LGPL-2.1-or-later
/* Adding what opens by the TPM. */
#include <errno.h>

#include "base/log.h"
#include "header/change.h"
#include "keys/lockout.h"
#include "keys/vmk.h"
#include "protector/tpm2.h"
#include "protector/tpm2_session.h"

static int auth_policy_digest(const struct session *s, bool auth, uint8_t ret[SHA256_SIZE])
{
	int r = policy_authorize_digest(&s->policy.authority, ret);

	return r < 0 || !auth ? r : policy_extend_auth_value(ret);
}

/* Unseal at once what was just sealed: a protector that was never seen to work is none. */
static int verify_sealed(const struct session *s, const struct token_tpm2 *token,
			 const struct secret *auth, const struct secret *sealed,
			 enum reason *ret_reason)
{
	const struct token_approval *approval = boot_policy_nearest(&s->policy, &s->found);
	const uint32_t later = 1u << PCR_CAP | 1u << PCR_UKI;
	uint32_t differ = pcr_values_differ(&approval->policy.pcrs, &s->found);
	_cleanup_secret_ struct secret *unsealed = NULL;
	int r;

	/* What is extended after unlocking keeps the key back until the next boot. */
	if (differ && !(differ & ~later)) {
		log_notice("%s: the new protector is first tried at the next boot.",
			   differ & 1u << PCR_CAP
				   ? "The TPM is capped in this boot (PCR 15)"
				   : "The time of unlocking is over in this boot (PCR 11)");
		return 0;
	}
	r = tpm_unseal(s->tpm, &token->srk, &token->sealed, &s->policy.authority, &approval->policy,
		       auth, &unsealed, ret_reason);
	if (r < 0)
		return r;
	if (!secret_equal(unsealed, sealed))
		return -EIO;
	return 0;
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
	r = auth_policy_digest(s, factor->auth, auth_policy);
	if (r == 0)
		r = tpm_seal(s->tpm, &token->srk, auth_policy,
			     token->pin ? TPM_DA_COUNTS : TPM_DA_EXEMPT, factor->auth, sealed,
			     &token->sealed, &reason);
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

/* A keyslot that the PIN opens would tell right from wrong PINs to whoever has the disk. */
static int check_pin(struct header *header, const struct secret *pin)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	int r;

	if (secret_characters(pin) < PIN_LENGTH_MIN)
		return log_errno(EINVAL, "a PIN has at least %d characters", PIN_LENGTH_MIN);
	r = header_keyslot_open(header, HEADER_ANY, pin, &fvek);
	if (r < 0 && r != -EPERM)
		return r;
	if (r >= 0)
		return log_errno(EINVAL,
				 "this is already a passphrase of %s; a PIN must differ, "
				 "or it could be guessed without the TPM",
				 header_path(header));
	return 0;
}

static int make_factor(const struct enrolment *how, struct token_tpm2 *token,
		       struct second_factor *ret)
{
	uint32_t memory;
	int r;

	token->pin = how->spec->kind == PROTECTOR_TPM2_PIN;
	if (how->spec->kind == PROTECTOR_TPM2_KEY)
		return second_factor_from_key(how->secret, ret);
	if (!token->pin)
		return 0;
	memory = how->pbkdf->memory_kib;
	if (memory && memory < KDF_PIN_MEMORY_MIN)
		memory = KDF_PIN_MEMORY_MIN;
	r = kdf_choose(how->pbkdf->time_ms, memory, &token->kdf);
	return r < 0 ? r : second_factor_from_pin(&token->kdf, how->secret, ret);
}

/* What is to be approved of this boot. */
static int present_state(const struct enrolment *how, const struct session *s,
			 struct boot_state *ret)
{
	_cleanup_event_log_ struct event_log log = {0};
	enum reason reason;
	uint32_t mask;
	int r = boot_state_choose(how->spec->pcrs, how->spec->unsafe_pcrs, &s->found, &mask,
				  &reason);

	if (r < 0)
		return r;
	/* Without a log a later refusal names the PCR and not the event. */
	if (event_log_load(how->event_log, &log) < 0)
		log_verbose("there is no event log that can be read");
	return boot_state_at_unlock(mask, &s->found, &log, ret);
}

static int approve(const struct header *header, const struct secret *vmk,
		   const struct enrolment *how, struct session *s)
{
	const struct token_approval *approval;
	struct boot_state state;
	int r = present_state(how, s, &state);

	return r < 0 ? r
		     : boot_policy_approve(header, vmk, &state, "as enrolled", &s->found,
					   &s->policy, &approval);
}

/* Connect to the TPM, and read its storage root key, which is made where there is none. */
static int session_begin(const struct enrolment *how, struct session *s, struct tpm_name *ret_srk)
{
	enum reason reason = REASON_NONE;
	int r = session_open(how->tcti, s, &reason);

	if (r < 0)
		return log_errno(-r, "cannot use the TPM: %s (%s)", reason_text(reason),
				 reason_code(reason));
	r = tpm_srk_name(s->tpm, TPM_SRK_MAKE, ret_srk, &reason);
	return r < 0 ? log_errno(-r, "cannot read or make the TPM's storage root key: %s (%s)",
				 reason_text(reason), reason_code(reason))
		     : 0;
}

int protector_tpm2_rehearse(const char *path, const struct enrolment *how)
{
	_cleanup_session_ struct session s = {0};
	struct boot_state state;
	struct tpm_name srk;
	int r = session_begin(how, &s, &srk);

	if (r == 0)
		r = present_state(how, &s, &state);
	if (r == 0 && !how->spec->no_revocation)
		r = boot_policy_try_counter(path, s.tpm);
	return r;
}

/* The TPM's key, and the volume's policy for it, with the present boot state approved. */
static int prepare_add(const struct header *header, const struct secret *vmk,
		       const struct enrolment *how, uint32_t generation, struct token_tpm2 *token,
		       struct session *s)
{
	int r = session_begin(how, s, &token->srk);

	if (r < 0)
		return r;
	r = boot_policy_make(header, s->tpm, &token->srk, vmk, generation,
			     how->spec->no_revocation || how->spec->replaces, &s->policy);
	if (r < 0)
		return r;
	if (!how->spec->replaces) {
		r = boot_policy_finish(&s->policy, s->tpm);
		if (r == 0)
			r = approve(header, vmk, how, s);
	}
	if (r < 0)
		return r;
	if (!s->policy.token.n_approvals)
		return log_errno(ENOENT, "nothing is approved for %s in this TPM",
				 header_path(header));
	return 0;
}

int protector_tpm2_add_with(struct header *header, const struct secret *fvek,
			    const struct enrolment *how, protector_tpm2_make *make)
{
	_cleanup_session_ struct session s = {0};
	_cleanup_second_factor_ struct second_factor factor = {0};
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	_cleanup_change_ struct change change = {.header = header, .replaces = how->spec->replaces};
	_cleanup_secret_ struct secret *vmk = NULL, *kek = NULL;
	_cleanup_free_ char *policy_json = NULL, *json = NULL;
	const char *kind = protector_kind_name(how->spec->kind);
	int r = how->spec->replaces ? 0 : change_check_room(header, CHANGE_NEEDS_TOKEN);

	if (r < 0)
		return r;
	r = token_head_init(&token.head, how->spec->label);
	if (r < 0)
		return r;
	r = vmk_from_fvek(header, fvek, &token.generation, &vmk);
	if (r < 0)
		return r;

	/* It may be refused, and preparing may write to the TPM. */
	r = make(how, &token, &factor);
	if (r < 0)
		return r;
	r = prepare_add(header, vmk, how, token.generation, &token, &s);
	if (r < 0)
		return r;
	if (token.pin)
		r = lockout_prepare(header, vmk, s.tpm, &s.policy);
	if (r == 0)
		r = seal(&s, &factor, &token, &kek);
	if (r < 0)
		return r;

	r = vmk_wrap(header, kind, token.head.id, token.generation, kek, vmk, &token.vmk);
	if (r < 0)
		return r;
	r = kek_wrap(header, kind, token.head.id, fvek, kek, &token.kek);
	if (r < 0)
		return r;
	json = token_tpm2_format(&token, kind_rows[how->spec->kind]->token_type);
	policy_json = token_policy_format(&s.policy.token);
	if (!json || !policy_json)
		return -ENOMEM;
	/* In between, an approval without a sealed object opens nothing. */
	if (!how->spec->replaces || token.pin)
		change_set_token(&change, s.policy.number, policy_json);
	change_set_token(&change, HEADER_ANY, json);
	r = change_commit(&change, fvek);
	return r < 0 || !token.pin ? r : lockout_take(header, vmk, s.tpm, &s.policy);
}

int protector_tpm2_add(struct header *header, const struct secret *fvek,
		       const struct enrolment *how)
{
	int r = how->spec->kind == PROTECTOR_TPM2_PIN ? check_pin(header, how->secret) : 0;

	return r < 0 ? r : protector_tpm2_add_with(header, fvek, how, make_factor);
}

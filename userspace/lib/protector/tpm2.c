// SPDX-License-Identifier: LGPL-2.1-or-later
/* Adding and opening a TPM protector: of the TPM alone, with a PIN, with a startup key. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "header/change.h"
#include "keys/boot_policy.h"
#include "keys/lockout.h"
#include "keys/second_factor.h"
#include "keys/vmk.h"
#include "protector/tpm2.h"
#include "protector/unlock.h"

#define ALL_PCRS ((1u << PCR_COUNT) - 1)

/* What adding and opening have in common: the TPM, its state, and the volume's policy. */
struct session {
	struct tpm *tpm;
	struct pcr_values found; /* all PCRs */
	struct boot_policy policy;
};

static void session_free(struct session *s)
{
	tpm_close(s->tpm);
	boot_policy_free(&s->policy);
}

#define _cleanup_session_ __attribute__((cleanup(session_free)))

static int session_open(const char *tcti, struct session *s, enum reason *ret_reason)
{
	int r = tpm_open(tcti, &s->tpm, ret_reason);

	return r < 0 ? r : tpm_read_pcrs(s->tpm, ALL_PCRS, &s->found, ret_reason);
}

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

/* --- adding --------------------------------------------------------------------------------- */

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

static int rehearse(const char *path, const struct enrolment *how)
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

/*
 * Approve the machine's present boot state with the volume's policy key, which is made if there
 * is none; for one that replaces another it has to be approved already. Then seal a new key, unseal
 * it, and write the token. On a machine whose TPM is capped in this boot the new protector is not
 * tried, and a notice says so.
 */
static int add(struct header *header, const struct secret *fvek, const struct enrolment *how)
{
	_cleanup_session_ struct session s = {0};
	_cleanup_second_factor_ struct second_factor factor = {0};
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	_cleanup_change_ struct change change = {.header = header, .replaces = how->spec->replaces};
	_cleanup_secret_ struct secret *vmk = NULL, *kek = NULL;
	_cleanup_free_ char *policy_json = NULL, *json = NULL;
	const char *kind = protector_kind_name(how->spec->kind);
	int r = how->spec->kind == PROTECTOR_TPM2_PIN ? check_pin(header, how->secret) : 0;

	if (r < 0)
		return r;
	if (!how->spec->replaces)
		r = change_check_room(header, CHANGE_NEEDS_TOKEN);
	if (r < 0)
		return r;
	r = token_head_init(&token.head, how->spec->label);
	if (r < 0)
		return r;
	r = vmk_from_fvek(header, fvek, &token.generation, &vmk);
	if (r < 0)
		return r;

	r = prepare_add(header, vmk, how, token.generation, &token, &s);
	if (r < 0)
		return r;
	r = make_factor(how, &token, &factor);
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

/* --- opening -------------------------------------------------------------------------------- */

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

static int check(const struct header *header, const struct protector *protector, const char *tcti,
		 int *ret_boots_left, struct refusal *ret_refusal)
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

/* A wrong PIN costs exactly one try; nothing else does. */
static int open_sealed(struct header *header, const struct protector *protector,
		       const struct unlock *how, const struct secret *secret,
		       struct secret **ret_fvek, struct refusal *ret_refusal)
{
	_cleanup_session_ struct session s = {0};
	_cleanup_second_factor_ struct second_factor factor = {0};
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	_cleanup_secret_ struct secret *unsealed = NULL, *kek = NULL;
	enum reason *reason = &ret_refusal->reason, ignored;
	const struct token_approval *approval;
	struct vmk_holder holder;
	int r = prepare_open(header, protector, how->tcti, &s, &token, &approval, ret_refusal);

	if (r < 0)
		return r;
	r = open_factor(header, protector, &token, secret, &factor, reason);
	if (r < 0)
		return r;
	r = tpm_unseal(s.tpm, &token.srk, &token.sealed, &s.policy.authority, &approval->policy,
		       factor.auth, &unsealed, reason);
	if (r < 0 && *reason == REASON_PCR_MISMATCH)
		explain_mismatch(approval, &s.found, ret_refusal);
	if (r < 0 && (*reason == REASON_PIN_WRONG || *reason == REASON_TPM_LOCKED_OUT))
		tpm_lockout_read(s.tpm, &ret_refusal->lockout, &ignored);
	if (r < 0)
		return r;

	*reason = REASON_TOKEN_CORRUPT;
	if (factor.half)
		r = second_factor_kek(&factor, unsealed, &kek);
	else
		kek = steal(unsealed);
	holder = (struct vmk_holder){
		.kind = protector_kind_name(protector->kind),
		.id = token.head.id,
		.generation = token.generation,
		.kek = kek,
		.vmk = &token.vmk,
		.wrapped_kek = &token.kek,
	};
	return r < 0 ? r : vmk_open(header, &holder, ret_fvek, reason);
}

/* --- the kinds ------------------------------------------------------------------------------ */

static bool take_option(const char *name, char *value, struct protector_spec *spec)
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
	.option = take_option,
	.open = open_sealed,
	.check = check,
	.rehearse = rehearse,
	.add = add,
};

const struct kind_row kind_tpm2_key = {
	.name = "tpm2-key",
	.token_type = "fve-tpm2-key",
	.flags = KIND_KEY | KIND_TPM,
	.read = protector_tpm2_read,
	.option = take_option,
	.open = open_sealed,
	.check = check,
	.rehearse = rehearse,
	.add = add,
};

const struct kind_row kind_tpm2_pin = {
	.name = "tpm2-pin",
	.token_type = "fve-tpm2-pin",
	.flags = KIND_PIN | KIND_TPM,
	.asks = "PIN",
	.asks_min = PIN_LENGTH_MIN,
	.read = protector_tpm2_read,
	.option = take_option,
	.open = open_sealed,
	.check = check,
	.rehearse = rehearse,
	.add = add,
};

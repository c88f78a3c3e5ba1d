// SPDX-License-Identifier: LGPL-2.1-or-later
/* The protector of a volume whose protection is suspended. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "header/change.h"
#include "keys/vmk.h"
#include "protector/suspended.h"
#include "protector/tpm2.h"
#include "protector/unlock.h"

#define KIND "suspended"
#define TYPE "fve-suspended"

/* Capped, the TPM keeps this key back as well. */
static const struct pcr_values not_capped = {.mask = 1u << PCR_CAP};

static int policy_digest(const struct policy_boots *boots, uint8_t ret[SHA256_SIZE])
{
	int r;

	memset(ret, 0, SHA256_SIZE);
	r = policy_extend_pcr(ret, &not_capped);
	return r < 0 ? r : policy_extend_boots(ret, boots);
}

/* Those that are there already, expired or not. */
static void remove_others(const struct header *header, struct change *change)
{
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(header, list);

	for (int i = 0; i < n; i++)
		if (list[i].kind == PROTECTOR_SUSPENDED)
			change_remove_token(change, list[i].token);
}

/* Seal a new KEK and try it, where that can be: not after a sleep in this boot (@restarts). */
static int seal(struct tpm *tpm, uint32_t restarts, struct token_tpm2 *token,
		struct secret **ret_kek, enum reason *ret_reason)
{
	_cleanup_secret_ struct secret *kek = secret_random(KEK_SIZE), *unsealed = NULL;
	uint8_t policy[SHA256_SIZE];
	struct pcr_values found;
	int r = kek ? tpm_srk_name(tpm, TPM_SRK_MAKE, &token->srk, ret_reason) : -ENOMEM;

	if (r < 0)
		return r;
	r = policy_digest(&token->boots, policy);
	if (r < 0)
		return r;
	r = tpm_seal(tpm, &token->srk, policy, TPM_DA_EXEMPT, NULL, kek, &token->sealed,
		     ret_reason);
	if (r < 0)
		return r;
	r = tpm_read_pcrs(tpm, 1u << PCR_CAP, &found, ret_reason);
	if (r < 0)
		return r;
	if (!restarts && !pcr_values_differ(&found, &not_capped)) {
		r = tpm_unseal_suspended(tpm, &token->srk, &token->sealed, &not_capped,
					 &token->boots, &unsealed, ret_reason);
		if (r == 0 && !secret_equal(kek, unsealed))
			r = -EIO;
	}
	if (r == 0)
		*ret_kek = steal(kek);
	return r;
}

/* In place of one that is there. */
static int add(struct header *header, const struct secret *fvek, const struct enrolment *how)
{
	const struct protector_spec *spec = how->spec;
	_cleanup_tpm_ struct tpm *tpm = NULL;
	_cleanup_token_tpm2_ struct token_tpm2 token = {.suspended = true};
	_cleanup_change_ struct change change = {.header = header, .replaces = true};
	_cleanup_secret_ struct secret *vmk = NULL, *kek = NULL;
	_cleanup_free_ char *json = NULL;
	enum reason reason = REASON_NONE;
	struct tpm_boots now = {0};
	int r = token_head_init(&token.head, spec->label);

	if (r < 0)
		return r;
	r = vmk_from_fvek(header, fvek, &token.generation, &vmk);
	if (r < 0)
		return r;
	r = tpm_open(how->tcti, &tpm, &reason);
	if (r == 0)
		r = tpm_boots_read(tpm, &now, &reason);
	if (r == 0 && now.resets > UINT32_MAX - spec->boots)
		r = -EOVERFLOW;
	token.boots = (struct policy_boots){now.resets + spec->boots, true};
	if (r == 0)
		r = seal(tpm, now.restarts, &token, &kek, &reason);
	if (r < 0)
		return log_errno(-r, "the TPM does not seal a key for the next boots: %s (%s)",
				 reason_text(reason), reason_code(reason));
	r = vmk_wrap(header, KIND, token.head.id, token.generation, kek, vmk, &token.vmk);
	if (r < 0)
		return r;
	r = kek_wrap(header, KIND, token.head.id, fvek, kek, &token.kek);
	if (r < 0)
		return r;
	json = token_tpm2_format(&token, TYPE);
	change_set_token(&change, HEADER_ANY, json);
	remove_others(header, &change);
	return change_commit(&change, fvek);
}

int protector_suspended_remove(struct header *header, const struct secret *fvek)
{
	_cleanup_change_ struct change change = {.header = header};

	remove_others(header, &change);
	if (!change.n_steps)
		return log_errno(ENOENT, "protection of %s is not suspended", header_path(header));
	return change_commit(&change, fvek);
}

static int read_token(const struct header *header, const struct protector *protector,
		      struct token_tpm2 *ret)
{
	const char *type, *json;

	if (header_token_get(header, protector->token, &type, &json) < 0 ||
	    token_tpm2_parse(json, ret) < 0)
		return -EBADMSG;
	return 0;
}

static int open_now(struct header *header, const struct protector *protector,
		    const struct unlock *how, const struct secret *secret, struct secret **ret_fvek,
		    struct refusal *ret_refusal)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	_cleanup_secret_ struct secret *kek = NULL;
	enum reason *reason = &ret_refusal->reason;
	int r = read_token(header, protector, &token);

	(void)secret;
	*ret_refusal = (struct refusal){.reason = REASON_TOKEN_CORRUPT};
	if (r < 0)
		return r;
	r = tpm_open(how->tcti, &tpm, reason);
	if (r == 0)
		r = tpm_unseal_suspended(tpm, &token.srk, &token.sealed, &not_capped, &token.boots,
					 &kek, reason);
	if (r < 0 && *reason == REASON_PCR_MISMATCH)
		*reason = REASON_CAPPED;
	if (r < 0)
		return r;
	return vmk_open(header, &VMK_HOLDER(KIND, &token, kek), ret_fvek, reason);
}

static int check(const struct header *header, const struct protector *protector, const char *tcti,
		 int *ret_left, struct refusal *ret_refusal)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	enum reason *reason = &ret_refusal->reason;
	struct pcr_values found;
	struct tpm_name srk;
	struct tpm_boots now = {0};
	int r = read_token(header, protector, &token);

	*ret_left = -1;
	*ret_refusal = (struct refusal){.reason = r < 0 ? REASON_TOKEN_CORRUPT : REASON_NONE};
	if (r == 0)
		r = tpm_open(tcti, &tpm, reason);
	if (r == 0)
		r = tpm_srk_name(tpm, TPM_SRK_FIND, &srk, reason);
	if (r == 0)
		r = tpm_boots_read(tpm, &now, reason);
	if (r == 0)
		r = tpm_read_pcrs(tpm, 1u << PCR_CAP, &found, reason);
	if (r < 0)
		return r;
	if (memcmp(&srk, &token.srk, sizeof(srk)))
		*reason = REASON_TPM_OTHER;
	else if (now.resets > token.boots.reset_limit)
		*reason = REASON_SUSPEND_EXPIRED;
	else
		*ret_left = (int)(token.boots.reset_limit - now.resets);
	if (*reason == REASON_NONE && token.boots.no_restart && now.restarts)
		*reason = REASON_TPM_RESTARTED;
	if (*reason == REASON_NONE && pcr_values_differ(&found, &not_capped))
		*reason = REASON_CAPPED;
	return *reason == REASON_NONE ? 0 : -EPERM;
}

static bool take_option(const char *name, char *value, struct protector_spec *spec)
{
	return !strcmp(name, "boots") && value &&
	       number_parse(value, 1, PROTECTOR_BOOTS_MAX, &spec->boots) == 0;
}

const struct kind_row kind_suspended = {
	.name = KIND,
	.token_type = TYPE,
	.flags = KIND_ALONE | KIND_TPM | KIND_TEMPORARY,
	.read = protector_tpm2_read,
	.option = take_option,
	.open = open_now,
	.check = check,
	.add = add,
};

// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is weaker about a volume's TPM protectors than this version would make it. */
#include "keys/boot_policy.h"
#include "protector/concerns.h"
#include "protector/protector.h"
#include "tpm/tpm.h"

static bool lockout_open(struct tpm *tpm)
{
	struct tpm_lockout lockout;
	enum reason reason;

	return tpm_lockout_read(tpm, &lockout, &reason) == 0 && !lockout.owned;
}

static bool weak(const struct boot_policy *policy)
{
	for (size_t i = 0; i < policy->token.n_approvals; i++)
		if (boot_policy_weak(policy, &policy->token.approvals[i]))
			return true;
	return false;
}

/* In any TPM: of another one than the machine's no counter is read, and all approvals count. */
static bool weak_pcrs(const struct header *header, const char *tcti)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	struct header_token token = HEADER_TOKEN_START;
	enum reason reason;

	while (header_token_next(header, TOKEN_TYPE_POLICY, &token)) {
		_cleanup_boot_policy_ struct boot_policy policy = {0};

		if (boot_policy_get(header, &token, &policy) < 0)
			continue;
		if (!tpm && tpm_open(tcti, &tpm, &reason) < 0)
			tpm = NULL;
		if (tpm && boot_policy_read_counter(&policy, tpm, &reason) < 0)
			policy.counter = 0;
		if (weak(&policy))
			return true;
	}
	return false;
}

size_t concerns_read(const struct header *header, const char *tcti, enum reason ret[CONCERNS_MAX])
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	enum reason reason;
	size_t n = 0;

	if (weak_pcrs(header, tcti))
		ret[n++] = REASON_WEAK_PCRS;
	if (protector_any(header, kind_mask(KIND_PIN, 0)) && tpm_open(tcti, &tpm, &reason) < 0)
		tpm = NULL;
	if (tpm && lockout_open(tpm))
		ret[n++] = REASON_LOCKOUT_OPEN;
	return n;
}

const char *concerns_remedy(enum reason reason)
{
	return reason == REASON_LOCKOUT_OPEN ? "fvesetup tpm lockout"
					     : "fvesetup tpm approve --pcrs default";
}

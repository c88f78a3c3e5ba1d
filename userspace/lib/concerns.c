// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is weaker about a volume's TPM protectors than this version would make it. */
#include "concerns.h"
#include "protector.h"
#include "tpm.h"

static bool lockout_open(struct tpm *tpm)
{
	struct tpm_lockout lockout;
	enum reason reason;

	return tpm_lockout_read(tpm, &lockout, &reason) == 0 && !lockout.owned;
}

size_t concerns_read(const struct header *header, const char *tcti, enum reason ret[CONCERNS_MAX])
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	enum reason reason;
	size_t n = 0;

	if (protector_any(header, PROTECTOR_TPM2_PIN) && tpm_open(tcti, &tpm, &reason) < 0)
		tpm = NULL;
	if (tpm && lockout_open(tpm))
		ret[n++] = REASON_LOCKOUT_OPEN;
	return n;
}

const char *concern_remedy(enum reason reason)
{
	return reason == REASON_LOCKOUT_OPEN ? "fvesetup tpm lockout" : "";
}

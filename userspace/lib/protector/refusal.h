/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a protector did not open. */
#pragma once

#include <string.h>

#include "protector/protector.h"

#define REFUSAL_DETAIL_SIZE 480 /* bytes, with the NUL */

struct refusal {
	enum reason reason;
	/* With REASON_PCR_MISMATCH and REASON_CAPPED: the PCRs that differ from the nearest
	 * approved boot chain, in both sets. */
	struct pcr_values expected;
	struct pcr_values found;
	struct policy_events approved; /* what was measured in the approved boot, if it is known */
	/* What a person is told beside the reason; customer-key: what became of each root. */
	char detail[REFUSAL_DETAIL_SIZE];
	/* With REASON_PIN_WRONG, REASON_TPM_LOCKED_OUT and REASON_LOCKOUT_CHANGED. */
	struct tpm_lockout lockout;
};

/* The refusal of a protector that is not tried: its health, where that is bad. */
static inline struct refusal refusal_of(const struct protector *protector)
{
	struct refusal refusal = {.reason = protector->health};

	memcpy(refusal.detail, protector->why, sizeof(protector->why));
	return refusal;
}

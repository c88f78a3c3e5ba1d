/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What adding and opening by the TPM have in common: the TPM, its state, and the volume's policy.
 */
#pragma once

#include "keys/boot_policy.h"

struct session {
	struct tpm *tpm;
	struct pcr_values found; /* all PCRs */
	struct boot_policy policy;
};

static inline int session_open(const char *tcti, struct session *s, enum reason *ret_reason)
{
	int r = tpm_open(tcti, &s->tpm, ret_reason);

	return r < 0 ? r : tpm_read_pcrs(s->tpm, (1u << PCR_COUNT) - 1, &s->found, ret_reason);
}

static inline void session_free(struct session *s)
{
	tpm_close(s->tpm);
	boot_policy_free(&s->policy);
}

#define _cleanup_session_ __attribute__((cleanup(session_free)))

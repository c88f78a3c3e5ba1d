/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The TPM as protector: sealing a KEK, and saying why it is not released. */
#ifndef FVE_PROTECTOR_TPM2_H
#define FVE_PROTECTOR_TPM2_H

#include "protector.h"

/* Why a machine's protector did not open. */
struct refusal {
	enum reason reason;
	/* With REASON_PCR_MISMATCH and REASON_CAPPED: the PCRs that differ from the nearest
	 * approved boot chain, in both sets. */
	struct pcr_values expected;
	struct pcr_values found;
};

/*
 * Approve the machine's present boot state with the volume's policy key, which is made if there
 * is none, seal a new KEK and write the token. Messages are made here; @refusal tells the reason
 * where there is one.
 */
int protector_tpm2_add(struct header *header, const struct secret *fvek,
		       const struct protector_spec *spec, const char *tcti,
		       struct refusal *ret_refusal);

/* Open the volume by the TPM; on failure @ret_refusal says why, and no message is printed. */
int protector_tpm2_open(struct header *header, const struct protector *protector, const char *tcti,
			struct secret **ret_fvek, struct refusal *ret_refusal);

/* The volume's "fve-policy" token and its number. -ENOENT: none; -EBADMSG. No message. */
int policy_token(const struct header *header, struct token_policy *ret, int *ret_token);

#endif

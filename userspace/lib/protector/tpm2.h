/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The TPM as protector: sealing a key, and saying why it is not released. */
#ifndef FVE_PROTECTOR_TPM2_H
#define FVE_PROTECTOR_TPM2_H

#include <string.h>

#include "protector/protector.h"

/* Shortest PIN in bytes: BitLocker's, where each try costs one of 32. */
#define PIN_LENGTH_MIN	    6

#define REFUSAL_DETAIL_SIZE 480 /* bytes, with the NUL */

/* Why a machine's protector did not open. */
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

/* What to enrol. */
struct tpm2_enrolment {
	const struct protector_spec *spec;
	const char *tcti;		  /* as for tpm_open() */
	const char *event_log;		  /* as for event_log_load() */
	const struct secret *secret;	  /* tpm2-pin: the PIN; tpm2-key: the startup key */
	const struct header_pbkdf *pbkdf; /* tpm2-pin: how long to stretch it */
};

/*
 * Approve the machine's present boot state with the volume's policy key, which is made if there
 * is none; for one that replaces another it has to be approved already. Then seal a new key, unseal
 * it, and write the token. On a machine whose TPM is capped in this boot the new protector is not
 * tried, and a notice says so. Messages are made here.
 */
int protector_tpm2_add(struct header *header, const struct secret *fvek,
		       const struct tpm2_enrolment *how);

/*
 * Whether the TPM would release the key now, as far as can be told without the secret and
 * without a try: the same refusals as protector_tpm2_open(). Gives the tries that are left.
 */
int protector_tpm2_check(const struct header *header, const struct protector *protector,
			 const char *tcti, struct refusal *ret_refusal);

/*
 * Forget the wrong PINs that the TPM counts, where nobody else decides on that: to be called when a
 * person has shown the recovery password. Best effort, with a notice when it was done.
 */
void protector_tpm2_forgive(const struct header *header, const struct secret *fvek,
			    const char *tcti);

/*
 * Open the volume by the TPM, and by @secret, a PIN or startup key, where the protector takes
 * one (NULL: there is none); on failure @ret_refusal says why, and no message is printed. A wrong
 * PIN costs exactly one try; nothing else does.
 */
int protector_tpm2_open(struct header *header, const struct protector *protector, const char *tcti,
			const struct secret *secret, struct secret **ret_fvek,
			struct refusal *ret_refusal);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The TPM as protector: sealing a key, and saying why it is not released. */
#ifndef FVE_PROTECTOR_TPM2_H
#define FVE_PROTECTOR_TPM2_H

#include "protector/protector.h"

/* Shortest PIN in characters: BitLocker's, where each try costs one of 32. */
#define PIN_LENGTH_MIN 6

/* read() of the kinds whose token has what a TPM sealed. */
int protector_tpm2_read(const struct header *header, const char *json, struct protector *ret);

/*
 * Forget the wrong PINs that the TPM counts, where nobody else decides on that: to be called when a
 * person has shown the recovery password. Best effort, with a notice when it was done.
 */
void protector_tpm2_forgive(const struct header *header, const struct secret *fvek,
			    const char *tcti);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cap: after the unlock phase PCR 15 is extended, and since every approval demands its start
 * value, the TPM releases no key of ours again until it is reset.
 */
#pragma once

#include "base/reason.h"
#include "crypto/crypto.h"
#include "header/header.h"

/* How long a TPM that the firmware announces may take to show up, in seconds. */
#define CAP_TPM_WAIT_S 5

/*
 * Wait until the TPM can be used. -ENODEV at once where neither firmware nor kernel know of one,
 * or after CAP_TPM_WAIT_S. A @tcti that is given is not waited for.
 */
int cap_wait_for_tpm(const char *tcti);

/*
 * What PCR 15 is extended with when @fvek opened this volume: the same in each boot, and of no
 * use to learn the key from. HKDF(VMK, "fve-id:<uuid>").
 */
int cap_identity(const struct header *header, const struct secret *fvek, uint8_t ret[SHA256_SIZE]);

/*
 * Extend PCR 15 with @identity, or with random bytes where that is NULL, unless that was done in
 * this boot already. 0: the TPM is capped; -ENODEV: there is no TPM, or none with a SHA-256 bank,
 * and hence nothing that could be unsealed; else the TPM failed, and @ret_reason says how.
 */
int cap_tpm(const char *tcti, const uint8_t *identity, enum reason *ret_reason);

/* Whether the volume has a protector that a TPM releases. */
bool cap_has_tpm_protector(const struct header *header);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The TPM, as far as the key hierarchy needs it: one sealed KEK under an authorised PCR
 * policy. tpm.c is the only file that includes tpm2-tss.
 *
 * Rules (docs/on-disk.md, "TPM"): the SRK is pinned by its Name before anything secret
 * moves; every session is salted to the SRK and encrypts parameters both ways; the sealed
 * object has no userWithAuth and is fixed to this TPM; only the SHA-256 bank is used.
 *
 * Functions return 0 or -errno. Where a function has @ret_reason, it is set on every
 * failure that has a reason of its own (reason.h), and to REASON_NONE otherwise. They print
 * details of unexpected TPM errors with log_debug(); the caller makes the message.
 */
#ifndef FVE_TPM_H
#define FVE_TPM_H

#include "crypto.h"
#include "policy.h"
#include "reason.h"
#include "secret.h"
#include "util.h"

struct tpm; /* an open connection; one thread */

/* The TPM Name of a key: nameAlg SHA-256 (0x000b), then the digest of its public area. */
#define TPM_NAME_SIZE 34
struct tpm_name {
	uint8_t data[TPM_NAME_SIZE];
};

/* TPM2B_PUBLIC and TPM2B_PRIVATE of the sealed KEK, marshalled as the TPM 2.0 spec has it. */
struct tpm_sealed {
	struct blob public;
	struct blob private;
};

void tpm_sealed_free(struct tpm_sealed *sealed);
#define _cleanup_tpm_sealed_ __attribute__((cleanup(tpm_sealed_free)))

/*
 * Connect. @tcti is a TCTI configuration as tpm2-tools take it ("device:/dev/tpmrm0",
 * "swtpm:path=..."); NULL means the resource manager's device, then /dev/tpm0.
 * -ENODEV and REASON_TPM_ABSENT where there is no TPM.
 */
int tpm_open(const char *tcti, struct tpm **ret, enum reason *ret_reason);

/*
 * Disconnect. Until then tpm2-tss keeps copies of what was sealed and unsealed last, out of our
 * reach, and then frees them as they are: set mallopt(M_PERTURB) in a program that uses this.
 */
void tpm_close(struct tpm *tpm);

static inline void tpm_closep(struct tpm **tpm)
{
	tpm_close(*tpm);
}

#define _cleanup_tpm_ __attribute__((cleanup(tpm_closep)))

/* Values of the PCRs in @mask, SHA-256 bank. REASON_BANK_DEAD where there is no such bank. */
int tpm_read_pcrs(struct tpm *tpm, uint32_t mask, struct pcr_values *ret, enum reason *ret_reason);

/*
 * Name of the storage root key at 0x81000001. With @create, a missing one is made from the
 * TCG ECC P-256 template (TCG EK Credential Profile / Provisioning Guidance, SRK template) and
 * made persistent; without, a missing one gives -ENOKEY and REASON_TPM_CLEARED.
 */
int tpm_srk_name(struct tpm *tpm, bool create, struct tpm_name *ret, enum reason *ret_reason);

/*
 * Seal @kek (32 bytes) under the SRK, which must be @srk, with @auth_policy as its only way
 * in. @no_da exempts it from the dictionary-attack counter: only where no person's secret
 * takes part.
 */
int tpm_seal(struct tpm *tpm, const struct tpm_name *srk, const uint8_t auth_policy[SHA256_SIZE],
	     bool no_da, const struct secret *kek, struct tpm_sealed *ret, enum reason *ret_reason);

/*
 * Unseal by the approved policy @approval, signed by @policy_key for @policy_ref.
 * The TPM itself compares the PCRs: REASON_PCR_MISMATCH when it refuses;
 * REASON_TPM_OTHER when the SRK is not @srk, before anything secret is sent;
 * REASON_TPM_CLEARED when there is no SRK; REASON_TPM_LOCKED_OUT; REASON_TPM_ABSENT when it
 * stops answering; REASON_TOKEN_CORRUPT when blobs, key, signature or reference are malformed,
 * not accepted or not of one protector; REASON_TPM_ERROR otherwise.
 */
int tpm_unseal(struct tpm *tpm, const struct tpm_name *srk, const struct tpm_sealed *sealed,
	       const struct ec_public *policy_key, const char *policy_ref,
	       const struct policy_approval *approval, struct secret **ret,
	       enum reason *ret_reason);

/* Extend @pcr (SHA-256 bank) with @digest. */
int tpm_extend(struct tpm *tpm, unsigned int pcr, const uint8_t digest[SHA256_SIZE]);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TPM policies as arithmetic, without a TPM: PCR values, the digest of a PCR policy, its
 * approval by the volume's policy key, and the digest that a sealed object carries.
 */
#ifndef FVE_POLICY_H
#define FVE_POLICY_H

#include "crypto.h"

#define PCR_COUNT 24
#define PCR_CAP	  15 /* extended after unlock; every policy asks for its start value */

/* PCRs of the boot chain: PE images, Secure Boot state, GRUB or kernel command line, initrd. */
#define PCR_MASK_DEFAULT     ((1u << 4) | (1u << 7) | (1u << 8) | (1u << 9))
#define PCR_MASK_DEFAULT_UKI ((1u << 7) | (1u << 11))
/* Those that cover the initrd: 9 (kernel's LOAD_FILE2 or GRUB) and 11 (systemd-stub). */
#define PCR_MASK_INITRD ((1u << 9) | (1u << 11))

/* Values of a set of PCRs in the SHA-256 bank; entries outside @mask are zero. */
struct pcr_values {
	uint32_t mask;
	uint8_t value[PCR_COUNT][SHA256_SIZE];
};

/* One boot chain that the volume's policy key has signed. */
struct policy_approval {
	struct pcr_values pcrs;
	struct ec_signature signature; /* over policy_to_be_signed() */
};

/* "4+7+8+9" to a mask: decimal PCR numbers below 24 joined by "+" or ",". -EINVAL. */
int pcr_mask_parse(const char *text, uint32_t *ret);
/* The same back; the caller frees. NULL on out of memory. */
char *pcr_mask_format(uint32_t mask);

/* PCRs that are in both sets and differ. */
uint32_t pcr_values_differ(const struct pcr_values *a, const struct pcr_values *b);

/* SHA-256 over the concatenated values, lowest PCR first: the pcrDigest of TPM2_PolicyPCR. */
int pcr_values_digest(const struct pcr_values *pcrs, uint8_t ret[SHA256_SIZE]);

/* Policy digest of a fresh session after TPM2_PolicyPCR (TPM 2.0 Part 3, 23.7). */
int policy_pcr_digest(const struct pcr_values *pcrs, uint8_t ret[SHA256_SIZE]);

/*
 * Name of @key as the TPM computes it for TPM2_LoadExternal: nameAlg, then SHA-256 of its
 * TPMT_PUBLIC (ECC, SHA-256, userWithAuth|sign, no symmetric, ECDSA-SHA256, P-256, no KDF).
 */
#define POLICY_KEY_NAME_SIZE 34
int policy_key_name(const struct ec_public *key, uint8_t ret[POLICY_KEY_NAME_SIZE]);

/* Policy digest after TPM2_PolicyAuthorize by @key with @ref (Part 3, 23.16). */
int policy_authorize_digest(const struct ec_public *key, const char *ref, uint8_t ret[SHA256_SIZE]);

/* Policy digest after TPM2_PolicyAuthValue, from @digest before it and into it (Part 3, 23.17). */
int policy_extend_auth_value(uint8_t digest[SHA256_SIZE]);

/* What the policy key signs: SHA-256(approved policy digest | ref) (Part 3, 23.16). */
int policy_to_be_signed(const struct pcr_values *pcrs, const char *ref, uint8_t ret[SHA256_SIZE]);

/* Approve @pcrs with the policy key's private half. */
int policy_approve(const struct secret *private, const struct ec_public *public, const char *ref,
		   const struct pcr_values *pcrs, struct policy_approval *ret);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TPM policies as arithmetic, without a TPM: PCR values, the digest of a PCR policy, its
 * approval by the volume's policy key, and the digest that a sealed object carries.
 */
#ifndef FVE_POLICY_DIGEST_H
#define FVE_POLICY_DIGEST_H

#include <stdbool.h>

#include "crypto/crypto.h"

#define PCR_COUNT 24
#define PCR_UKI	  11 /* systemd-stub, then systemd's phases of the boot */
#define PCR_CAP	  15 /* extended after unlock; every policy asks for its start value */

/*
 * PCRs of the boot chain: PE images, Secure Boot state, GRUB or kernel command line, initrd. Of a
 * unified kernel image: what it holds, what is passed to it from outside (a command line,
 * credentials), and system extensions (systemd-stub(7)).
 */
#define PCR_MASK_DEFAULT     ((1u << 4) | (1u << 7) | (1u << 8) | (1u << 9))
#define PCR_MASK_DEFAULT_UKI ((1u << 4) | (1u << 7) | (1u << 11) | (1u << 12) | (1u << 13))
/* Those that cover the initrd: 9 (kernel's LOAD_FILE2 or GRUB) and 11 (systemd-stub). */
#define PCR_MASK_INITRD ((1u << 9) | (1u << 11))
/*
 * Those that whoever runs on the machine can extend to what an approved boot has, since they are
 * zero when he starts and what goes in can be computed from the disk. Only PCR 4, into which the
 * firmware measures him before, or Secure Boot, which does not start him, prevents that.
 */
#define PCR_MASK_REPLAYED ((1u << 9) | (1u << 11) | (1u << 12))
#define PCR_IMAGES	  4

/* Values of a set of PCRs in the SHA-256 bank; entries outside @mask are zero. */
struct pcr_values {
	uint32_t mask;
	uint8_t value[PCR_COUNT][SHA256_SIZE];
};

#define POLICY_NAME_SIZE 34 /* bytes of a TPM Name: nameAlg SHA-256, then a digest */

/*
 * The NV counter of a volume in one TPM. An approval is good while the counter is at most the
 * approval's limit; the counter only grows, and one that is made anew in the same TPM starts
 * above every counter that there ever was (TPM 2.0 Part 3, 31.8).
 */
struct policy_counter {
	uint32_t index; /* NV index; 0: there is no counter, and no approval can be revoked */
	uint8_t name[POLICY_NAME_SIZE];
};

/* Who approves: what is the same for all approvals of a volume in one TPM. */
struct policy_authority {
	struct ec_public key;
	char ref[64]; /* policyRef of TPM2_PolicyAuthorize, as text */
	struct policy_counter counter;
};

/*
 * Until when something sealed for some boots is good. A boot after an orderly sleep of the TPM,
 * TPM2_Shutdown(STATE), is a TPM Restart: PCRs begin anew, and only restartCount tells (Part 1,
 * 12.2.3). A reset puts that back to 0.
 */
struct policy_boots {
	uint32_t reset_limit; /* resetCount is at most this */
	bool no_restart;      /* and restartCount is 0; what older versions sealed does not ask */
};

/* One boot chain that the policy key has signed. */
struct policy_approval {
	struct pcr_values pcrs;
	uint64_t limit;		       /* of the counter; 0 where there is none */
	struct ec_signature signature; /* over policy_to_be_signed() */
};

/*
 * What was measured in an approved boot, shortened: enough to name the first event that differs
 * in another. Nothing is decided by it.
 */
#define POLICY_EVENTS_MAX	 256
#define POLICY_EVENT_DIGEST_SIZE 2
struct policy_events {
	size_t n;
	struct policy_event {
		uint8_t pcr;
		uint8_t digest[POLICY_EVENT_DIGEST_SIZE]; /* its first bytes */
	} list[POLICY_EVENTS_MAX];
};

/* "4+7+8+9" to a mask: decimal PCR numbers below 24 joined by "+" or ",". -EINVAL. */
int pcr_mask_parse(const char *text, uint32_t *ret);
/* The same back; the caller frees. NULL on out of memory. */
char *pcr_mask_format(uint32_t mask);

/* PCRs that are in both sets and differ. */
uint32_t pcr_values_differ(const struct pcr_values *a, const struct pcr_values *b);

/* SHA-256 over the concatenated values, lowest PCR first: the pcrDigest of TPM2_PolicyPCR. */
int pcr_values_digest(const struct pcr_values *pcrs, uint8_t ret[SHA256_SIZE]);

/*
 * What one command does to the policy digest of a session, which starts as zeros:
 * TPM2_PolicyPCR, TPM2_PolicyNV(counter <= limit), TPM2_PolicyAuthValue and
 * TPM2_PolicyCounterTimer(resetCount <= limit, restartCount <= 0) (Part 3, 23).
 */
int policy_extend_pcr(uint8_t digest[SHA256_SIZE], const struct pcr_values *pcrs);
int policy_extend_counter(uint8_t digest[SHA256_SIZE], const struct policy_counter *counter,
			  uint64_t limit);
int policy_extend_auth_value(uint8_t digest[SHA256_SIZE]);
int policy_extend_boots(uint8_t digest[SHA256_SIZE], const struct policy_boots *boots);

/* The operands of the two comparisons, as they are hashed and as the TPM is given them. */
#define POLICY_RESET_COUNT_OFFSET   16 /* in TPMS_TIME_INFO (Part 2, 10.11.6) */
#define POLICY_RESTART_COUNT_OFFSET 20
void policy_counter_operand(uint64_t limit, uint8_t ret[8]);
void policy_boots_operand(uint32_t limit, uint8_t ret[4]);

/*
 * Name of the counter at @index for the volume @uuid, once it was incremented: of a
 * TPM2_NT_COUNTER with authRead, authWrite, noDA and empty authValue. Its authPolicy is
 * SHA-256("fve counter <uuid>"), which no session satisfies: it only tells whose it is.
 */
int policy_counter_policy(const char *uuid, uint8_t ret[SHA256_SIZE]);
int policy_counter_name(uint32_t index, const char *uuid, uint8_t ret[POLICY_NAME_SIZE]);

/*
 * Name of @key as the TPM computes it for TPM2_LoadExternal: nameAlg, then SHA-256 of its
 * TPMT_PUBLIC (ECC, SHA-256, userWithAuth|sign, no symmetric, ECDSA-SHA256, P-256, no KDF).
 */
int policy_key_name(const struct ec_public *key, uint8_t ret[POLICY_NAME_SIZE]);

/* Policy digest after TPM2_PolicyAuthorize by @authority (Part 3, 23.16). */
int policy_authorize_digest(const struct policy_authority *authority, uint8_t ret[SHA256_SIZE]);

/* Policy digest that @approval approves: PCRs, then the counter where there is one. */
int policy_approved_digest(const struct policy_authority *authority,
			   const struct policy_approval *approval, uint8_t ret[SHA256_SIZE]);

/* What the policy key signs: SHA-256(approved policy digest | ref) (Part 3, 23.16). */
int policy_to_be_signed(const struct policy_authority *authority,
			const struct policy_approval *approval, uint8_t ret[SHA256_SIZE]);

/* Sign @approval's PCRs and limit with the policy key's private half. */
int policy_sign(const struct secret *private, const struct policy_authority *authority,
		struct policy_approval *approval);

#endif

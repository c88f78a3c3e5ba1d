/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Policy digests: the arithmetic of TPM 2.0 policies, computed here without a TPM. A sealed object
 * carries the policy digest that a session must reach to unseal it. Ours names an authority, the
 * volume's policy key; the policy key approves boot chains by signing their policy digests.
 *
 * "Part 2" and "Part 3" are those of the TPM 2.0 Library specification. Integers are big-endian.
 * Functions return 0 or -errno without a message.
 */
#pragma once

#include <stdbool.h>

#include "crypto/crypto.h"

#define PCR_COUNT 24 /* TCG PC Client Platform TPM Profile; PCRs are numbered from 0 */
#define PCR_UKI	  11 /* holds what systemd-stub measures, then systemd's phases of the boot */
#define PCR_CAP	  15 /* is extended after unlocking; every approval asks for its start value */

/*
 * The PCRs of a boot chain that are approved by default: 4, the PE images; 7, the state of Secure
 * Boot; 8, the command line of GRUB or the kernel; 9, the initrd. Of a unified kernel image: 11,
 * its contents; 12, what it is passed from outside, such as a command line and credentials; 13,
 * system extensions (systemd-stub(7)).
 */
#define PCR_MASK_DEFAULT     ((1u << 4) | (1u << 7) | (1u << 8) | (1u << 9))
#define PCR_MASK_DEFAULT_UKI ((1u << 4) | (1u << 7) | (1u << 11) | (1u << 12) | (1u << 13))
/* The PCRs that cover the initrd: 9 (kernel's LOAD_FILE2 or GRUB) and 11 (systemd-stub). */
#define PCR_MASK_INITRD ((1u << 9) | (1u << 11))
/*
 * The PCRs that any system which is started on the machine can extend to the values of an approved
 * boot: they are zero when it starts, and what goes into them can be computed from the disk. Only
 * PCR 4 prevents that, into which the firmware has measured that system, or Secure Boot, which does
 * not start it.
 */
#define PCR_MASK_REPLAYED ((1u << 9) | (1u << 11) | (1u << 12))
#define PCR_IMAGES	  4 /* holds the PE images that were started */

/* The values of a set of PCRs in the SHA-256 bank. */
struct pcr_values {
	uint32_t mask;			       /* bit n: PCR n is in the set */
	uint8_t value[PCR_COUNT][SHA256_SIZE]; /* zero for PCRs outside the set */
};

#define POLICY_NAME_SIZE 34 /* bytes of a TPM Name: nameAlg SHA-256, then a digest */

/*
 * The NV counter of a volume in one TPM. An approval is good while the counter is at most the
 * approval's limit. The counter only grows, and one that is made again in the same TPM starts above
 * every counter that there ever was in it (Part 3, 31.8).
 */
struct policy_counter {
	uint32_t index;			/* NV index; 0: none, so no approval can be revoked */
	uint8_t name[POLICY_NAME_SIZE]; /* of the index */
};

/* The authority that approves boot chains for a volume in one TPM. */
struct policy_authority {
	struct ec_public key; /* the policy key */
	char ref[64];	      /* policyRef of TPM2_PolicyAuthorize, as text */
	struct policy_counter counter;
};

/*
 * The number of boots for which something is sealed. A boot after an orderly sleep of the TPM,
 * TPM2_Shutdown(STATE), is a TPM Restart: the PCRs begin anew, and only restartCount tells (Part 1,
 * 12.2.3). A TPM Reset sets restartCount to 0.
 */
struct policy_boots {
	uint32_t reset_limit; /* resetCount must be at most this */
	bool no_restart;      /* restartCount must be 0; objects of older versions do not ask */
};

/* An approval: one boot chain that the policy key has signed. */
struct policy_approval {
	struct pcr_values pcrs;
	uint64_t limit;		       /* the greatest good value of the counter; 0: no counter */
	struct ec_signature signature; /* over policy_to_be_signed() */
};

/*
 * The events that were measured in an approved boot, shortened: enough to name the first event that
 * differs in another boot. Nothing is decided by them.
 */
#define POLICY_EVENTS_MAX	 256
#define POLICY_EVENT_DIGEST_SIZE 2 /* bytes */
struct policy_events {
	size_t n;
	struct policy_event {
		uint8_t pcr;
		uint8_t digest[POLICY_EVENT_DIGEST_SIZE]; /* the first bytes of the event's */
	} list[POLICY_EVENTS_MAX];
};

/* Parse "4+7+8+9", decimal PCR numbers below 24 joined by "+" or ",". -EINVAL: it is not that. */
int pcr_mask_parse(const char *text, uint32_t *ret);
/* Return a mask in the form "4+7+8+9", owned by the caller. NULL: out of memory. */
char *pcr_mask_format(uint32_t mask);

/* Return a mask of the PCRs that are in both sets and differ. */
uint32_t pcr_values_differ(const struct pcr_values *a, const struct pcr_values *b);

/* Compute pcrDigest of TPM2_PolicyPCR: SHA-256 over the values, lowest PCR first. */
int pcr_values_digest(const struct pcr_values *pcrs, uint8_t ret[SHA256_SIZE]);

/*
 * Each of these extends the policy digest of a session, which starts as zeros, as one command does:
 * TPM2_PolicyPCR, TPM2_PolicyNV (counter <= limit), TPM2_PolicyAuthValue and
 * TPM2_PolicyCounterTimer (resetCount <= limit, restartCount <= 0) (Part 3, 23).
 */
int policy_extend_pcr(uint8_t digest[SHA256_SIZE], const struct pcr_values *pcrs);
int policy_extend_counter(uint8_t digest[SHA256_SIZE], const struct policy_counter *counter,
			  uint64_t limit);
int policy_extend_auth_value(uint8_t digest[SHA256_SIZE]);
int policy_extend_boots(uint8_t digest[SHA256_SIZE], const struct policy_boots *boots);

/*
 * The operands of the comparisons with the counter and with a count of boots, as they are hashed
 * and as they are given to the TPM; and where the counts lie in TPMS_TIME_INFO (Part 2, 10.11.6).
 */
#define POLICY_RESET_COUNT_OFFSET   16 /* bytes */
#define POLICY_RESTART_COUNT_OFFSET 20 /* bytes */
void policy_counter_operand(uint64_t limit, uint8_t ret[8]);
void policy_boots_operand(uint32_t limit, uint8_t ret[4]);

/*
 * Compute authPolicy and Name of the counter at @index of the volume @uuid, once it was
 * incremented. It is a TPM2_NT_COUNTER with authRead, authWrite, noDA and an empty authValue. No
 * session reaches its authPolicy, SHA-256("fve counter <uuid>"), which only tells whose counter it
 * is.
 */
int policy_counter_policy(const char *uuid, uint8_t ret[SHA256_SIZE]);
int policy_counter_name(uint32_t index, const char *uuid, uint8_t ret[POLICY_NAME_SIZE]);

/*
 * Compute the Name that TPM2_LoadExternal gives @key: nameAlg, then SHA-256 of its TPMT_PUBLIC
 * (ECC, SHA-256, userWithAuth|sign, no symmetric, ECDSA-SHA256, P-256, no KDF).
 */
int policy_key_name(const struct ec_public *key, uint8_t ret[POLICY_NAME_SIZE]);

/* Compute the policy digest after TPM2_PolicyAuthorize by @authority (Part 3, 23.16). */
int policy_authorize_digest(const struct policy_authority *authority, uint8_t ret[SHA256_SIZE]);

/* Compute the policy digest that @approval approves: PCRs, then the counter where there is one. */
int policy_approved_digest(const struct policy_authority *authority,
			   const struct policy_approval *approval, uint8_t ret[SHA256_SIZE]);

/* Compute the digest that the policy key signs: SHA-256(approved digest | ref) (Part 3, 23.16). */
int policy_to_be_signed(const struct policy_authority *authority,
			const struct policy_approval *approval, uint8_t ret[SHA256_SIZE]);

/* Sign the PCRs and the limit of @approval with @private, the policy key's private half. */
int policy_sign(const struct secret *private, const struct policy_authority *authority,
		struct policy_approval *approval);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The TPM, as far as the key hierarchy needs it: one sealed KEK under an authorised PCR
 * policy. tpm2-tss stays behind private.h.
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

#include "base/reason.h"
#include "base/secret.h"
#include "base/util.h"
#include "crypto/crypto.h"
#include "tpm/policy_digest.h"

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
 * Name of the storage root key at 0x81000001. One that is not there gives -ENOKEY and
 * REASON_TPM_CLEARED, or is made from the TCG ECC P-256 template (TCG EK Credential Profile /
 * Provisioning Guidance, SRK template), to stay.
 */
enum tpm_srk {
	TPM_SRK_FIND,
	TPM_SRK_MAKE,
};
int tpm_srk_name(struct tpm *tpm, enum tpm_srk missing, struct tpm_name *ret,
		 enum reason *ret_reason);

/* Whether failures to use what is sealed count in the TPM's guard against dictionary attacks. */
enum tpm_da {
	TPM_DA_COUNTS,
	TPM_DA_EXEMPT,
};

/*
 * Seal @kek (32 bytes) under the SRK, which must be @srk, with @auth_policy as its only way
 * in. What nobody has to remember is exempt from the dictionary-attack counter. @auth, 32 bytes or
 * NULL, is what TPM2_PolicyAuthValue will ask for.
 */
int tpm_seal(struct tpm *tpm, const struct tpm_name *srk, const uint8_t auth_policy[SHA256_SIZE],
	     enum tpm_da da, const struct secret *auth, const struct secret *kek,
	     struct tpm_sealed *ret, enum reason *ret_reason);

/*
 * Unseal by @approval of @authority, and then by TPM2_PolicyAuthValue with @auth where that is
 * not NULL. @auth only keys the command's HMAC and is never sent; a wrong one costs one try of
 * the dictionary-attack counter, unless the object is exempt, and gives REASON_PIN_WRONG, or
 * REASON_SECRET_WRONG where it is exempt.
 * The TPM itself compares PCRs and counter: REASON_PCR_MISMATCH and REASON_POLICY_REVOKED when
 * it refuses; REASON_TPM_OTHER when the SRK is not @srk, before anything secret is sent;
 * REASON_TPM_CLEARED when there is no SRK; REASON_TPM_LOCKED_OUT; REASON_TPM_ABSENT when it
 * stops answering; REASON_TOKEN_CORRUPT when blobs, key, signature or reference are malformed,
 * not accepted or not of one protector; REASON_TPM_ERROR otherwise.
 */
int tpm_unseal(struct tpm *tpm, const struct tpm_name *srk, const struct tpm_sealed *sealed,
	       const struct policy_authority *authority, const struct policy_approval *approval,
	       const struct secret *auth, struct secret **ret, enum reason *ret_reason);

/*
 * Unseal what was sealed for the time that @boots says, and while @pcrs are as given.
 * REASON_SUSPEND_EXPIRED, REASON_TPM_RESTARTED; else as tpm_unseal().
 */
int tpm_unseal_suspended(struct tpm *tpm, const struct tpm_name *srk,
			 const struct tpm_sealed *sealed, const struct pcr_values *pcrs,
			 const struct policy_boots *boots, struct secret **ret,
			 enum reason *ret_reason);

/*
 * The counter of volume @uuid in this TPM, made if there is none. REASON_TPM_FULL: no room;
 * REASON_TPM_OWNED: making one takes the owner's password.
 */
int tpm_counter_make(struct tpm *tpm, const char *uuid, struct policy_counter *ret,
		     enum reason *ret_reason);
/* REASON_POLICY_REVOKED from these three: the counter is gone, or is not this volume's. */
int tpm_counter_read(struct tpm *tpm, const struct policy_counter *counter, uint64_t *ret,
		     enum reason *ret_reason);
int tpm_counter_increment(struct tpm *tpm, const struct policy_counter *counter,
			  enum reason *ret_reason);
int tpm_counter_remove(struct tpm *tpm, const struct policy_counter *counter,
		       enum reason *ret_reason);

/*
 * The one NV index that only ever grows: each extension replaces its value by the SHA-256 of that
 * and @digest. Made if there is none; with the owner's authority it can be removed, too. It reads
 * as zeros where it is missing, or was never extended.
 */
int tpm_audit_make(struct tpm *tpm, enum reason *ret_reason);
int tpm_audit_read(struct tpm *tpm, uint8_t ret[SHA256_SIZE], enum reason *ret_reason);
int tpm_audit_extend(struct tpm *tpm, const uint8_t digest[SHA256_SIZE], enum reason *ret_reason);

/* How often the TPM was started (TPMS_CLOCK_INFO). */
struct tpm_boots {
	uint32_t resets;   /* resetCount: in its life; once in each boot but those that follow */
	uint32_t restarts; /* restartCount: since the last reset; after sleep and hibernation */
};

int tpm_boots_read(struct tpm *tpm, struct tpm_boots *ret, enum reason *ret_reason);

/* How the TPM guards itself against guessing (TPM 2.0 Part 1, 19.8). */
struct tpm_lockout {
	uint32_t failed;     /* tries that count now */
	uint32_t max_tries;  /* so many, and it locks */
	uint32_t interval_s; /* one try is forgiven after so long, while the TPM has power */
	bool locked;
	bool owned; /* lockoutAuth is set: who knows it decides on these numbers */
};

int tpm_lockout_read(struct tpm *tpm, struct tpm_lockout *ret, enum reason *ret_reason);
/*
 * By lockoutAuth @auth, NULL where it is empty: set the numbers, forget the failed tries, and
 * change lockoutAuth itself from @old to @new, of which the TPM drops zeros at its end. The SRK
 * must be
 * @srk, as for tpm_unseal(). REASON_LOCKOUT_OWNED: @auth is not the one.
 */
int tpm_lockout_set(struct tpm *tpm, const struct tpm_name *srk, const struct secret *auth,
		    uint32_t max_tries, uint32_t interval_s, enum reason *ret_reason);
int tpm_lockout_clear(struct tpm *tpm, const struct tpm_name *srk, const struct secret *auth,
		      enum reason *ret_reason);
int tpm_lockout_own(struct tpm *tpm, const struct tpm_name *srk, const struct secret *old,
		    const struct secret *new, enum reason *ret_reason);

/*
 * Two places of the TPM that hold a key of 32 bytes which can be erased for good (slot.c).
 * The SRK must be @srk, as for tpm_unseal(). -ENOENT from reading: nothing is there.
 */
#define TPM_SLOTS      2
#define TPM_SLOT_INDEX 0x01846540u /* NV index of the first, after those of counter.c */
#define TPM_SLOT_SIZE  32
int tpm_slot_read(struct tpm *tpm, const struct tpm_name *srk, unsigned int slot,
		  struct secret **ret, enum reason *ret_reason);
/* REASON_TPM_FULL, REASON_TPM_OWNED: as tpm_counter_make(). */
int tpm_slot_write(struct tpm *tpm, const struct tpm_name *srk, unsigned int slot,
		   const struct secret *key, enum reason *ret_reason);
int tpm_slot_erase(struct tpm *tpm, const struct tpm_name *srk, unsigned int slot,
		   enum reason *ret_reason);

/* Extend @pcr (SHA-256 bank) with @digest. */
int tpm_extend(struct tpm *tpm, unsigned int pcr, const uint8_t digest[SHA256_SIZE]);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The TPM, as far as the key hierarchy needs it: KEKs that are sealed under approvals, the counter
 * that revokes approvals, the guard against guessing, and a few places that keep a value. tpm2-tss
 * stays behind private.h.
 *
 * Four rules hold everywhere (docs/on-disk.md, "TPM"). The SRK is pinned by its Name before
 * anything secret moves. A session that carries a secret is salted to the SRK and encrypts it. A
 * sealed object has no userWithAuth and is fixed to this TPM. Only the SHA-256 bank is used.
 *
 * Functions return 0 or -errno without a message. A failure that has a reason of its own (reason.h)
 * sets *@ret_reason to it, and any other to REASON_NONE. Details of unexpected TPM errors go to
 * log_debug().
 */
#pragma once

#include "base/reason.h"
#include "base/secret.h"
#include "base/util.h"
#include "crypto/crypto.h"
#include "tpm/policy_digest.h"

struct tpm; /* an open connection, for one thread */

/* The Name of a key: nameAlg SHA-256 (0x000b), then the digest of its public area. */
#define TPM_NAME_SIZE 34 /* bytes */
struct tpm_name {
	uint8_t data[TPM_NAME_SIZE];
};

/* TPM2B_PUBLIC and TPM2B_PRIVATE of a sealed object, marshalled as in Part 2. Both are owned. */
struct tpm_sealed {
	struct blob public;
	struct blob private;
};

void tpm_sealed_free(struct tpm_sealed *sealed);
#define _cleanup_tpm_sealed_ __attribute__((cleanup(tpm_sealed_free)))

/*
 * Connect to the TPM. @tcti is a TCTI configuration as tpm2-tools take it ("device:/dev/tpmrm0",
 * "swtpm:path=..."); NULL means the resource manager's device, or else /dev/tpm0. -ENODEV and
 * REASON_TPM_ABSENT: there is no TPM.
 */
int tpm_open(const char *tcti, struct tpm **ret, enum reason *ret_reason);

/*
 * Disconnect; NULL is fine. tpm2-tss keeps copies of what was sealed and unsealed last, out of our
 * reach, and frees them unwiped, so a program that calls this must have set mallopt(M_PERTURB)
 * (process_init()).
 */
void tpm_close(struct tpm *tpm);

/*
 * Whether @reason is one of a TPM that is there, and has failed: an error, or no more answer. @tpm
 * is NULL where tpm_open() gave the reason.
 */
bool tpm_has_failed(const struct tpm *tpm, enum reason reason);

DEFINE_CLEANUP(struct tpm, tpm_close)
#define _cleanup_tpm_ _cleanup_with_(tpm_close)

/* Read the PCRs in @mask, SHA-256 bank. REASON_BANK_DEAD: there is no such bank, or it is not in
 * use.
 */
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
 * Unseal with @approval by @authority, and with TPM2_PolicyAuthValue for @auth where that is not
 * NULL. @auth only keys the command's HMAC and is never sent. A wrong one costs one try of the
 * dictionary-attack counter, unless the object is exempt from that.
 *
 *	REASON_PCR_MISMATCH	the PCRs are not those of the approval; the TPM itself compares
 *	REASON_POLICY_REVOKED	the counter is above the approval's limit; the TPM itself compares
 *	REASON_PIN_WRONG	@auth is wrong, and that has cost a try
 *	REASON_SECRET_WRONG	@auth is wrong, of an object that is exempt
 *	REASON_TPM_OTHER	the SRK is not @srk; nothing secret was sent
 *	REASON_TPM_CLEARED	there is no SRK
 *	REASON_TPM_LOCKED_OUT	too many tries have failed
 *	REASON_TPM_ABSENT	the TPM has stopped answering
 *	REASON_TOKEN_CORRUPT	blobs, key, signature or reference are malformed, not accepted by
 *the TPM, or not all of one protector REASON_TPM_ERROR	anything else
 */
int tpm_unseal(struct tpm *tpm, const struct tpm_name *srk, const struct tpm_sealed *sealed,
	       const struct policy_authority *authority, const struct policy_approval *approval,
	       const struct secret *auth, struct secret **ret, enum reason *ret_reason);

/*
 * Unseal an object that was sealed for so many @boots and for the values @pcrs.
 * REASON_SUSPEND_EXPIRED: there were more boots; REASON_TPM_RESTARTED: the TPM has slept and has
 * not counted one; else as tpm_unseal().
 */
int tpm_unseal_suspended(struct tpm *tpm, const struct tpm_name *srk,
			 const struct tpm_sealed *sealed, const struct pcr_values *pcrs,
			 const struct policy_boots *boots, struct secret **ret,
			 enum reason *ret_reason);

/*
 * Give the counter of volume @uuid in this TPM, and make it where there is none. REASON_TPM_FULL:
 * there is no room; REASON_TPM_OWNED: making one takes the owner hierarchy's password.
 */
int tpm_counter_make(struct tpm *tpm, const char *uuid, struct policy_counter *ret,
		     enum reason *ret_reason);

/*
 * Read, increment or remove a counter. REASON_POLICY_REVOKED: it is gone, or not this volume's;
 * REASON_TPM_OWNED: removing one takes the owner hierarchy's password.
 */
int tpm_counter_read(struct tpm *tpm, const struct policy_counter *counter, uint64_t *ret,
		     enum reason *ret_reason);
int tpm_counter_increment(struct tpm *tpm, const struct policy_counter *counter,
			  enum reason *ret_reason);
int tpm_counter_remove(struct tpm *tpm, const struct policy_counter *counter,
		       enum reason *ret_reason);

/* An NV index of those that are kept for counters, which is in use. */
#define TPM_COUNTERS 64
struct tpm_counter_entry {
	struct policy_counter counter; /* with its Name as it is now, where it is ours */
	bool ours;		       /* a counter such as tpm_counter_make() makes */
	bool begun;		       /* it was never incremented, and so holds for nothing yet */
	uint8_t policy[SHA256_SIZE];   /* whose it is: policy_counter_policy() */
};

/* List them, in the order of their indices. */
int tpm_counter_list(struct tpm *tpm, struct tpm_counter_entry ret[TPM_COUNTERS], size_t *ret_n,
		     enum reason *ret_reason);

/*
 * The head of the audit log is an NV index of type extend (TPM2_NT_EXTEND): it can only be replaced
 * by the SHA-256 of its value and a digest. The TPM's owner can remove it, too.
 */

/* Make the index where there is none. */
int tpm_audit_make(struct tpm *tpm, enum reason *ret_reason);
/* Read it; zeros where it is missing or was never extended. */
int tpm_audit_read(struct tpm *tpm, uint8_t ret[SHA256_SIZE], enum reason *ret_reason);
/* Extend it with @digest. -ENOENT: it is missing. */
int tpm_audit_extend(struct tpm *tpm, const uint8_t digest[SHA256_SIZE], enum reason *ret_reason);

/* How often the TPM was started (TPMS_CLOCK_INFO; Part 1, 12.2.3). */
struct tpm_boots {
	uint32_t resets;   /* resetCount: TPM Resets in its life, which most boots are */
	uint32_t restarts; /* restartCount: starts since the last Reset, after sleep or hibernation
			    */
};

/* Read the two counts. */
int tpm_boots_read(struct tpm *tpm, struct tpm_boots *ret, enum reason *ret_reason);

/* The TPM's guard against guessing (Part 1, 19.8). */
struct tpm_lockout {
	uint32_t failed;     /* failed tries that count now */
	uint32_t max_tries;  /* number of failed tries at which the TPM locks */
	uint32_t interval_s; /* seconds with power after which one failed try is forgiven */
	bool locked;	     /* the TPM refuses all tries now */
	bool owned;	     /* lockoutAuth is not empty: who knows it may change these numbers */
};

/* Read the state of the guard. */
int tpm_lockout_read(struct tpm *tpm, struct tpm_lockout *ret, enum reason *ret_reason);

/*
 * The next three are authorised by lockoutAuth, @auth or @old, which is NULL where it is empty. The
 * SRK must be @srk, as for tpm_unseal(). REASON_LOCKOUT_OWNED: lockoutAuth is another.
 */

/* Set the two numbers of the guard. */
int tpm_lockout_set(struct tpm *tpm, const struct tpm_name *srk, const struct secret *auth,
		    uint32_t max_tries, uint32_t interval_s, enum reason *ret_reason);
/* Forget the failed tries. */
int tpm_lockout_clear(struct tpm *tpm, const struct tpm_name *srk, const struct secret *auth,
		      enum reason *ret_reason);
/* Change lockoutAuth to @new, from which the TPM drops zeros at the end. */
int tpm_lockout_own(struct tpm *tpm, const struct tpm_name *srk, const struct secret *old,
		    const struct secret *new, enum reason *ret_reason);

/*
 * Slots are two NV indices that hold a key which can be erased for good (slot.c). The SRK must be
 * @srk, as for tpm_unseal().
 */
#define TPM_SLOTS      2
#define TPM_SLOT_INDEX 0x01846540u /* NV index of the first, after those of counter.c */
#define TPM_SLOT_SIZE  32	   /* bytes of a key */

/* Read the key. -ENOENT: the slot is empty, or was erased. */
int tpm_slot_read(struct tpm *tpm, const struct tpm_name *srk, unsigned int slot,
		  struct secret **ret, enum reason *ret_reason);
/* Write @key, and make the slot where there is none; REASON_TPM_FULL, REASON_TPM_OWNED. */
int tpm_slot_write(struct tpm *tpm, const struct tpm_name *srk, unsigned int slot,
		   const struct secret *key, enum reason *ret_reason);
/* Overwrite the key with zeros. */
int tpm_slot_erase(struct tpm *tpm, const struct tpm_name *srk, unsigned int slot,
		   enum reason *ret_reason);

/* Extend @pcr in the SHA-256 bank with @digest. */
int tpm_extend(struct tpm *tpm, unsigned int pcr, const uint8_t digest[SHA256_SIZE]);

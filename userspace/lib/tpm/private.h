/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the TPM share: tpm2-tss's types, the connection, handles, sessions and
 * errors. This header is the only file of userspace that includes tpm2-tss, and is for the files of
 * this folder alone. "Part 3" there is the commands part of the TPM 2.0 Library.
 *
 * What is on the bus in clear: public areas, PCR values, policies, signatures, counters, and
 * blobs that the TPM itself encrypted. What is not: the KEK. It goes in by TPM2_Create and comes
 * out by TPM2_Unseal, each under a session whose key depends on a salt that only the SRK decrypts.
 *
 * A TPM has few slots (three for objects and three for sessions by the PC client profile), and
 * there may be no resource manager: each handle is flushed where its scope ends.
 */
#ifndef FVE_TPM_PRIVATE_H
#define FVE_TPM_PRIVATE_H

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "tpm/tpm.h"

/*
 * Our NV indices, in the part of the index space that belongs to the owner (TCG Registry of
 * Reserved TPM 2.0 Handles, 0x01800000 to 0x01BFFFFF).
 */
#define NV_COUNTER_FIRST 0x01846500 /* counter.c */
#define NV_COUNTERS	 64
#define NV_SLOT_FIRST	 TPM_SLOT_INDEX /* 0x01846540; slot.c */
#define NV_AUDIT_HEAD	 0x01846550	/* audit_index.c */

struct tpm {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
};

/* What ESAPI knows of a key, session or NV index, and whether the TPM must forget it too. */
struct tpm_handle {
	struct tpm *tpm;
	ESYS_TR tr;
	bool persistent;
};

#define HANDLE(t) ((struct tpm_handle){.tpm = (t), .tr = ESYS_TR_NONE})

void tpm_handle_release(struct tpm_handle *handle);
#define _cleanup_handle_ __attribute__((cleanup(tpm_handle_release)))

static inline void esys_freep(void *p)
{
	Esys_Free(*(void **)p);
}

#define _cleanup_esys_ __attribute__((cleanup(esys_freep)))

void tpm_log_rc(const char *command, TSS2_RC rc);

/* Give @reason to the caller, and the -errno that goes with it. */
int tpm_refuse(enum reason reason, enum reason *ret_reason);

/*
 * The reason behind @rc, which is not success. @parameter is the reason where the TPM rejects a
 * parameter of this @command.
 */
int tpm_fail(const char *command, TSS2_RC rc, enum reason parameter, enum reason *ret_reason);

/* A format-one code without the number of the handle, session or parameter (Part 2, 6.6.2). */
static inline TSS2_RC tpm_rc_base(TSS2_RC rc)
{
	return rc & TPM2_RC_FMT1 ? rc & (TPM2_RC_FMT1 | 0x3f) : rc;
}

/* A property of the TPM, TPM2_PT_... */
int tpm_property_read(struct tpm *tpm, uint32_t tag, uint32_t *ret, enum reason *ret_reason);

/* The PCRs of @mask in the SHA-256 bank. */
TPML_PCR_SELECTION tpm_pcr_selection(uint32_t mask);

/* Open the SRK only if it is @expected. */
int tpm_srk_open_pinned(struct tpm *tpm, const struct tpm_name *expected, struct tpm_handle *ret,
			enum reason *ret_reason);

/* Open the NV index of @counter only if it has its Name; else REASON_POLICY_REVOKED. */
int tpm_counter_open(struct tpm *tpm, const struct policy_counter *counter, struct tpm_handle *ret,
		     enum reason *ret_reason);

/* Open the NV index @index. -ENOENT: there is none. */
int tpm_nv_open(struct tpm *tpm, uint32_t index, struct tpm_handle *ret, enum reason *ret_reason);
/* Make one with an empty authValue. REASON_TPM_FULL; REASON_TPM_OWNED: the owner has a password. */
int tpm_nv_define(struct tpm *tpm, const TPM2B_NV_PUBLIC *public, struct tpm_handle *ret,
		  enum reason *ret_reason);

/* A session salted to @srk that encrypts the first parameter of command and response. */
TSS2_RC tpm_session_start(struct tpm *tpm, const struct tpm_handle *srk, TPM2_SE type,
			  struct tpm_handle *ret);

#endif

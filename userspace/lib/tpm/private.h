/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Types and functions that the files of this folder share: tpm2-tss's types, the connection,
 * handles, sessions and errors. This header is the only file of userspace that includes tpm2-tss,
 * and only the files of this folder include it. In them "Part 1", "Part 2" and "Part 3" are those
 * of the TPM 2.0 Library specification: architecture, structures and commands.
 *
 * Public areas, PCR values, policy digests, signatures, counters, and blobs that the TPM itself has
 * encrypted cross the bus in clear. The KEK never does: it goes in by TPM2_Create and comes out by
 * TPM2_Unseal, each in a session whose key depends on a salt that only the SRK decrypts.
 *
 * A TPM has few slots, three for objects and three for sessions by the PC client profile, and there
 * may be no resource manager. So each handle is flushed where its scope ends.
 */
#pragma once

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "tpm/tpm.h"

/*
 * Our NV indices. They lie in the part of the index space that belongs to the owner (TCG Registry
 * of Reserved TPM 2.0 Handles, 0x01800000 to 0x01BFFFFF).
 */
#define NV_COUNTER_FIRST 0x01846500	/* the first of TPM_COUNTERS; counter.c */
#define NV_SLOT_FIRST	 TPM_SLOT_INDEX /* 0x01846540; slot.c */
#define NV_AUDIT_HEAD	 0x01846550	/* audit_index.c */

struct tpm {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
};

/* ESAPI's handle of a key, session or NV index. ESYS_TR_NONE: nothing is open. */
struct tpm_handle {
	struct tpm *tpm; /* borrowed */
	ESYS_TR tr;
	bool persistent; /* it stays in the TPM when the handle is released */
};

#define HANDLE(t) ((struct tpm_handle){.tpm = (t), .tr = ESYS_TR_NONE})

/* Close the handle, and flush its object from the TPM unless it is persistent. */
void tpm_handle_release(struct tpm_handle *handle);
#define _cleanup_handle_ __attribute__((cleanup(tpm_handle_release)))

static inline void esys_freep(void *p)
{
	Esys_Free(*(void **)p);
}

#define _cleanup_esys_ __attribute__((cleanup(esys_freep)))

/* Tell by log_debug() that @command returned @rc. */
void tpm_log_rc(const char *command, TSS2_RC rc);

/* Set *@ret_reason to @reason, and return the -errno that goes with it. */
int tpm_refuse(enum reason reason, enum reason *ret_reason);

/*
 * Set *@ret_reason to the reason behind @rc, which is not success, and return the -errno that goes
 * with it. @parameter is the reason to be given where the TPM rejects a parameter of @command.
 */
int tpm_fail(const char *command, TSS2_RC rc, enum reason parameter, enum reason *ret_reason);

/* Return a format-one code without the number of handle, session or parameter (Part 2, 6.6.2). */
static inline TSS2_RC tpm_rc_base(TSS2_RC rc)
{
	return rc & TPM2_RC_FMT1 ? rc & (TPM2_RC_FMT1 | 0x3f) : rc;
}

/* Read a property of the TPM by its tag, TPM2_PT_... (Part 2, 6.13). */
int tpm_property_read(struct tpm *tpm, uint32_t tag, uint32_t *ret, enum reason *ret_reason);

/* Return a selection of the PCRs in @mask, SHA-256 bank. */
TPML_PCR_SELECTION tpm_pcr_selection(uint32_t mask);

/* Open the SRK. REASON_TPM_OTHER: its Name is not @expected; REASON_TPM_CLEARED: there is none. */
int tpm_srk_open_pinned(struct tpm *tpm, const struct tpm_name *expected, struct tpm_handle *ret,
			enum reason *ret_reason);

/* Open the NV index of @counter. REASON_POLICY_REVOKED: there is none, or it has another Name. */
int tpm_counter_open(struct tpm *tpm, const struct policy_counter *counter, struct tpm_handle *ret,
		     enum reason *ret_reason);

/* Open the NV index @index. -ENOENT, without a reason: there is none. */
int tpm_nv_open(struct tpm *tpm, uint32_t index, struct tpm_handle *ret, enum reason *ret_reason);
/*
 * Make an NV index with an empty authValue. REASON_TPM_FULL: there is no room; REASON_TPM_OWNED:
 * the owner hierarchy has a password.
 */
int tpm_nv_define(struct tpm *tpm, const TPM2B_NV_PUBLIC *public, struct tpm_handle *ret,
		  enum reason *ret_reason);

/* Start a session that is salted to @srk and encrypts first parameters in both directions. */
TSS2_RC tpm_session_start(struct tpm *tpm, const struct tpm_handle *srk, TPM2_SE type,
			  struct tpm_handle *ret);

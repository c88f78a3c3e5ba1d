// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The connection to the TPM, through ESAPI of tpm2-tss; handles, sessions and errors.
 *
 * Nothing here bounds how long a command may take. For /dev/tpm* the kernel's driver does, by the
 * command's class, from 2 s to 5 min (drivers/char/tpm/tpm2-cmd.c); a software TPM on a socket,
 * which nothing bounds, is for tests.
 */
#include <errno.h>

#include "base/log.h"
#include "tpm/private.h"

/* --- handles and sessions --------------------------------------------------------------- */

void tpm_log_rc(const char *command, TSS2_RC rc)
{
	log_debug("%s: 0x%x: %s", command, rc, Tss2_RC_Decode(rc));
}

void tpm_handle_release(struct tpm_handle *handle)
{
	TSS2_RC rc;

	if (handle->tr == ESYS_TR_NONE)
		return;
	if (handle->persistent)
		rc = Esys_TR_Close(handle->tpm->esys, &handle->tr);
	else
		rc = Esys_FlushContext(handle->tpm->esys, handle->tr);
	if (rc)
		tpm_log_rc("TPM2_FlushContext", rc);
}

TSS2_RC tpm_session_start(struct tpm *tpm, const struct tpm_handle *srk, TPM2_SE type,
			  struct tpm_handle *ret)
{
	static const TPMT_SYM_DEF aes = {
		.algorithm = TPM2_ALG_AES,
		.keyBits.aes = 128,
		.mode.aes = TPM2_ALG_CFB,
	};
	TSS2_RC rc =
		Esys_StartAuthSession(tpm->esys, srk->tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				      ESYS_TR_NONE, NULL, type, &aes, TPM2_ALG_SHA256, &ret->tr);

	if (rc)
		return rc;
	/* tpm_handle_release() flushes the session, and not the TPM, so that both sides always
	 * agree. */
	return Esys_TRSess_SetAttributes(tpm->esys, ret->tr,
					 TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_DECRYPT |
						 TPMA_SESSION_ENCRYPT,
					 0xff);
}

/* --- errors --------------------------------------------------------------------------------- */

int tpm_refuse(enum reason reason, enum reason *ret_reason)
{
	*ret_reason = reason;
	switch (reason) {
	case REASON_PCR_MISMATCH:
	case REASON_PIN_WRONG:
	case REASON_SECRET_WRONG:
	case REASON_POLICY_REVOKED:
	case REASON_SUSPEND_EXPIRED:
	case REASON_TPM_RESTARTED:
		return -EPERM;
	case REASON_TPM_FULL:
		return -ENOSPC;
	case REASON_TPM_OWNED:
	case REASON_LOCKOUT_OWNED:
		return -EACCES;
	case REASON_TPM_LOCKED_OUT:
		return -EBUSY;
	case REASON_TPM_ABSENT:
		return -ENODEV;
	case REASON_TPM_OTHER:
		return -EKEYREJECTED;
	case REASON_TPM_CLEARED:
		return -ENOKEY;
	case REASON_BANK_DEAD:
		return -EOPNOTSUPP;
	case REASON_TOKEN_CORRUPT:
		return -EBADMSG;
	default:
		return -EIO;
	}
}

static bool rc_blames_parameter(TSS2_RC rc)
{
	return (rc & TSS2_RC_LAYER_MASK) == TSS2_TPM_RC_LAYER && rc & TPM2_RC_FMT1 &&
	       rc & TPM2_RC_P;
}

int tpm_fail(const char *command, TSS2_RC rc, enum reason parameter, enum reason *ret_reason)
{
	tpm_log_rc(command, rc);
	if ((rc & TSS2_RC_LAYER_MASK) == TSS2_TCTI_RC_LAYER)
		return tpm_refuse(REASON_TPM_ABSENT, ret_reason);
	if (rc == TPM2_RC_LOCKOUT)
		return tpm_refuse(REASON_TPM_LOCKED_OUT, ret_reason);
	/* The session's key needs the SRK's private half, so such a response is forged. */
	if (rc == TSS2_ESYS_RC_RSP_AUTH_FAILED)
		return tpm_refuse(REASON_TPM_OTHER, ret_reason);
	if (rc_blames_parameter(rc))
		return tpm_refuse(parameter, ret_reason);
	return tpm_refuse(REASON_TPM_ERROR, ret_reason);
}

/* --- connection ----------------------------------------------------------------------------- */

int tpm_open(const char *tcti, struct tpm **ret, enum reason *ret_reason)
{
	static const char *const devices[] = {"/dev/tpmrm0", "/dev/tpm0"};
	_cleanup_tpm_ struct tpm *tpm = NULL;
	TSS2_RC rc = TSS2_TCTI_RC_NO_CONNECTION;

	*ret_reason = REASON_NONE;
	/*
	 * tpm2-tss prints to stderr what is an expected answer here, and its debug levels print
	 * parameters before they are encrypted. No user's setting may turn that on.
	 */
	if (setenv("TSS2_LOG", "all+NONE", 1) < 0)
		return -ENOMEM;
	tpm = calloc(1, sizeof(*tpm));
	if (!tpm)
		return -ENOMEM;
	if (tcti)
		rc = Tss2_TctiLdr_Initialize(tcti, &tpm->tcti);
	for (size_t i = 0; !tcti && rc && i < ARRAY_SIZE(devices); i++)
		if (access(devices[i], F_OK) == 0)
			rc = Tss2_TctiLdr_Initialize_Ex("device", devices[i], &tpm->tcti);
	if (rc) {
		tpm_log_rc("connection to the TPM", rc);
		return tpm_refuse(REASON_TPM_ABSENT, ret_reason);
	}
	rc = Esys_Initialize(&tpm->esys, tpm->tcti, NULL);
	if (rc)
		return tpm_fail("Esys_Initialize", rc, REASON_TPM_ERROR, ret_reason);
	log_debug("TPM: %s", tcti ?: "the kernel's");
	*ret = steal(tpm);
	return 0;
}

bool tpm_has_failed(const struct tpm *tpm, enum reason reason)
{
	return reason == REASON_TPM_ERROR || (tpm && reason == REASON_TPM_ABSENT);
}

void tpm_close(struct tpm *tpm)
{
	if (!tpm)
		return;
	Esys_Finalize(&tpm->esys);
	Tss2_TctiLdr_Finalize(&tpm->tcti);
	free(tpm);
}

void tpm_sealed_free(struct tpm_sealed *sealed)
{
	blob_free(&sealed->public);
	blob_free(&sealed->private);
}

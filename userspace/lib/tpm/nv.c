// SPDX-License-Identifier: LGPL-2.1-or-later
/* Opening and making NV indices, for counters, slots and the head of the audit log. */
#include <errno.h>

#include "tpm/private.h"

int tpm_nv_open(struct tpm *tpm, uint32_t index, struct tpm_handle *ret, enum reason *ret_reason)
{
	TSS2_RC rc = Esys_TR_FromTPMPublic(tpm->esys, index, ESYS_TR_NONE, ESYS_TR_NONE,
					   ESYS_TR_NONE, &ret->tr);

	if (tpm_rc_base(rc) == TPM2_RC_HANDLE)
		return -ENOENT;
	if (rc)
		return tpm_fail("TPM2_NV_ReadPublic", rc, REASON_TPM_ERROR, ret_reason);
	ret->persistent = true;
	return 0;
}

int tpm_nv_define(struct tpm *tpm, const TPM2B_NV_PUBLIC *public, struct tpm_handle *ret,
		  enum reason *ret_reason)
{
	static const TPM2B_AUTH no_auth;
	TSS2_RC rc = Esys_NV_DefineSpace(tpm->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD,
					 ESYS_TR_NONE, ESYS_TR_NONE, &no_auth, public, &ret->tr);

	if (rc == TPM2_RC_NV_SPACE)
		return tpm_refuse(REASON_TPM_FULL, ret_reason);
	if (tpm_rc_base(rc) == TPM2_RC_BAD_AUTH || tpm_rc_base(rc) == TPM2_RC_AUTH_FAIL)
		return tpm_refuse(REASON_TPM_OWNED, ret_reason);
	if (rc)
		return tpm_fail("TPM2_NV_DefineSpace", rc, REASON_TPM_ERROR, ret_reason);
	ret->persistent = true;
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The NV index that the audit log's head is extended into. */
#include <errno.h>
#include <string.h>

#include "tpm/private.h"

#define ATTRIBUTES                                              \
	(TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA | \
	 ((TPMA_NV)TPM2_NT_EXTEND << TPMA_NV_TPM2_NT_SHIFT))

/* Open the index. -ENOENT: there is none, or one of another kind, whose value can be set back. */
static int index_open(struct tpm *tpm, struct tpm_handle *ret, enum reason *ret_reason)
{
	_cleanup_esys_ TPM2B_NV_PUBLIC *public = NULL;
	TSS2_RC rc;
	int r;

	*ret_reason = REASON_NONE;
	r = tpm_nv_open(tpm, NV_AUDIT_HEAD, ret, ret_reason);
	if (r < 0)
		return r;
	rc = Esys_NV_ReadPublic(tpm->esys, ret->tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				&public, NULL);
	if (rc)
		return tpm_fail("TPM2_NV_ReadPublic", rc, REASON_TPM_ERROR, ret_reason);
	if ((public->nvPublic.attributes & ~(TPMA_NV)TPMA_NV_WRITTEN) != ATTRIBUTES ||
	    public->nvPublic.nameAlg != TPM2_ALG_SHA256)
		return -ENOENT;
	return 0;
}

int tpm_audit_make(struct tpm *tpm, enum reason *ret_reason)
{
	static const TPM2B_NV_PUBLIC public = {
		.nvPublic = {.nvIndex = NV_AUDIT_HEAD,
			     .nameAlg = TPM2_ALG_SHA256,
			     .attributes = ATTRIBUTES,
			     .dataSize = SHA256_SIZE},
	};
	_cleanup_handle_ struct tpm_handle handle = HANDLE(tpm);
	int r = index_open(tpm, &handle, ret_reason);

	if (r != -ENOENT || handle.tr != ESYS_TR_NONE)
		return r;
	return tpm_nv_define(tpm, &public, &handle, ret_reason);
}

int tpm_audit_read(struct tpm *tpm, uint8_t ret[SHA256_SIZE], enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle handle = HANDLE(tpm);
	_cleanup_esys_ TPM2B_MAX_NV_BUFFER *data = NULL;
	TSS2_RC rc;
	int r = index_open(tpm, &handle, ret_reason);

	memset(ret, 0, SHA256_SIZE);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	rc = Esys_NV_Read(tpm->esys, handle.tr, handle.tr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
			  ESYS_TR_NONE, SHA256_SIZE, 0, &data);
	if (rc == TPM2_RC_NV_UNINITIALIZED)
		return 0;
	if (rc)
		return tpm_fail("TPM2_NV_Read", rc, REASON_TPM_ERROR, ret_reason);
	if (data->size != SHA256_SIZE)
		return tpm_refuse(REASON_TPM_ERROR, ret_reason);
	memcpy(ret, data->buffer, SHA256_SIZE);
	return 0;
}

int tpm_audit_extend(struct tpm *tpm, const uint8_t digest[SHA256_SIZE], enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle handle = HANDLE(tpm);
	TPM2B_MAX_NV_BUFFER data = {.size = SHA256_SIZE};
	TSS2_RC rc;
	int r = index_open(tpm, &handle, ret_reason);

	if (r < 0)
		return r;
	memcpy(data.buffer, digest, SHA256_SIZE);
	rc = Esys_NV_Extend(tpm->esys, handle.tr, handle.tr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
			    ESYS_TR_NONE, &data);
	return rc ? tpm_fail("TPM2_NV_Extend", rc, REASON_TPM_ERROR, ret_reason) : 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Slots: two NV indices that hold a key which can really be erased. A disk's flash keeps old blocks
 * and snapshots keep old files, but the TPM overwrites.
 *
 * A salted session encrypts the key on the bus. Whoever may talk to this TPM may read it, so until
 * it is erased other keys must protect the data as well.
 */
#include <errno.h>
#include <string.h>

#include "tpm/private.h"

#define ATTRIBUTES                                              \
	(TPMA_NV_AUTHREAD | TPMA_NV_AUTHWRITE | TPMA_NV_NO_DA | \
	 ((TPMA_NV)TPM2_NT_ORDINARY << TPMA_NV_TPM2_NT_SHIFT))

/* Open a slot, and a session that is salted to the SRK, which must be @srk_name. -ENOENT: there is
 * no such slot yet. */
static int slot_open(struct tpm *tpm, const struct tpm_name *srk_name, unsigned int slot,
		     struct tpm_handle *ret, struct tpm_handle *ret_session,
		     enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle srk = HANDLE(tpm);
	TSS2_RC rc;
	int r;

	*ret_reason = REASON_NONE;
	if (slot >= TPM_SLOTS)
		return -EINVAL;
	r = tpm_srk_open_pinned(tpm, srk_name, &srk, ret_reason);
	if (r < 0)
		return r;
	rc = tpm_session_start(tpm, &srk, TPM2_SE_HMAC, ret_session);
	if (rc)
		return tpm_fail("TPM2_StartAuthSession", rc, REASON_TPM_ERROR, ret_reason);
	return tpm_nv_open(tpm, NV_SLOT_FIRST + slot, ret, ret_reason);
}

static int slot_define(struct tpm *tpm, unsigned int slot, struct tpm_handle *ret,
		       enum reason *ret_reason)
{
	const TPM2B_NV_PUBLIC public = {
		.nvPublic = {.nvIndex = NV_SLOT_FIRST + slot,
			     .nameAlg = TPM2_ALG_SHA256,
			     .attributes = ATTRIBUTES,
			     .dataSize = TPM_SLOT_SIZE},
	};

	return tpm_nv_define(tpm, &public, ret, ret_reason);
}

static int slot_set(struct tpm *tpm, const struct tpm_handle *handle,
		    const struct tpm_handle *session, const uint8_t *data, enum reason *ret_reason)
{
	_cleanup_secret_ struct secret *copy = secret_new(sizeof(TPM2B_MAX_NV_BUFFER));
	TPM2B_MAX_NV_BUFFER *buffer;
	TSS2_RC rc;

	if (!copy)
		return -ENOMEM;
	buffer = (TPM2B_MAX_NV_BUFFER *)copy->data;
	buffer->size = TPM_SLOT_SIZE;
	memcpy(buffer->buffer, data, TPM_SLOT_SIZE);
	/* The response has no parameter that could be encrypted, and the TPM refuses to be asked
	 * to. */
	rc = Esys_TRSess_SetAttributes(tpm->esys, session->tr, 0, TPMA_SESSION_ENCRYPT);
	if (rc)
		return tpm_fail("Esys_TRSess_SetAttributes", rc, REASON_TPM_ERROR, ret_reason);
	rc = Esys_NV_Write(tpm->esys, handle->tr, handle->tr, session->tr, ESYS_TR_NONE,
			   ESYS_TR_NONE, buffer, 0);
	return rc ? tpm_fail("TPM2_NV_Write", rc, REASON_TPM_ERROR, ret_reason) : 0;
}

int tpm_slot_write(struct tpm *tpm, const struct tpm_name *srk, unsigned int slot,
		   const struct secret *key, enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle handle = HANDLE(tpm), session = HANDLE(tpm);
	int r;

	if (key->size != TPM_SLOT_SIZE)
		return -EINVAL;
	r = slot_open(tpm, srk, slot, &handle, &session, ret_reason);
	if (r == -ENOENT)
		r = slot_define(tpm, slot, &handle, ret_reason);
	return r < 0 ? r : slot_set(tpm, &handle, &session, key->data, ret_reason);
}

int tpm_slot_erase(struct tpm *tpm, const struct tpm_name *srk, unsigned int slot,
		   enum reason *ret_reason)
{
	static const uint8_t zero[TPM_SLOT_SIZE];
	_cleanup_handle_ struct tpm_handle handle = HANDLE(tpm), session = HANDLE(tpm);
	int r = slot_open(tpm, srk, slot, &handle, &session, ret_reason);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : slot_set(tpm, &handle, &session, zero, ret_reason);
}

int tpm_slot_read(struct tpm *tpm, const struct tpm_name *srk, unsigned int slot,
		  struct secret **ret, enum reason *ret_reason)
{
	static const uint8_t zero[TPM_SLOT_SIZE];
	_cleanup_handle_ struct tpm_handle handle = HANDLE(tpm), session = HANDLE(tpm);
	_cleanup_secret_ struct secret *key = NULL;
	TPM2B_MAX_NV_BUFFER *data = NULL;
	TSS2_RC rc;
	int r = slot_open(tpm, srk, slot, &handle, &session, ret_reason);

	if (r < 0)
		return r;
	rc = Esys_TRSess_SetAttributes(tpm->esys, session.tr, 0, TPMA_SESSION_DECRYPT);
	if (rc)
		return tpm_fail("Esys_TRSess_SetAttributes", rc, REASON_TPM_ERROR, ret_reason);
	rc = Esys_NV_Read(tpm->esys, handle.tr, handle.tr, session.tr, ESYS_TR_NONE, ESYS_TR_NONE,
			  TPM_SLOT_SIZE, 0, &data);
	if (rc == TPM2_RC_NV_UNINITIALIZED) /* made, but power went before its first value */
		return -ENOENT;
	if (rc)
		return tpm_fail("TPM2_NV_Read", rc, REASON_TPM_ERROR, ret_reason);
	if (data->size == TPM_SLOT_SIZE)
		key = secret_copy(data->buffer, data->size);
	secret_wipe(data, sizeof(*data));
	Esys_Free(data);
	if (!key)
		return -ENOMEM;
	if (crypto_equal(key->data, zero, sizeof(zero)))
		return -ENOENT;
	*ret = steal(key);
	return 0;
}

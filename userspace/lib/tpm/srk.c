// SPDX-License-Identifier: LGPL-2.1-or-later
/* Opening and making the storage root key. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "tpm/private.h"

/* The persistent handle of the SRK (TCG TPM v2.0 Provisioning Guidance, 7.8). */
#define SRK_HANDLE 0x81000001

/*
 * Open the SRK. ESAPI computes the Name from the public area that the TPM gives; that the TPM
 * has the private half too shows when it answers in a session salted to it.
 */
static int srk_open(struct tpm *tpm, struct tpm_handle *ret, struct tpm_name *ret_name,
		    enum reason *ret_reason)
{
	_cleanup_esys_ TPM2B_NAME *name = NULL;
	TSS2_RC rc = Esys_TR_FromTPMPublic(tpm->esys, SRK_HANDLE, ESYS_TR_NONE, ESYS_TR_NONE,
					   ESYS_TR_NONE, &ret->tr);

	if (tpm_rc_base(rc) == TPM2_RC_HANDLE) {
		tpm_log_rc("TPM2_ReadPublic of the SRK", rc);
		return tpm_refuse(REASON_TPM_CLEARED, ret_reason);
	}
	if (rc)
		return tpm_fail("TPM2_ReadPublic of the SRK", rc, REASON_TPM_ERROR, ret_reason);
	ret->persistent = true;
	rc = Esys_TR_GetName(tpm->esys, ret->tr, &name);
	if (rc)
		return tpm_fail("Esys_TR_GetName", rc, REASON_TPM_ERROR, ret_reason);
	if (name->size != TPM_NAME_SIZE) {
		log_debug("the SRK's nameAlg is not SHA-256");
		return tpm_refuse(REASON_TPM_ERROR, ret_reason);
	}
	memcpy(ret_name->data, name->name, TPM_NAME_SIZE);
	log_hex("SRK at handle 0x81000001, Name", ret_name->data, TPM_NAME_SIZE);
	return 0;
}

int tpm_srk_open_pinned(struct tpm *tpm, const struct tpm_name *expected, struct tpm_handle *ret,
			enum reason *ret_reason)
{
	struct tpm_name found;
	int r = srk_open(tpm, ret, &found, ret_reason);

	if (r < 0)
		return r;
	if (memcmp(found.data, expected->data, TPM_NAME_SIZE))
		return tpm_refuse(REASON_TPM_OTHER, ret_reason);
	return 0;
}

/*
 * Make the SRK and keep it at its handle. No secret is sent, and there is no key yet that a
 * session could be salted to. The owner hierarchy's password is taken to be empty, as it is
 * where nobody took ownership.
 */
static int srk_create(struct tpm *tpm, enum reason *ret_reason)
{
	/*
	 * Provisioning Guidance, 7.5.1: the EK template L-2 with userWithAuth and noDA, without
	 * adminWithPolicy and policy. unique stays empty as in systemd and tpm2-tools, so that
	 * all of them make the same key from the same seed.
	 */
	static const TPM2B_PUBLIC template = {
		.publicArea = {.type = TPM2_ALG_ECC,
			       .nameAlg = TPM2_ALG_SHA256,
			       .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
						   TPMA_OBJECT_SENSITIVEDATAORIGIN |
						   TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_NODA |
						   TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
			       .parameters.eccDetail = {.symmetric = {.algorithm = TPM2_ALG_AES,
								      .keyBits.aes = 128,
								      .mode.aes = TPM2_ALG_CFB},
							.scheme.scheme = TPM2_ALG_NULL,
							.curveID = TPM2_ECC_NIST_P256,
							.kdf.scheme = TPM2_ALG_NULL}},
	};
	static const TPM2B_SENSITIVE_CREATE no_auth;
	static const TPM2B_DATA no_data;
	static const TPML_PCR_SELECTION no_pcrs;
	_cleanup_handle_ struct tpm_handle primary = HANDLE(tpm), srk = HANDLE(tpm);
	TSS2_RC rc;

	rc = Esys_CreatePrimary(tpm->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				ESYS_TR_NONE, &no_auth, &template, &no_data, &no_pcrs, &primary.tr,
				NULL, NULL, NULL, NULL);
	if (tpm_rc_base(rc) == TPM2_RC_BAD_AUTH || tpm_rc_base(rc) == TPM2_RC_AUTH_FAIL)
		return tpm_refuse(REASON_TPM_OWNED, ret_reason);
	if (rc)
		return tpm_fail("TPM2_CreatePrimary", rc, REASON_TPM_ERROR, ret_reason);
	srk.persistent = true;
	rc = Esys_EvictControl(tpm->esys, ESYS_TR_RH_OWNER, primary.tr, ESYS_TR_PASSWORD,
			       ESYS_TR_NONE, ESYS_TR_NONE, SRK_HANDLE, &srk.tr);
	if (rc)
		return tpm_fail("TPM2_EvictControl", rc, REASON_TPM_ERROR, ret_reason);
	return 0;
}

/*
 * A key that was made elsewhere and imported has a second home: what is sealed under it is not
 * bound to this TPM. Once pinned, a key cannot change its attributes: they are in its Name.
 */
static int srk_check_storage_key(struct tpm *tpm, const struct tpm_handle *srk,
				 enum reason *ret_reason)
{
	const TPMA_OBJECT needed = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
				   TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_RESTRICTED |
				   TPMA_OBJECT_DECRYPT;
	_cleanup_esys_ TPM2B_PUBLIC *public = NULL;
	TSS2_RC rc = Esys_ReadPublic(tpm->esys, srk->tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				     &public, NULL, NULL);

	if (rc)
		return tpm_fail("TPM2_ReadPublic", rc, REASON_TPM_ERROR, ret_reason);
	if ((public->publicArea.objectAttributes & needed) == needed)
		return 0;
	log_debug("the key at 0x%x is not a storage key born in this TPM", SRK_HANDLE);
	return tpm_refuse(REASON_TPM_ERROR, ret_reason);
}

int tpm_srk_name(struct tpm *tpm, enum tpm_srk missing, struct tpm_name *ret,
		 enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle srk = HANDLE(tpm);
	struct tpm_name name;
	int r;

	*ret_reason = REASON_NONE;
	r = srk_open(tpm, &srk, &name, ret_reason);
	if (r == -ENOKEY && missing == TPM_SRK_MAKE) {
		*ret_reason = REASON_NONE;
		r = srk_create(tpm, ret_reason);
		if (r < 0)
			return r;
		r = srk_open(tpm, &srk, &name, ret_reason);
	}
	if (r < 0)
		return r;
	r = srk_check_storage_key(tpm, &srk, ret_reason);
	if (r < 0)
		return r;
	*ret = name;
	return 0;
}

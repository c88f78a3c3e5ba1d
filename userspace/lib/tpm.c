// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The TPM, through ESAPI of tpm2-tss. "Part 3" is the commands part of the TPM 2.0 Library.
 *
 * What is on the bus in clear: public areas, PCR values, policies, signatures, and blobs that
 * the TPM itself encrypted. What is not: the KEK. It goes in by TPM2_Create and comes out by
 * TPM2_Unseal, each under a session whose key depends on a salt that only the SRK decrypts.
 *
 * A TPM has few slots (three for objects and three for sessions by the PC client profile), and
 * there may be no resource manager: each handle is flushed where its scope ends.
 *
 * Nothing here bounds a wait. Behind /dev/tpm* the kernel's driver does, by the command's class:
 * from 2 s to 5 min (drivers/char/tpm/tpm2-cmd.c); a software TPM on a socket is for tests.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <tss2/tss2_esys.h>
#include <tss2/tss2_mu.h>
#include <tss2/tss2_rc.h>
#include <tss2/tss2_tctildr.h>

#include "log.h"
#include "tpm.h"

/* Where the storage root key is kept (TCG TPM v2.0 Provisioning Guidance, 7.8). */
#define SRK_HANDLE 0x81000001

/* Tries of what a concurrent PCR extend can spoil. */
#define TRIES 3

struct tpm {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
};

/* --- handles -------------------------------------------------------------------------------- */

/* What ESAPI knows of a key or session, and whether the TPM must forget it afterwards too. */
struct handle {
	struct tpm *tpm;
	ESYS_TR tr;
	bool persistent;
};

#define HANDLE(t) ((struct handle){.tpm = (t), .tr = ESYS_TR_NONE})

static void log_rc(const char *command, TSS2_RC rc)
{
	log_debug("%s: 0x%x: %s", command, rc, Tss2_RC_Decode(rc));
}

static void handle_release(struct handle *handle)
{
	TSS2_RC rc;

	if (handle->tr == ESYS_TR_NONE)
		return;
	if (handle->persistent)
		rc = Esys_TR_Close(handle->tpm->esys, &handle->tr);
	else
		rc = Esys_FlushContext(handle->tpm->esys, handle->tr);
	if (rc)
		log_rc("TPM2_FlushContext", rc);
}

#define _cleanup_handle_ __attribute__((cleanup(handle_release)))

static inline void esys_freep(void *p)
{
	Esys_Free(*(void **)p);
}

#define _cleanup_esys_ __attribute__((cleanup(esys_freep)))

/* --- errors --------------------------------------------------------------------------------- */

/* Give @reason to the caller, and the -errno that goes with it. */
static int refuse(enum reason reason, enum reason *ret_reason)
{
	*ret_reason = reason;
	switch (reason) {
	case REASON_PCR_MISMATCH:
	case REASON_PIN_WRONG:
	case REASON_SECRET_WRONG:
		return -EPERM;
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

/* A format-one code without the number of the handle, session or parameter (Part 2, 6.6.2). */
static TSS2_RC rc_base(TSS2_RC rc)
{
	return rc & TPM2_RC_FMT1 ? rc & (TPM2_RC_FMT1 | 0x3f) : rc;
}

static bool rc_blames_parameter(TSS2_RC rc)
{
	return (rc & TSS2_RC_LAYER_MASK) == TSS2_TPM_RC_LAYER && rc & TPM2_RC_FMT1 &&
	       rc & TPM2_RC_P;
}

/*
 * The reason behind @rc, which is not success. @parameter is the reason where the TPM rejects a
 * parameter of this @command.
 */
static int fail(const char *command, TSS2_RC rc, enum reason parameter, enum reason *ret_reason)
{
	log_rc(command, rc);
	if ((rc & TSS2_RC_LAYER_MASK) == TSS2_TCTI_RC_LAYER)
		return refuse(REASON_TPM_ABSENT, ret_reason);
	if (rc == TPM2_RC_LOCKOUT)
		return refuse(REASON_TPM_LOCKED_OUT, ret_reason);
	/* The session's key needs the SRK's private half: a response not made with it is forged. */
	if (rc == TSS2_ESYS_RC_RSP_AUTH_FAILED)
		return refuse(REASON_TPM_OTHER, ret_reason);
	if (rc_blames_parameter(rc))
		return refuse(parameter, ret_reason);
	return refuse(REASON_TPM_ERROR, ret_reason);
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
		log_rc("connection to the TPM", rc);
		return refuse(REASON_TPM_ABSENT, ret_reason);
	}
	rc = Esys_Initialize(&tpm->esys, tpm->tcti, NULL);
	if (rc)
		return fail("Esys_Initialize", rc, REASON_TPM_ERROR, ret_reason);
	*ret = steal(tpm);
	return 0;
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

/* --- PCRs ----------------------------------------------------------------------------------- */

static TPML_PCR_SELECTION pcr_selection(uint32_t mask)
{
	return (TPML_PCR_SELECTION){
		.count = 1,
		.pcrSelections[0] = {.hash = TPM2_ALG_SHA256,
				     .sizeofSelect = PCR_COUNT / 8,
				     .pcrSelect = {(uint8_t)mask, (uint8_t)(mask >> 8),
						   (uint8_t)(mask >> 16)}},
	};
}

static uint32_t pcr_selection_mask(const TPML_PCR_SELECTION *selection)
{
	const TPMS_PCR_SELECTION *bank = &selection->pcrSelections[0];
	uint32_t mask = 0;

	if (selection->count != 1 || bank->hash != TPM2_ALG_SHA256)
		return 0;
	for (unsigned int i = 0; i < bank->sizeofSelect && i < PCR_COUNT / 8; i++)
		mask |= (uint32_t)bank->pcrSelect[i] << 8 * i;
	return mask;
}

/* Take over the PCRs of one answer, lowest first. -EPROTO if it is not what was asked for. */
static int pcr_values_add(struct pcr_values *pcrs, uint32_t wanted, uint32_t given,
			  const TPML_DIGEST *digests)
{
	size_t n = 0;

	for (unsigned int pcr = 0; pcr < PCR_COUNT; pcr++) {
		if (!(given & 1u << pcr))
			continue;
		if (!(wanted & 1u << pcr) || n == digests->count ||
		    digests->digests[n].size != SHA256_SIZE)
			return -EPROTO;
		memcpy(pcrs->value[pcr], digests->digests[n++].buffer, SHA256_SIZE);
	}
	pcrs->mask |= given;
	return n == digests->count ? 0 : -EPROTO;
}

int tpm_read_pcrs(struct tpm *tpm, uint32_t mask, struct pcr_values *ret, enum reason *ret_reason)
{
	struct pcr_values pcrs = {0};

	*ret_reason = REASON_NONE;
	/* An answer holds at most eight PCRs. */
	while (pcrs.mask != mask) {
		_cleanup_esys_ TPML_PCR_SELECTION *given = NULL;
		_cleanup_esys_ TPML_DIGEST *digests = NULL;
		uint32_t wanted = mask & ~pcrs.mask;
		const TPML_PCR_SELECTION selection = pcr_selection(wanted);
		TSS2_RC rc = Esys_PCR_Read(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					   &selection, NULL, &given, &digests);

		if (rc)
			return fail("TPM2_PCR_Read", rc, REASON_BANK_DEAD, ret_reason);
		if (!pcr_selection_mask(given))
			return refuse(REASON_BANK_DEAD, ret_reason);
		if (pcr_values_add(&pcrs, wanted, pcr_selection_mask(given), digests) < 0)
			return refuse(REASON_TPM_ERROR, ret_reason);
	}
	*ret = pcrs;
	return 0;
}

int tpm_extend(struct tpm *tpm, unsigned int pcr, const uint8_t digest[SHA256_SIZE])
{
	TPML_DIGEST_VALUES values = {.count = 1, .digests[0].hashAlg = TPM2_ALG_SHA256};
	enum reason reason;
	TSS2_RC rc;

	if (pcr >= PCR_COUNT)
		return -EINVAL;
	memcpy(values.digests[0].digest.sha256, digest, SHA256_SIZE);
	rc = Esys_PCR_Extend(tpm->esys, ESYS_TR_PCR0 + pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
			     ESYS_TR_NONE, &values);
	return rc ? fail("TPM2_PCR_Extend", rc, REASON_BANK_DEAD, &reason) : 0;
}

/* --- storage root key ----------------------------------------------------------------------- */

/*
 * Open the SRK. ESAPI computes the Name from the public area that the TPM gives; that the TPM
 * has the private half too shows when it answers in a session salted to it.
 */
static int srk_open(struct tpm *tpm, struct handle *ret, struct tpm_name *ret_name,
		    enum reason *ret_reason)
{
	_cleanup_esys_ TPM2B_NAME *name = NULL;
	TSS2_RC rc = Esys_TR_FromTPMPublic(tpm->esys, SRK_HANDLE, ESYS_TR_NONE, ESYS_TR_NONE,
					   ESYS_TR_NONE, &ret->tr);

	if (rc_base(rc) == TPM2_RC_HANDLE) {
		log_rc("TPM2_ReadPublic of the SRK", rc);
		return refuse(REASON_TPM_CLEARED, ret_reason);
	}
	if (rc)
		return fail("TPM2_ReadPublic of the SRK", rc, REASON_TPM_ERROR, ret_reason);
	ret->persistent = true;
	rc = Esys_TR_GetName(tpm->esys, ret->tr, &name);
	if (rc)
		return fail("Esys_TR_GetName", rc, REASON_TPM_ERROR, ret_reason);
	if (name->size != TPM_NAME_SIZE) {
		log_debug("the SRK's nameAlg is not SHA-256");
		return refuse(REASON_TPM_ERROR, ret_reason);
	}
	memcpy(ret_name->data, name->name, TPM_NAME_SIZE);
	return 0;
}

/* Open the SRK only if it is @expected. */
static int srk_open_pinned(struct tpm *tpm, const struct tpm_name *expected, struct handle *ret,
			   enum reason *ret_reason)
{
	struct tpm_name found;
	int r = srk_open(tpm, ret, &found, ret_reason);

	if (r < 0)
		return r;
	if (memcmp(found.data, expected->data, TPM_NAME_SIZE))
		return refuse(REASON_TPM_OTHER, ret_reason);
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
	_cleanup_handle_ struct handle primary = HANDLE(tpm), srk = HANDLE(tpm);
	TSS2_RC rc;

	rc = Esys_CreatePrimary(tpm->esys, ESYS_TR_RH_OWNER, ESYS_TR_PASSWORD, ESYS_TR_NONE,
				ESYS_TR_NONE, &no_auth, &template, &no_data, &no_pcrs, &primary.tr,
				NULL, NULL, NULL, NULL);
	if (rc)
		return fail("TPM2_CreatePrimary", rc, REASON_TPM_ERROR, ret_reason);
	srk.persistent = true;
	rc = Esys_EvictControl(tpm->esys, ESYS_TR_RH_OWNER, primary.tr, ESYS_TR_PASSWORD,
			       ESYS_TR_NONE, ESYS_TR_NONE, SRK_HANDLE, &srk.tr);
	if (rc)
		return fail("TPM2_EvictControl", rc, REASON_TPM_ERROR, ret_reason);
	return 0;
}

/*
 * A key that was made elsewhere and imported has a second home: what is sealed under it is not
 * bound to this TPM. Once pinned, a key cannot change its attributes: they are in its Name.
 */
static int srk_check_storage_key(struct tpm *tpm, const struct handle *srk, enum reason *ret_reason)
{
	const TPMA_OBJECT needed = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
				   TPMA_OBJECT_SENSITIVEDATAORIGIN | TPMA_OBJECT_RESTRICTED |
				   TPMA_OBJECT_DECRYPT;
	_cleanup_esys_ TPM2B_PUBLIC *public = NULL;
	TSS2_RC rc = Esys_ReadPublic(tpm->esys, srk->tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				     &public, NULL, NULL);

	if (rc)
		return fail("TPM2_ReadPublic", rc, REASON_TPM_ERROR, ret_reason);
	if ((public->publicArea.objectAttributes & needed) == needed)
		return 0;
	log_debug("the key at 0x%x is not a storage key born in this TPM", SRK_HANDLE);
	return refuse(REASON_TPM_ERROR, ret_reason);
}

int tpm_srk_name(struct tpm *tpm, bool create, struct tpm_name *ret, enum reason *ret_reason)
{
	_cleanup_handle_ struct handle srk = HANDLE(tpm);
	struct tpm_name name;
	int r;

	*ret_reason = REASON_NONE;
	r = srk_open(tpm, &srk, &name, ret_reason);
	if (r == -ENOKEY && create) {
		*ret_reason = REASON_NONE;
		r = srk_create(tpm, ret_reason);
		if (r == 0)
			r = srk_open(tpm, &srk, &name, ret_reason);
	}
	if (r == 0)
		r = srk_check_storage_key(tpm, &srk, ret_reason);
	if (r < 0)
		return r;
	*ret = name;
	return 0;
}

/* --- sessions ------------------------------------------------------------------------------- */

/* A session salted to @srk that encrypts the first parameter of command and response. */
static TSS2_RC session_start(struct tpm *tpm, const struct handle *srk, TPM2_SE type,
			     struct handle *ret)
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
	/* Flushed by handle_release() and not by the TPM, so that both sides always agree. */
	return Esys_TRSess_SetAttributes(tpm->esys, ret->tr,
					 TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_DECRYPT |
						 TPMA_SESSION_ENCRYPT,
					 0xff);
}

/* --- seal ----------------------------------------------------------------------------------- */

static int sealed_marshal(const TPM2B_PUBLIC *public, const TPM2B_PRIVATE *private,
			  struct tpm_sealed *ret)
{
	_cleanup_tpm_sealed_ struct tpm_sealed sealed = {0};
	uint8_t buffer[sizeof(TPM2B_PUBLIC) + sizeof(TPM2B_PRIVATE)];
	size_t middle = 0, end;

	if (Tss2_MU_TPM2B_PUBLIC_Marshal(public, buffer, sizeof(buffer), &middle))
		return -EPROTO;
	end = middle;
	if (Tss2_MU_TPM2B_PRIVATE_Marshal(private, buffer, sizeof(buffer), &end))
		return -EPROTO;
	if (blob_set(&sealed.public, buffer, middle) < 0 ||
	    blob_set(&sealed.private, buffer + middle, end - middle) < 0)
		return -ENOMEM;
	*ret = sealed;
	sealed = (struct tpm_sealed){0};
	return 0;
}

/* @public and @private start zeroed. -EBADMSG where bytes are missing, wrong or left over. */
static int sealed_unmarshal(const struct tpm_sealed *sealed, TPM2B_PUBLIC *public,
			    TPM2B_PRIVATE *private)
{
	size_t offset = 0;

	if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(sealed->public.data, sealed->public.size, &offset,
					   public) ||
	    offset != sealed->public.size)
		return -EBADMSG;
	offset = 0;
	if (Tss2_MU_TPM2B_PRIVATE_Unmarshal(sealed->private.data, sealed->private.size, &offset,
					    private) ||
	    offset != sealed->private.size)
		return -EBADMSG;
	return 0;
}

int tpm_seal_auth(struct tpm *tpm, const struct tpm_name *srk_name,
		  const uint8_t auth_policy[SHA256_SIZE], bool no_da, const struct secret *auth,
		  const struct secret *kek, struct tpm_sealed *ret, enum reason *ret_reason)
{
	static const TPM2B_DATA no_data;
	static const TPML_PCR_SELECTION no_pcrs;
	TPM2B_PUBLIC template = {
		.publicArea = {.type = TPM2_ALG_KEYEDHASH,
			       .nameAlg = TPM2_ALG_SHA256,
			       .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
						   TPMA_OBJECT_ADMINWITHPOLICY |
						   (no_da ? TPMA_OBJECT_NODA : 0),
			       .authPolicy.size = SHA256_SIZE,
			       .parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL},
	};
	_cleanup_secret_ struct secret *buffer = secret_new(sizeof(TPM2B_SENSITIVE_CREATE));
	_cleanup_esys_ TPM2B_PRIVATE *private = NULL;
	_cleanup_esys_ TPM2B_PUBLIC *public = NULL;
	_cleanup_handle_ struct handle srk = HANDLE(tpm), session = HANDLE(tpm);
	TPM2B_SENSITIVE_CREATE *sensitive;
	TSS2_RC rc;
	int r;

	*ret_reason = REASON_NONE;
	if (!buffer)
		return -ENOMEM;
	sensitive = (TPM2B_SENSITIVE_CREATE *)buffer->data;
	/* The TPM takes no authValue longer than nameAlg's digest (Part 3, 12.1). */
	if (kek->size > sizeof(sensitive->sensitive.data.buffer) ||
	    (auth && auth->size > SHA256_SIZE))
		return -EINVAL;
	memcpy(template.publicArea.authPolicy.buffer, auth_policy, SHA256_SIZE);

	r = srk_open_pinned(tpm, srk_name, &srk, ret_reason);
	if (r < 0)
		return r;
	rc = session_start(tpm, &srk, TPM2_SE_HMAC, &session);
	if (rc)
		return fail("TPM2_StartAuthSession", rc, REASON_TPM_ERROR, ret_reason);
	sensitive->sensitive.data.size = (UINT16)kek->size;
	memcpy(sensitive->sensitive.data.buffer, kek->data, kek->size);
	if (auth) {
		sensitive->sensitive.userAuth.size = (UINT16)auth->size;
		memcpy(sensitive->sensitive.userAuth.buffer, auth->data, auth->size);
	}
	rc = Esys_Create(tpm->esys, srk.tr, session.tr, ESYS_TR_NONE, ESYS_TR_NONE, sensitive,
			 &template, &no_data, &no_pcrs, &private, &public, NULL, NULL, NULL);
	if (rc)
		return fail("TPM2_Create", rc, REASON_TPM_ERROR, ret_reason);
	return sealed_marshal(public, private, ret);
}

/* --- unseal --------------------------------------------------------------------------------- */

/* An approval in the form in which the TPM takes it. */
struct ticket {
	TPM2B_NAME key;
	TPM2B_NONCE ref;
	TPM2B_DIGEST policy; /* policyDigest after TPM2_PolicyPCR */
	TPMT_TK_VERIFIED *verified;
};

static void ticket_free(struct ticket *ticket)
{
	Esys_Free(ticket->verified);
}

#define _cleanup_ticket_ __attribute__((cleanup(ticket_free)))

/* The public area whose Name policy_key_name() computes. */
static TPM2B_PUBLIC policy_key_public(const struct ec_public *key)
{
	TPM2B_PUBLIC public = {
		.publicArea = {.type = TPM2_ALG_ECC,
			       .nameAlg = TPM2_ALG_SHA256,
			       .objectAttributes =
				       TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_USERWITHAUTH,
			       .parameters.eccDetail = {.symmetric.algorithm = TPM2_ALG_NULL,
							.scheme = {.scheme = TPM2_ALG_ECDSA,
								   .details.ecdsa.hashAlg =
									   TPM2_ALG_SHA256},
							.curveID = TPM2_ECC_NIST_P256,
							.kdf.scheme = TPM2_ALG_NULL},
			       .unique.ecc = {.x.size = P256_SIZE, .y.size = P256_SIZE}},
	};

	memcpy(public.publicArea.unique.ecc.x.buffer, key->x, P256_SIZE);
	memcpy(public.publicArea.unique.ecc.y.buffer, key->y, P256_SIZE);
	return public;
}

/* Let the TPM check the approval's signature, once for all tries (Part 3, 20.1). */
static int ticket_get(struct tpm *tpm, const struct ec_public *policy_key, const char *policy_ref,
		      const struct policy_approval *approval, struct ticket *ret,
		      enum reason *ret_reason)
{
	const TPM2B_PUBLIC public = policy_key_public(policy_key);
	TPMT_SIGNATURE signature = {
		.sigAlg = TPM2_ALG_ECDSA,
		.signature.ecdsa = {.hash = TPM2_ALG_SHA256,
				    .signatureR.size = P256_SIZE,
				    .signatureS.size = P256_SIZE},
	};
	TPM2B_DIGEST digest = {.size = SHA256_SIZE};
	_cleanup_handle_ struct handle key = HANDLE(tpm);
	TSS2_RC rc;
	int r;

	if (strlen(policy_ref) > sizeof(ret->ref.buffer))
		return -EINVAL;
	ret->ref.size = (UINT16)strlen(policy_ref);
	memcpy(ret->ref.buffer, policy_ref, ret->ref.size);
	ret->key.size = POLICY_KEY_NAME_SIZE;
	ret->policy.size = SHA256_SIZE;
	r = policy_key_name(policy_key, ret->key.name);
	if (r == 0)
		r = policy_pcr_digest(&approval->pcrs, ret->policy.buffer);
	if (r == 0)
		r = policy_to_be_signed(&approval->pcrs, policy_ref, digest.buffer);
	if (r < 0)
		return r;
	memcpy(signature.signature.ecdsa.signatureR.buffer, approval->signature.r, P256_SIZE);
	memcpy(signature.signature.ecdsa.signatureS.buffer, approval->signature.s, P256_SIZE);

	/* A ticket is good in the key's hierarchy only; the null one's would not be accepted. */
	rc = Esys_LoadExternal(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL, &public,
			       ESYS_TR_RH_OWNER, &key.tr);
	if (rc)
		return fail("TPM2_LoadExternal", rc, REASON_TOKEN_CORRUPT, ret_reason);
	rc = Esys_VerifySignature(tpm->esys, key.tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				  &digest, &signature, &ret->verified);
	if (rc)
		return fail("TPM2_VerifySignature", rc, REASON_TOKEN_CORRUPT, ret_reason);
	return 0;
}

/* Load the sealed object, in a session of its own that ends here; @auth is kept for its use. */
static int sealed_load(struct tpm *tpm, const struct handle *srk, const struct tpm_sealed *sealed,
		       const struct secret *auth, struct handle *ret, enum reason *ret_reason)
{
	_cleanup_secret_ struct secret *buffer = auth ? secret_new(sizeof(TPM2B_AUTH)) : NULL;
	_cleanup_handle_ struct handle session = HANDLE(tpm);
	TPM2B_PRIVATE private = {0};
	TPM2B_PUBLIC public = {0};
	TSS2_RC rc;

	if (sealed_unmarshal(sealed, &public, &private) < 0)
		return refuse(REASON_TOKEN_CORRUPT, ret_reason);
	rc = session_start(tpm, srk, TPM2_SE_HMAC, &session);
	if (rc)
		return fail("TPM2_StartAuthSession", rc, REASON_TPM_ERROR, ret_reason);
	/* The parent is the pinned key: it rejects nothing that was sealed under it. */
	rc = Esys_Load(tpm->esys, srk->tr, session.tr, ESYS_TR_NONE, ESYS_TR_NONE, &private,
		       &public, &ret->tr);
	if (rc)
		return fail("TPM2_Load", rc, REASON_TOKEN_CORRUPT, ret_reason);
	if (auth) {
		TPM2B_AUTH *value;

		if (!buffer)
			return -ENOMEM;
		value = (TPM2B_AUTH *)buffer->data;
		if (auth->size > sizeof(value->buffer))
			return -EINVAL;
		value->size = (UINT16)auth->size;
		memcpy(value->buffer, auth->data, auth->size);
		rc = Esys_TR_SetAuth(tpm->esys, ret->tr, value);
		if (rc)
			return fail("Esys_TR_SetAuth", rc, REASON_TPM_ERROR, ret_reason);
	}
	return 0;
}

/* Satisfy the object's policy in @session. -EAGAIN: a PCR was extended meanwhile. */
static int policy_satisfy(struct tpm *tpm, const struct handle *session,
			  const struct policy_approval *approval, const struct ticket *ticket,
			  bool auth, enum reason *ret_reason)
{
	const TPML_PCR_SELECTION selection = pcr_selection(approval->pcrs.mask);
	TPM2B_DIGEST pcr_digest = {.size = SHA256_SIZE};
	TSS2_RC rc;
	int r;

	r = pcr_values_digest(&approval->pcrs, pcr_digest.buffer);
	if (r < 0)
		return r;
	/* Given the expected digest, the TPM itself refuses other PCRs, and by this code only. */
	rc = Esys_PolicyPCR(tpm->esys, session->tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
			    &pcr_digest, &selection);
	if (rc == TPM2_RC_PCR_CHANGED)
		return -EAGAIN;
	if (rc == (TPM2_RC_VALUE | TPM2_RC_P | TPM2_RC_1)) {
		log_rc("TPM2_PolicyPCR", rc);
		return refuse(REASON_PCR_MISMATCH, ret_reason);
	}
	if (rc)
		return fail("TPM2_PolicyPCR", rc, REASON_TOKEN_CORRUPT, ret_reason);
	rc = Esys_PolicyAuthorize(tpm->esys, session->tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				  &ticket->policy, &ticket->ref, &ticket->key, ticket->verified);
	if (rc)
		return fail("TPM2_PolicyAuthorize", rc, REASON_TOKEN_CORRUPT, ret_reason);
	if (auth)
		rc = Esys_PolicyAuthValue(tpm->esys, session->tr, ESYS_TR_NONE, ESYS_TR_NONE,
					  ESYS_TR_NONE);
	if (rc)
		return fail("TPM2_PolicyAuthValue", rc, REASON_TPM_ERROR, ret_reason);
	return 0;
}

/* One try, with a session of its own. -EAGAIN: a PCR was extended meanwhile. */
static int unseal_once(struct tpm *tpm, const struct handle *srk, const struct handle *object,
		       const struct policy_approval *approval, const struct ticket *ticket,
		       bool auth, struct secret **ret, enum reason *ret_reason)
{
	_cleanup_handle_ struct handle session = HANDLE(tpm);
	TPM2B_SENSITIVE_DATA *data;
	TSS2_RC rc;
	int r;

	rc = session_start(tpm, srk, TPM2_SE_POLICY, &session);
	if (rc)
		return fail("TPM2_StartAuthSession", rc, REASON_TPM_ERROR, ret_reason);
	r = policy_satisfy(tpm, &session, approval, ticket, auth, ret_reason);
	if (r < 0)
		return r;
	rc = Esys_Unseal(tpm->esys, object->tr, session.tr, ESYS_TR_NONE, ESYS_TR_NONE, &data);
	if (rc == TPM2_RC_PCR_CHANGED)
		return -EAGAIN;
	if (rc_base(rc) == TPM2_RC_POLICY_FAIL) {
		/* The approval is in order but by a key, or for a volume, that is not the object's.
		 */
		log_rc("TPM2_Unseal", rc);
		return refuse(REASON_TOKEN_CORRUPT, ret_reason);
	}
	/* Part 3, 5.6: the first counts as a try; the second, of an exempt object, does not. */
	if (auth && rc_base(rc) == TPM2_RC_AUTH_FAIL)
		return refuse(REASON_PIN_WRONG, ret_reason);
	if (auth && rc_base(rc) == TPM2_RC_BAD_AUTH)
		return refuse(REASON_SECRET_WRONG, ret_reason);
	if (rc)
		return fail("TPM2_Unseal", rc, REASON_TPM_ERROR, ret_reason);
	*ret = secret_copy(data->buffer, data->size);
	secret_wipe(data, sizeof(*data));
	Esys_Free(data);
	return *ret ? 0 : -ENOMEM;
}

int tpm_unseal_auth(struct tpm *tpm, const struct tpm_name *srk_name,
		    const struct tpm_sealed *sealed, const struct ec_public *policy_key,
		    const char *policy_ref, const struct policy_approval *approval,
		    const struct secret *auth, struct secret **ret, enum reason *ret_reason)
{
	_cleanup_handle_ struct handle srk = HANDLE(tpm), object = HANDLE(tpm);
	_cleanup_ticket_ struct ticket ticket = {0};
	int r;

	*ret_reason = REASON_NONE;
	r = srk_open_pinned(tpm, srk_name, &srk, ret_reason);
	if (r == 0)
		r = ticket_get(tpm, policy_key, policy_ref, approval, &ticket, ret_reason);
	if (r == 0)
		r = sealed_load(tpm, &srk, sealed, auth, &object, ret_reason);
	if (r < 0)
		return r;
	r = -EAGAIN;
	for (int i = 0; r == -EAGAIN && i < TRIES; i++)
		r = unseal_once(tpm, &srk, &object, approval, &ticket, auth, ret, ret_reason);
	return r == -EAGAIN ? refuse(REASON_TPM_ERROR, ret_reason) : r;
}

/* --- dictionary-attack lockout ------------------------------------------------------------- */

/* How long the TPM refuses after a wrong lockoutAuth, in seconds: a day, as Windows sets it. */
#define LOCKOUT_RECOVERY_S (24 * 60 * 60)

static int property_read(struct tpm *tpm, uint32_t tag, uint32_t *ret, enum reason *ret_reason)
{
	_cleanup_esys_ TPMS_CAPABILITY_DATA *data = NULL;
	const TPML_TAGGED_TPM_PROPERTY *list;
	TSS2_RC rc = Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					TPM2_CAP_TPM_PROPERTIES, tag, 1, NULL, &data);

	if (rc)
		return fail("TPM2_GetCapability", rc, REASON_TPM_ERROR, ret_reason);
	/* A TPM without this property answers with the next one. */
	list = &data->data.tpmProperties;
	if (list->count != 1 || list->tpmProperty[0].property != tag)
		return refuse(REASON_TPM_ERROR, ret_reason);
	*ret = list->tpmProperty[0].value;
	return 0;
}

int tpm_lockout_read(struct tpm *tpm, struct tpm_lockout *ret, enum reason *ret_reason)
{
	struct tpm_lockout lockout = {0};
	uint32_t permanent = 0;
	int r;

	*ret_reason = REASON_NONE;
	r = property_read(tpm, TPM2_PT_PERMANENT, &permanent, ret_reason);
	if (r == 0)
		r = property_read(tpm, TPM2_PT_LOCKOUT_COUNTER, &lockout.failed, ret_reason);
	if (r == 0)
		r = property_read(tpm, TPM2_PT_MAX_AUTH_FAIL, &lockout.max_tries, ret_reason);
	if (r == 0)
		r = property_read(tpm, TPM2_PT_LOCKOUT_INTERVAL, &lockout.interval_s, ret_reason);
	if (r < 0)
		return r;
	lockout.locked = permanent & TPMA_PERMANENT_INLOCKOUT;
	lockout.owned = permanent & TPMA_PERMANENT_LOCKOUTAUTHSET;
	*ret = lockout;
	return 0;
}

int tpm_lockout_set(struct tpm *tpm, uint32_t max_tries, uint32_t interval_s,
		    enum reason *ret_reason)
{
	TSS2_RC rc = Esys_DictionaryAttackParameters(tpm->esys, ESYS_TR_RH_LOCKOUT,
						     ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE,
						     max_tries, interval_s, LOCKOUT_RECOVERY_S);

	*ret_reason = REASON_NONE;
	return rc ? fail("TPM2_DictionaryAttackParameters", rc, REASON_TPM_ERROR, ret_reason) : 0;
}

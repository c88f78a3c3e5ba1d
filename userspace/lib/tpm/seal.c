// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sealing a key, and unsealing it by an approval or for a number of boots. */
#include <errno.h>
#include <string.h>

#include "tpm/private.h"

/* How often to try what a concurrent TPM2_PCR_Extend can spoil. */
#define TRIES 3

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
	*ret = steal_struct(sealed);
	return 0;
}

/* Unmarshal into zeroed structures. -EBADMSG: bytes are missing, wrong or left over. */
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

int tpm_seal(struct tpm *tpm, const struct tpm_name *srk_name,
	     const uint8_t auth_policy[SHA256_SIZE], enum tpm_da da, const struct secret *auth,
	     const struct secret *kek, struct tpm_sealed *ret, enum reason *ret_reason)
{
	static const TPM2B_DATA no_data;
	static const TPML_PCR_SELECTION no_pcrs;
	TPM2B_PUBLIC template = {
		.publicArea = {.type = TPM2_ALG_KEYEDHASH,
			       .nameAlg = TPM2_ALG_SHA256,
			       .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
						   TPMA_OBJECT_ADMINWITHPOLICY |
						   (da == TPM_DA_EXEMPT ? TPMA_OBJECT_NODA : 0),
			       .authPolicy.size = SHA256_SIZE,
			       .parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL},
	};
	_cleanup_secret_ struct secret *buffer = secret_new(sizeof(TPM2B_SENSITIVE_CREATE));
	_cleanup_esys_ TPM2B_PRIVATE *private = NULL;
	_cleanup_esys_ TPM2B_PUBLIC *public = NULL;
	_cleanup_handle_ struct tpm_handle srk = HANDLE(tpm), session = HANDLE(tpm);
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

	r = tpm_srk_open_pinned(tpm, srk_name, &srk, ret_reason);
	if (r < 0)
		return r;
	rc = tpm_session_start(tpm, &srk, TPM2_SE_HMAC, &session);
	if (rc)
		return tpm_fail("TPM2_StartAuthSession", rc, REASON_TPM_ERROR, ret_reason);
	sensitive->sensitive.data.size = (UINT16)kek->size;
	memcpy(sensitive->sensitive.data.buffer, kek->data, kek->size);
	if (auth) {
		sensitive->sensitive.userAuth.size = (UINT16)auth->size;
		memcpy(sensitive->sensitive.userAuth.buffer, auth->data, auth->size);
	}
	rc = Esys_Create(tpm->esys, srk.tr, session.tr, ESYS_TR_NONE, ESYS_TR_NONE, sensitive,
			 &template, &no_data, &no_pcrs, &private, &public, NULL, NULL, NULL);
	if (rc)
		return tpm_fail("TPM2_Create", rc, REASON_TPM_ERROR, ret_reason);
	return sealed_marshal(public, private, ret);
}

/* --- unseal --------------------------------------------------------------------------------- */

/* An approval in the form in which TPM2_PolicyAuthorize takes it. */
struct ticket {
	TPM2B_NAME key;
	TPM2B_NONCE ref;
	TPM2B_DIGEST policy; /* what was approved */
	TPMT_TK_VERIFIED *verified;
};

/* The values that satisfy the policy of a sealed object. All pointers are borrowed. */
struct answer {
	const struct pcr_values *pcrs;
	/* For an approval, with the two members below it; NULL: @boots is for a number of boots. */
	const struct policy_authority *authority;
	uint64_t counter_limit;
	const struct ticket *ticket;
	const struct policy_boots *boots;
	const struct secret *auth; /* NULL: there is no TPM2_PolicyAuthValue */
};

static void ticket_free(struct ticket *ticket)
{
	Esys_Free(ticket->verified);
}

#define _cleanup_ticket_ __attribute__((cleanup(ticket_free)))

/* Return the public area whose Name policy_key_name() computes. */
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
static int ticket_get(struct tpm *tpm, const struct policy_authority *authority,
		      const struct policy_approval *approval, struct ticket *ret,
		      enum reason *ret_reason)
{
	const TPM2B_PUBLIC public = policy_key_public(&authority->key);
	TPMT_SIGNATURE signature = {
		.sigAlg = TPM2_ALG_ECDSA,
		.signature.ecdsa = {.hash = TPM2_ALG_SHA256,
				    .signatureR.size = P256_SIZE,
				    .signatureS.size = P256_SIZE},
	};
	TPM2B_DIGEST digest = {.size = SHA256_SIZE};
	_cleanup_handle_ struct tpm_handle key = HANDLE(tpm);
	TSS2_RC rc;
	int r;

	if (strlen(authority->ref) > sizeof(ret->ref.buffer))
		return -EINVAL;
	ret->ref.size = (UINT16)strlen(authority->ref);
	memcpy(ret->ref.buffer, authority->ref, ret->ref.size);
	ret->key.size = POLICY_NAME_SIZE;
	ret->policy.size = SHA256_SIZE;
	r = policy_key_name(&authority->key, ret->key.name);
	if (r < 0)
		return r;
	r = policy_approved_digest(authority, approval, ret->policy.buffer);
	if (r < 0)
		return r;
	r = policy_to_be_signed(authority, approval, digest.buffer);
	if (r < 0)
		return r;
	memcpy(signature.signature.ecdsa.signatureR.buffer, approval->signature.r, P256_SIZE);
	memcpy(signature.signature.ecdsa.signatureS.buffer, approval->signature.s, P256_SIZE);

	/* A ticket is good in its key's hierarchy only, and one of the null hierarchy is not
	 * accepted. */
	rc = Esys_LoadExternal(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, NULL, &public,
			       ESYS_TR_RH_OWNER, &key.tr);
	if (rc)
		return tpm_fail("TPM2_LoadExternal", rc, REASON_TOKEN_CORRUPT, ret_reason);
	rc = Esys_VerifySignature(tpm->esys, key.tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				  &digest, &signature, &ret->verified);
	if (rc)
		return tpm_fail("TPM2_VerifySignature", rc, REASON_TOKEN_CORRUPT, ret_reason);
	return 0;
}

/* Load the sealed object in a session that ends here, and have ESAPI keep @auth for its use. */
static int sealed_load(struct tpm *tpm, const struct tpm_handle *srk,
		       const struct tpm_sealed *sealed, const struct secret *auth,
		       struct tpm_handle *ret, enum reason *ret_reason)
{
	_cleanup_secret_ struct secret *buffer = auth ? secret_new(sizeof(TPM2B_AUTH)) : NULL;
	_cleanup_handle_ struct tpm_handle session = HANDLE(tpm);
	TPM2B_PRIVATE private = {0};
	TPM2B_PUBLIC public = {0};
	TSS2_RC rc;

	if (sealed_unmarshal(sealed, &public, &private) < 0)
		return tpm_refuse(REASON_TOKEN_CORRUPT, ret_reason);
	rc = tpm_session_start(tpm, srk, TPM2_SE_HMAC, &session);
	if (rc)
		return tpm_fail("TPM2_StartAuthSession", rc, REASON_TPM_ERROR, ret_reason);
	/* The parent is the pinned key, which rejects only what was not sealed under it. */
	rc = Esys_Load(tpm->esys, srk->tr, session.tr, ESYS_TR_NONE, ESYS_TR_NONE, &private,
		       &public, &ret->tr);
	if (rc)
		return tpm_fail("TPM2_Load", rc, REASON_TOKEN_CORRUPT, ret_reason);
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
			return tpm_fail("Esys_TR_SetAuth", rc, REASON_TPM_ERROR, ret_reason);
	}
	return 0;
}

/* Assert @pcrs in @session. -EAGAIN: a PCR was extended meanwhile. */
static int policy_pcr(struct tpm *tpm, const struct tpm_handle *session,
		      const struct pcr_values *pcrs, enum reason *ret_reason)
{
	const TPML_PCR_SELECTION selection = tpm_pcr_selection(pcrs->mask);
	TPM2B_DIGEST digest = {.size = SHA256_SIZE};
	TSS2_RC rc;
	int r = pcr_values_digest(pcrs, digest.buffer);

	if (r < 0)
		return r;
	/* The TPM is given the expected digest and refuses other PCRs itself, by this code only. */
	rc = Esys_PolicyPCR(tpm->esys, session->tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
			    &digest, &selection);
	if (rc == TPM2_RC_PCR_CHANGED)
		return -EAGAIN;
	if (rc == (TPM2_RC_VALUE | TPM2_RC_P | TPM2_RC_1)) {
		tpm_log_rc("TPM2_PolicyPCR", rc);
		return tpm_refuse(REASON_PCR_MISMATCH, ret_reason);
	}
	return rc ? tpm_fail("TPM2_PolicyPCR", rc, REASON_TOKEN_CORRUPT, ret_reason) : 0;
}

/* Assert that the counter is at most @limit. */
static int policy_nv(struct tpm *tpm, const struct tpm_handle *session,
		     const struct policy_counter *counter, uint64_t limit, enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle index = HANDLE(tpm);
	TPM2B_OPERAND operand = {.size = 8};
	TSS2_RC rc;
	int r = tpm_counter_open(tpm, counter, &index, ret_reason);

	if (r < 0)
		return r;
	policy_counter_operand(limit, operand.buffer);
	rc = Esys_PolicyNV(tpm->esys, index.tr, index.tr, session->tr, ESYS_TR_PASSWORD,
			   ESYS_TR_NONE, ESYS_TR_NONE, &operand, 0, TPM2_EO_UNSIGNED_LE);
	if (rc == TPM2_RC_POLICY) {
		tpm_log_rc("TPM2_PolicyNV", rc);
		return tpm_refuse(REASON_POLICY_REVOKED, ret_reason);
	}
	return rc ? tpm_fail("TPM2_PolicyNV", rc, REASON_TOKEN_CORRUPT, ret_reason) : 0;
}

static int policy_approved(struct tpm *tpm, const struct tpm_handle *session,
			   const struct answer *by, enum reason *ret_reason)
{
	const struct ticket *ticket = by->ticket;
	TSS2_RC rc;
	int r = 0;

	if (by->authority->counter.index)
		r = policy_nv(tpm, session, &by->authority->counter, by->counter_limit, ret_reason);
	if (r < 0)
		return r;
	rc = Esys_PolicyAuthorize(tpm->esys, session->tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				  &ticket->policy, &ticket->ref, &ticket->key, ticket->verified);
	return rc ? tpm_fail("TPM2_PolicyAuthorize", rc, REASON_TOKEN_CORRUPT, ret_reason) : 0;
}

/* Assert that the count at @offset of TPMS_TIME_INFO is at most @limit; else it is @over. */
static int policy_count(struct tpm *tpm, const struct tpm_handle *session, uint32_t limit,
			uint16_t offset, enum reason over, enum reason *ret_reason)
{
	TPM2B_OPERAND operand = {.size = 4};
	TSS2_RC rc;

	policy_boots_operand(limit, operand.buffer);
	rc = Esys_PolicyCounterTimer(tpm->esys, session->tr, ESYS_TR_NONE, ESYS_TR_NONE,
				     ESYS_TR_NONE, &operand, offset, TPM2_EO_UNSIGNED_LE);
	if (rc == TPM2_RC_POLICY) {
		tpm_log_rc("TPM2_PolicyCounterTimer", rc);
		return tpm_refuse(over, ret_reason);
	}
	return rc ? tpm_fail("TPM2_PolicyCounterTimer", rc, REASON_TPM_ERROR, ret_reason) : 0;
}

static int policy_boots(struct tpm *tpm, const struct tpm_handle *session,
			const struct policy_boots *boots, enum reason *ret_reason)
{
	int r = policy_count(tpm, session, boots->reset_limit, POLICY_RESET_COUNT_OFFSET,
			     REASON_SUSPEND_EXPIRED, ret_reason);

	if (r < 0 || !boots->no_restart)
		return r;
	return policy_count(tpm, session, 0, POLICY_RESTART_COUNT_OFFSET, REASON_TPM_RESTARTED,
			    ret_reason);
}

/* Satisfy the object's policy in @session. -EAGAIN: a PCR was extended meanwhile. */
static int policy_satisfy(struct tpm *tpm, const struct tpm_handle *session,
			  const struct answer *by, enum reason *ret_reason)
{
	TSS2_RC rc;
	int r = policy_pcr(tpm, session, by->pcrs, ret_reason);

	if (r < 0)
		return r;
	r = by->authority ? policy_approved(tpm, session, by, ret_reason)
			  : policy_boots(tpm, session, by->boots, ret_reason);
	if (r < 0 || !by->auth)
		return r;
	rc = Esys_PolicyAuthValue(tpm->esys, session->tr, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE);
	return rc ? tpm_fail("TPM2_PolicyAuthValue", rc, REASON_TPM_ERROR, ret_reason) : 0;
}

/* Try once, in a new session. -EAGAIN: a PCR was extended meanwhile. */
static int unseal_once(struct tpm *tpm, const struct tpm_handle *srk,
		       const struct tpm_handle *object, const struct answer *by,
		       struct secret **ret, enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle session = HANDLE(tpm);
	TPM2B_SENSITIVE_DATA *data;
	TSS2_RC rc;
	int r;

	rc = tpm_session_start(tpm, srk, TPM2_SE_POLICY, &session);
	if (rc)
		return tpm_fail("TPM2_StartAuthSession", rc, REASON_TPM_ERROR, ret_reason);
	r = policy_satisfy(tpm, &session, by, ret_reason);
	if (r < 0)
		return r;
	rc = Esys_Unseal(tpm->esys, object->tr, session.tr, ESYS_TR_NONE, ESYS_TR_NONE, &data);
	if (rc == TPM2_RC_PCR_CHANGED)
		return -EAGAIN;
	if (tpm_rc_base(rc) == TPM2_RC_POLICY_FAIL) {
		/* The approval is in order, but by another policy key or for another volume. */
		tpm_log_rc("TPM2_Unseal", rc);
		return tpm_refuse(REASON_TOKEN_CORRUPT, ret_reason);
	}
	/* The first code has cost a try; the second, of an exempt object, has not (Part 3, 5.6). */
	if (by->auth && tpm_rc_base(rc) == TPM2_RC_AUTH_FAIL)
		return tpm_refuse(REASON_PIN_WRONG, ret_reason);
	if (by->auth && tpm_rc_base(rc) == TPM2_RC_BAD_AUTH)
		return tpm_refuse(REASON_SECRET_WRONG, ret_reason);
	if (rc)
		return tpm_fail("TPM2_Unseal", rc, REASON_TPM_ERROR, ret_reason);
	*ret = secret_copy(data->buffer, data->size);
	secret_wipe(data, sizeof(*data));
	Esys_Free(data);
	return *ret ? 0 : -ENOMEM;
}

static int unseal(struct tpm *tpm, const struct tpm_handle *srk, const struct tpm_sealed *sealed,
		  const struct answer *by, struct secret **ret, enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle object = HANDLE(tpm);
	int r = sealed_load(tpm, srk, sealed, by->auth, &object, ret_reason);

	if (r < 0)
		return r;
	r = -EAGAIN;
	for (int i = 0; r == -EAGAIN && i < TRIES; i++)
		r = unseal_once(tpm, srk, &object, by, ret, ret_reason);
	return r == -EAGAIN ? tpm_refuse(REASON_TPM_ERROR, ret_reason) : r;
}

int tpm_unseal(struct tpm *tpm, const struct tpm_name *srk_name, const struct tpm_sealed *sealed,
	       const struct policy_authority *authority, const struct policy_approval *approval,
	       const struct secret *auth, struct secret **ret, enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle srk = HANDLE(tpm);
	_cleanup_ticket_ struct ticket ticket = {0};
	const struct answer answer = {
		.pcrs = &approval->pcrs,
		.authority = authority,
		.counter_limit = approval->limit,
		.ticket = &ticket,
		.auth = auth,
	};
	int r;

	*ret_reason = REASON_NONE;
	r = tpm_srk_open_pinned(tpm, srk_name, &srk, ret_reason);
	if (r < 0)
		return r;
	r = ticket_get(tpm, authority, approval, &ticket, ret_reason);
	return r < 0 ? r : unseal(tpm, &srk, sealed, &answer, ret, ret_reason);
}

int tpm_unseal_suspended(struct tpm *tpm, const struct tpm_name *srk_name,
			 const struct tpm_sealed *sealed, const struct pcr_values *pcrs,
			 const struct policy_boots *boots, struct secret **ret,
			 enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle srk = HANDLE(tpm);
	const struct answer answer = {.pcrs = pcrs, .boots = boots};
	int r;

	*ret_reason = REASON_NONE;
	r = tpm_srk_open_pinned(tpm, srk_name, &srk, ret_reason);
	return r < 0 ? r : unseal(tpm, &srk, sealed, &answer, ret, ret_reason);
}

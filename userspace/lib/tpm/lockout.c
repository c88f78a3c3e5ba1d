// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The TPM's guard against guessing: its numbers, and lockoutAuth, which authorises changing them.
 * lockoutAuth never crosses the bus in clear: as an authorisation it keys an HMAC in a session that
 * is salted to the SRK, and when it is set such a session encrypts it.
 */
#include <errno.h>
#include <string.h>

#include "tpm/private.h"

/* Seconds for which the TPM refuses lockoutAuth after a wrong one: a day, as Windows sets it. */
#define LOCKOUT_RECOVERY_S (24 * 60 * 60)

int tpm_lockout_read(struct tpm *tpm, struct tpm_lockout *ret, enum reason *ret_reason)
{
	struct tpm_lockout lockout = {0};
	uint32_t permanent = 0;
	const struct {
		uint32_t tag, *value;
	} properties[] = {{TPM2_PT_PERMANENT, &permanent},
			  {TPM2_PT_LOCKOUT_COUNTER, &lockout.failed},
			  {TPM2_PT_MAX_AUTH_FAIL, &lockout.max_tries},
			  {TPM2_PT_LOCKOUT_INTERVAL, &lockout.interval_s}};

	*ret_reason = REASON_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(properties); i++) {
		int r = tpm_property_read(tpm, properties[i].tag, properties[i].value, ret_reason);

		if (r < 0)
			return r;
	}
	lockout.locked = permanent & TPMA_PERMANENT_INLOCKOUT;
	lockout.owned = permanent & TPMA_PERMANENT_LOCKOUTAUTHSET;
	*ret = lockout;
	return 0;
}

/* Give @auth as a TPM2B_AUTH in memory that is wiped; NULL is the empty one. */
static int auth_value(const struct secret *auth, struct secret **ret)
{
	_cleanup_secret_ struct secret *buffer = secret_new(sizeof(TPM2B_AUTH));
	TPM2B_AUTH *value;

	if (!buffer)
		return -ENOMEM;
	value = (TPM2B_AUTH *)buffer->data;
	if (auth && auth->size > SHA256_SIZE)
		return -EINVAL;
	if (auth) {
		value->size = (UINT16)auth->size;
		memcpy(value->buffer, auth->data, auth->size);
	}
	*ret = steal(buffer);
	return 0;
}

/* Start a session for a command that @auth authorises, without the attributes @without. */
static int lockout_session(struct tpm *tpm, const struct tpm_name *srk_name,
			   const struct secret *auth, TPMA_SESSION without, struct tpm_handle *ret,
			   enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle srk = HANDLE(tpm);
	_cleanup_secret_ struct secret *value = NULL;
	TSS2_RC rc;
	int r;

	*ret_reason = REASON_NONE;
	r = auth_value(auth, &value);
	if (r < 0)
		return r;
	r = tpm_srk_open_pinned(tpm, srk_name, &srk, ret_reason);
	if (r < 0)
		return r;
	rc = tpm_session_start(tpm, &srk, TPM2_SE_HMAC, ret);
	if (rc)
		return tpm_fail("TPM2_StartAuthSession", rc, REASON_TPM_ERROR, ret_reason);
	rc = Esys_TRSess_SetAttributes(tpm->esys, ret->tr, 0, without);
	if (rc)
		return tpm_fail("Esys_TRSess_SetAttributes", rc, REASON_TPM_ERROR, ret_reason);
	rc = Esys_TR_SetAuth(tpm->esys, ESYS_TR_RH_LOCKOUT, (TPM2B_AUTH *)value->data);
	return rc ? tpm_fail("Esys_TR_SetAuth", rc, REASON_TPM_ERROR, ret_reason) : 0;
}

/*
 * A wrong lockoutAuth fails with one of the first two codes, and any lockoutAuth with the third for
 * a day after that (Part 1, 19.11.3).
 */
static int lockout_result(const char *command, TSS2_RC rc, enum reason *ret_reason)
{
	if (!rc)
		return 0;
	if (tpm_rc_base(rc) == TPM2_RC_AUTH_FAIL || tpm_rc_base(rc) == TPM2_RC_BAD_AUTH ||
	    rc == TPM2_RC_LOCKOUT) {
		tpm_log_rc(command, rc);
		return tpm_refuse(REASON_LOCKOUT_OWNED, ret_reason);
	}
	return tpm_fail(command, rc, REASON_TPM_ERROR, ret_reason);
}

int tpm_lockout_set(struct tpm *tpm, const struct tpm_name *srk, const struct secret *auth,
		    uint32_t max_tries, uint32_t interval_s, enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle session = HANDLE(tpm);
	TSS2_RC rc;
	int r = lockout_session(tpm, srk, auth, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT,
				&session, ret_reason);

	if (r < 0)
		return r;
	rc = Esys_DictionaryAttackParameters(tpm->esys, ESYS_TR_RH_LOCKOUT, session.tr,
					     ESYS_TR_NONE, ESYS_TR_NONE, max_tries, interval_s,
					     LOCKOUT_RECOVERY_S);
	return lockout_result("TPM2_DictionaryAttackParameters", rc, ret_reason);
}

int tpm_lockout_clear(struct tpm *tpm, const struct tpm_name *srk, const struct secret *auth,
		      enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle session = HANDLE(tpm);
	TSS2_RC rc;
	int r = lockout_session(tpm, srk, auth, TPMA_SESSION_DECRYPT | TPMA_SESSION_ENCRYPT,
				&session, ret_reason);

	if (r < 0)
		return r;
	rc = Esys_DictionaryAttackLockReset(tpm->esys, ESYS_TR_RH_LOCKOUT, session.tr, ESYS_TR_NONE,
					    ESYS_TR_NONE);
	return lockout_result("TPM2_DictionaryAttackLockReset", rc, ret_reason);
}

int tpm_lockout_own(struct tpm *tpm, const struct tpm_name *srk, const struct secret *old,
		    const struct secret *new, enum reason *ret_reason)
{
	_cleanup_handle_ struct tpm_handle session = HANDLE(tpm);
	_cleanup_secret_ struct secret *value = NULL;
	TSS2_RC rc;
	int r = auth_value(new, &value);

	if (r < 0)
		return r;
	r = lockout_session(tpm, srk, old, TPMA_SESSION_ENCRYPT, &session, ret_reason);
	if (r < 0)
		return r;
	rc = Esys_HierarchyChangeAuth(tpm->esys, ESYS_TR_RH_LOCKOUT, session.tr, ESYS_TR_NONE,
				      ESYS_TR_NONE, (TPM2B_AUTH *)value->data);
	return lockout_result("TPM2_HierarchyChangeAuth", rc, ret_reason);
}

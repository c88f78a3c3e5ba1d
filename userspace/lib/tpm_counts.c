// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the TPM keeps count of: failed tries, and its starts. */
#include <errno.h>
#include <string.h>

#include "log.h"
#include "tpm_private.h"

/* How long the TPM refuses after a wrong lockoutAuth, in seconds: a day, as Windows sets it. */
#define LOCKOUT_RECOVERY_S (24 * 60 * 60)

static int property_read(struct tpm *tpm, uint32_t tag, uint32_t *ret, enum reason *ret_reason)
{
	_cleanup_esys_ TPMS_CAPABILITY_DATA *data = NULL;
	const TPML_TAGGED_TPM_PROPERTY *list;
	TSS2_RC rc = Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					TPM2_CAP_TPM_PROPERTIES, tag, 1, NULL, &data);

	if (rc)
		return tpm_fail("TPM2_GetCapability", rc, REASON_TPM_ERROR, ret_reason);
	/* A TPM without this property answers with the next one. */
	list = &data->data.tpmProperties;
	if (list->count != 1 || list->tpmProperty[0].property != tag)
		return tpm_refuse(REASON_TPM_ERROR, ret_reason);
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
	return rc ? tpm_fail("TPM2_DictionaryAttackParameters", rc, REASON_TPM_ERROR, ret_reason)
		  : 0;
}

int tpm_lockout_clear(struct tpm *tpm, enum reason *ret_reason)
{
	TSS2_RC rc = Esys_DictionaryAttackLockReset(tpm->esys, ESYS_TR_RH_LOCKOUT, ESYS_TR_PASSWORD,
						    ESYS_TR_NONE, ESYS_TR_NONE);

	*ret_reason = REASON_NONE;
	return rc ? tpm_fail("TPM2_DictionaryAttackLockReset", rc, REASON_TPM_ERROR, ret_reason)
		  : 0;
}

int tpm_boots_read(struct tpm *tpm, struct tpm_boots *ret, enum reason *ret_reason)
{
	_cleanup_esys_ TPMS_TIME_INFO *time = NULL;
	TSS2_RC rc = Esys_ReadClock(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE, &time);

	*ret_reason = REASON_NONE;
	if (rc)
		return tpm_fail("TPM2_ReadClock", rc, REASON_TPM_ERROR, ret_reason);
	*ret = (struct tpm_boots){time->clockInfo.resetCount, time->clockInfo.restartCount};
	return 0;
}

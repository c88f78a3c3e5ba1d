// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading the TPM's properties, and how often it was started. */

#include "tpm/private.h"

int tpm_property_read(struct tpm *tpm, uint32_t tag, uint32_t *ret, enum reason *ret_reason)
{
	_cleanup_esys_ TPMS_CAPABILITY_DATA *data = NULL;
	const TPML_TAGGED_TPM_PROPERTY *list;
	TSS2_RC rc = Esys_GetCapability(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					TPM2_CAP_TPM_PROPERTIES, tag, 1, NULL, &data);

	if (rc)
		return tpm_fail("TPM2_GetCapability", rc, REASON_TPM_ERROR, ret_reason);
	/* A TPM that lacks this property answers with the next one that it has. */
	list = &data->data.tpmProperties;
	if (list->count != 1 || list->tpmProperty[0].property != tag)
		return tpm_refuse(REASON_TPM_ERROR, ret_reason);
	*ret = list->tpmProperty[0].value;
	return 0;
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

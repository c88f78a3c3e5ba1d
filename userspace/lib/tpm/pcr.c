// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading and extending PCRs of the SHA-256 bank. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tpm/private.h"

TPML_PCR_SELECTION tpm_pcr_selection(uint32_t mask)
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

/* Add the PCRs of one answer, lowest first. -EPROTO: they are not those that were asked for. */
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
		const TPML_PCR_SELECTION selection = tpm_pcr_selection(wanted);
		TSS2_RC rc = Esys_PCR_Read(tpm->esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
					   &selection, NULL, &given, &digests);

		if (rc)
			return tpm_fail("TPM2_PCR_Read", rc, REASON_BANK_DEAD, ret_reason);
		if (!pcr_selection_mask(given))
			return tpm_refuse(REASON_BANK_DEAD, ret_reason);
		if (pcr_values_add(&pcrs, wanted, pcr_selection_mask(given), digests) < 0)
			return tpm_refuse(REASON_TPM_ERROR, ret_reason);
	}
	for (int pcr = 0; pcr < PCR_COUNT; pcr++)
		if (mask & 1u << pcr) {
			char what[24];

			snprintf(what, sizeof(what), "PCR %d, bank sha256:", pcr);
			log_hex(what, pcrs.value[pcr], SHA256_SIZE);
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
	return rc ? tpm_fail("TPM2_PCR_Extend", rc, REASON_BANK_DEAD, &reason) : 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A deliberate fault: the tool says that it has capped the TPM, and has not.
 * wraps: cap_tpm
 */
#include "volume/cap.h"

int __wrap_cap_tpm(const char *tcti, const uint8_t *identity, enum reason *ret_reason);

int __wrap_cap_tpm(const char *tcti, const uint8_t *identity, enum reason *ret_reason)
{
	(void)tcti;
	(void)identity;
	*ret_reason = REASON_NONE;
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why a protector did not open the volume. One enum and one table: the code is what
 * programs read, the text is what people read.
 */
#ifndef FVE_REASON_H
#define FVE_REASON_H

enum reason {
	REASON_NONE,
	REASON_PCR_MISMATCH,
	REASON_PIN_WRONG,
	REASON_TPM_LOCKED_OUT,
	REASON_TPM_ABSENT,
	REASON_TPM_OTHER,
	REASON_TPM_CLEARED,
	REASON_TPM_ERROR,
	REASON_TPM_FULL,
	REASON_TPM_OWNED,
	REASON_BANK_DEAD,
	REASON_POLICY_REVOKED,
	REASON_SUSPEND_EXPIRED,
	REASON_CAPPED,
	REASON_HEADER_MAC,
	REASON_TOKEN_CORRUPT,
	REASON_SECRET_WRONG,
	REASON_KEY_ABSENT,
	REASON_KEY_DENIED,
	REASON_KEY_UNREACHABLE,
	REASON_KEY_ERROR,
	REASON_POLICY_SUSPENDED,
	REASON_LEASE_OVER,
	REASON_FACTOR_ERASED,
	REASON_NO_PROTECTOR,
	REASON_MODULE_MISSING,
	REASON_NOT_OURS,
	REASON_TPM_RESTARTED,
	REASON_KEYSLOT_UNSAFE,
	REASON_KDF_BOUNDS,
	REASON_MAX,
};

const char *reason_code(enum reason reason); /* "pcr-mismatch": stable */
const char *reason_text(enum reason reason); /* one sentence, lower case, no full stop */

#endif

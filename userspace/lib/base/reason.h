/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The reasons for which a protector does not open a volume, and other findings that a program may
 * want to tell apart. Each has a code, which programs read and which never changes, and a text,
 * which people read; reason.c has the table of both, docs/json.md the list of codes.
 */
#pragma once

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
	REASON_TOKEN_NEWER,
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
	REASON_LOCKOUT_OWNED,
	REASON_LOCKOUT_OPEN,
	REASON_LOCKOUT_CHANGED,
	REASON_WEAK_PCRS,
	REASON_MAX,
};

const char *reason_code(enum reason reason); /* for programs, such as "pcr-mismatch" */
const char *reason_text(enum reason reason); /* one sentence in lower case, without a full stop */

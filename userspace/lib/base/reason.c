// SPDX-License-Identifier: LGPL-2.1-or-later
/* The codes and texts of reasons. The codes are a promise to programs (docs/json.md). */
#include "base/reason.h"

static const struct {
	const char *code;
	const char *text;
} reasons[REASON_MAX] = {
	[REASON_NONE] = {"none", "no reason given"},
	[REASON_PCR_MISMATCH] = {"pcr-mismatch", "the machine did not boot as approved"},
	[REASON_PIN_WRONG] = {"pin-wrong", "the PIN is wrong"},
	[REASON_TPM_LOCKED_OUT] = {"tpm-locked-out", "the TPM is in dictionary-attack lockout"},
	[REASON_TPM_ABSENT] = {"tpm-absent", "there is no TPM, or it does not answer"},
	[REASON_TPM_OTHER] = {"tpm-other", "this is not the TPM that the protector was made with"},
	[REASON_TPM_CLEARED] = {"tpm-cleared", "the TPM was cleared since the protector was made"},
	[REASON_TPM_ERROR] = {"tpm-error", "the TPM answered with an unexpected error"},
	[REASON_TPM_FULL] = {"tpm-full", "the TPM has no room for another counter"},
	[REASON_TPM_OWNED] = {"tpm-owned", "the TPM's owner hierarchy has a password"},
	[REASON_BANK_DEAD] = {"bank-dead", "the TPM's SHA-256 PCR bank is absent or not in use"},
	[REASON_POLICY_REVOKED] =
		{"policy-revoked",
		 "the approval of this boot chain was revoked, or the TPM's counter is gone"},
	[REASON_SUSPEND_EXPIRED] = {"suspend-expired",
				    "protection was suspended for fewer boots than there were"},
	[REASON_CAPPED] = {"capped", "the TPM was capped: it releases no key again in this boot"},
	[REASON_HEADER_MAC] = {"header-mac", "the header was changed without fvesetup"},
	[REASON_TOKEN_CORRUPT] = {"token-corrupt", "the protector's token is damaged"},
	[REASON_TOKEN_NEWER] = {"token-newer",
				"a later version of fvesetup made this protector; use that one"},
	[REASON_SECRET_WRONG] = {"secret-wrong", "the secret is wrong"},
	[REASON_KEY_ABSENT] = {"key-absent", "the key is not there"},
	[REASON_KEY_DENIED] = {"key-denied", "the owner of the keys forbids their use"},
	[REASON_KEY_UNREACHABLE] = {"key-unreachable",
				    "no store or server of the key can be reached"},
	[REASON_KEY_ERROR] = {"key-error",
			      "a store or server of the key answered with an unexpected error"},
	[REASON_POLICY_SUSPENDED] = {"policy-suspended",
				     "the policy is suspended until fvesetup policy resume"},
	[REASON_LEASE_OVER] = {"lease-over",
			       "no root key was reached for longer than the policy's lease"},
	[REASON_FACTOR_ERASED] =
		{"factor-erased",
		 "this machine's TPM has no factor of this tenant: it was purged, or "
		 "is of another machine"},
	[REASON_NO_PROTECTOR] = {"no-protector", "the volume has no such protector"},
	[REASON_MODULE_MISSING] = {"module-missing", "the kernel has no fve target"},
	[REASON_NOT_OURS] = {"not-ours", "this is not the volume that the machine had"},
	[REASON_TPM_RESTARTED] = {"tpm-restarted",
				  "the TPM slept before this boot and has not counted it; "
				  "switch the machine off and on"},
	[REASON_KEYSLOT_UNSAFE] = {"keyslot-unsafe",
				   "the header asks for what is not on the list of what is safe"},
	[REASON_KDF_BOUNDS] = {"kdf-bounds",
			       "the header asks for too little or too much key stretching"},
	[REASON_LOCKOUT_OWNED] = {"lockout-owned",
				  "the TPM's lockoutAuth was set by somebody else"},
	[REASON_LOCKOUT_OPEN] = {"lockout-open",
				 "the TPM's lockoutAuth is empty: any system may lift the lockout"},
	[REASON_LOCKOUT_CHANGED] = {"lockout-changed",
				    "the TPM allows more wrong PINs than when the PIN was set"},
	[REASON_WEAK_PCRS] = {"weak-pcrs",
			      "an approval without PCR 4 lets any system extend the others"},
};

const char *reason_code(enum reason reason)
{
	return reasons[reason].code;
}

const char *reason_text(enum reason reason)
{
	return reasons[reason].text;
}

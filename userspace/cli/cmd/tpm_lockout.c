// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup tpm lockout' action: who may lift the limit of wrong PINs. */
#include <errno.h>

#include "cli/table.h"
#include "header/change.h"
#include "keys/lockout.h"
#include "keys/vmk.h"

/* The volume's policy in the machine's TPM. */
static int policy_open(const char *tcti, const struct header *header, struct tpm **ret_tpm,
		       struct boot_policy *ret)
{
	enum reason reason = REASON_NONE;
	struct tpm_name srk;
	int r = tpm_open(tcti, ret_tpm, &reason);

	if (r == 0)
		r = tpm_srk_name(*ret_tpm, TPM_SRK_FIND, &srk, &reason);
	if (r < 0)
		return log_errno(-r, "cannot use the TPM: %s (%s)", reason_text(reason),
				 reason_code(reason));
	r = boot_policy_load(header, &srk, ret);
	if (r < 0)
		return log_errno(-r,
				 r == -ENOENT ? "%s has no protector in this TPM"
					      : "the fve-policy token of %s is damaged or unknown",
				 header_path(header));
	return 0;
}

/* Only the TPM can tell whether its lockoutAuth is the volume's; what is asked of it is harmless.
 */
static int check(const struct header *header, const struct secret *vmk,
		 const struct boot_policy *policy, struct tpm *tpm)
{
	enum reason reason;

	if (lockout_forgive(header, vmk, tpm, policy, &reason) == 0)
		return 0;
	return log_errno(EACCES,
			 "lockoutAuth is not known to %s (%s); the numbers as they are now were "
			 "noted, and a change is noticed",
			 header_path(header), reason_code(REASON_LOCKOUT_OWNED));
}

int cli_lockout(const struct unlock_request *how)
{
	_cleanup_change_ struct change change = {.replaces = true};
	_cleanup_boot_policy_ struct boot_policy policy = {0};
	_cleanup_secret_ struct secret *fvek = NULL, *vmk = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_tpm_ struct tpm *tpm = NULL;
	_cleanup_free_ char *json = NULL;
	_cleanup_close_ int lock = -1;
	int r = cli_open_to_change(how, &lock, &header, &fvek);

	if (r < 0)
		return r;
	r = vmk_from_fvek(header, fvek, NULL, &vmk);
	if (r < 0)
		return r;
	r = policy_open(how->tcti, header, &tpm, &policy);
	if (r < 0)
		return r;
	r = lockout_prepare(header, vmk, tpm, &policy);
	if (r < 0)
		return r;
	json = token_policy_format(&policy.token);
	change.header = header;
	change_set_token(&change, policy.number, json);
	r = change_commit(&change, fvek);
	if (r < 0)
		return r;
	r = lockout_take(header, vmk, tpm, &policy);
	return r < 0 ? r : check(header, vmk, &policy, tpm);
}

static int cmd_tpm_lockout(const struct args *args)
{
	return cli_lockout(&args->unlock);
}

ACTION(tpm_lockout, "TPM policy", "tpm lockout", "<device>",
       "guard the limit of wrong PINs against other systems",
       "Set up the TPM's lockout as the first PIN of a volume does: it locks after 32 wrong PINs and "
       "forgives one each ten minutes, and its lockoutAuth, which may change that, becomes a random "
       "value that is kept in the volume, under its keys. For volumes of before, for one whose PIN "
       "is refused with lockout-changed, and for a setup that was interrupted. Where lockoutAuth "
       "was set by somebody else, as another volume of this machine, it stays: the numbers are "
       "noted as they are, and the exit status is 2.",
       TO_UNLOCK);

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The lockout that a PIN counts on. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "keys/lockout.h"
#include "keys/vmk.h"

/* Longer than the digest of the SRK's nameAlg no authValue may be (Part 3, 24.8). */
#define AUTH_SIZE 32

static bool ours(const struct boot_policy *policy)
{
	return policy->token.lockout.auth.size > 0;
}

static int unwrap(const struct header *header, const struct secret *vmk,
		  const struct boot_policy *policy, struct secret **ret)
{
	if (!vmk)
		return -ENOKEY;
	return policy_secret_unwrap(header, POLICY_LOCKOUT_AUTH, policy->token.generation, vmk,
				    &policy->token.lockout.auth, ret);
}

/* A TPM drops zeros at the end of an authValue (Part 1, 19.6.4.3), and not all software does. */
static struct secret *new_auth(void)
{
	struct secret *auth = secret_random(AUTH_SIZE);

	while (auth && !auth->data[AUTH_SIZE - 1]) {
		secret_free(auth);
		auth = secret_random(AUTH_SIZE);
	}
	return auth;
}

static int wrap_new(const struct header *header, const struct secret *vmk,
		    struct boot_policy *policy)
{
	_cleanup_secret_ struct secret *auth = new_auth();

	return auth ? policy_secret_wrap(header, POLICY_LOCKOUT_AUTH, policy->token.generation, vmk,
					 auth, &policy->token.lockout.auth)
		    : -ENOMEM;
}

/*
 * A TPM that locks after three tries, as many come, is locked by three power cuts: an
 * interrupted session counts as a wrong try.
 */
static int set_numbers(const struct header *header, const struct secret *vmk, struct tpm *tpm,
		       const struct boot_policy *policy, struct tpm_lockout *lockout,
		       enum reason *ret_reason)
{
	_cleanup_secret_ struct secret *auth = NULL;
	int r;

	if (lockout->max_tries == LOCKOUT_TRIES && lockout->interval_s == LOCKOUT_INTERVAL_S)
		return 0;
	r = lockout->owned ? unwrap(header, vmk, policy, &auth) : 0;
	if (r < 0)
		return r;
	r = tpm_lockout_set(tpm, &policy->token.srk, auth, LOCKOUT_TRIES, LOCKOUT_INTERVAL_S,
			    ret_reason);
	return r < 0 ? r : tpm_lockout_read(tpm, lockout, ret_reason);
}

int lockout_prepare(const struct header *header, const struct secret *vmk, struct tpm *tpm,
		    struct boot_policy *policy)
{
	struct tpm_lockout lockout;
	enum reason reason = REASON_NONE;
	int r = tpm_lockout_read(tpm, &lockout, &reason);

	if (r == 0 && (!lockout.owned || ours(policy)))
		r = set_numbers(header, vmk, tpm, policy, &lockout, &reason);
	if (reason == REASON_LOCKOUT_OWNED || (r == 0 && lockout.owned && !ours(policy))) {
		r = 0;
		log_notice("The TPM's lockout was set up by somebody else and is left as it is: "
			   "after %u wrong PINs it locks, and forgives one each %u s. Its "
			   "lockoutAuth is not known to %s, so that no recovery password clears "
			   "the count.",
			   lockout.max_tries, lockout.interval_s, header_path(header));
	}
	if (r == 0 && !lockout.owned && !ours(policy))
		r = wrap_new(header, vmk, policy);
	if (r < 0)
		return log_errno(-r, "cannot set up the TPM's lockout: %s (%s)",
				 reason == REASON_NONE ? strerror(-r) : reason_text(reason),
				 reason_code(reason));
	policy->token.lockout.max_tries = lockout.max_tries;
	policy->token.lockout.interval_s = lockout.interval_s;
	policy->token.lockout.there = true;
	return 0;
}

int lockout_take(const struct header *header, const struct secret *vmk, struct tpm *tpm,
		 const struct boot_policy *policy)
{
	_cleanup_secret_ struct secret *auth = NULL;
	struct tpm_lockout lockout;
	enum reason reason = REASON_NONE;
	int r = tpm_lockout_read(tpm, &lockout, &reason);

	if (r == 0 && (lockout.owned || !ours(policy)))
		return 0;
	if (r == 0)
		r = unwrap(header, vmk, policy, &auth);
	if (r == 0)
		r = tpm_lockout_own(tpm, &policy->token.srk, NULL, auth, &reason);
	if (r < 0)
		return log_errno(
			-r,
			"the TPM's lockoutAuth is still empty, and any system may lift the "
			"lockout: %s (%s). Repeat: fvesetup tpm lockout %s",
			reason == REASON_NONE ? strerror(-r) : reason_text(reason),
			reason_code(reason), header_path(header));
	return 0;
}

/* REASON_NONE: it is empty now, or was never this volume's. */
static enum reason give_back(const struct header *header, const struct secret *vmk, struct tpm *tpm,
			     const struct boot_policy *policy)
{
	_cleanup_secret_ struct secret *auth = NULL;
	struct tpm_lockout lockout;
	struct tpm_name srk;
	enum reason reason = REASON_NONE;

	if (tpm_srk_name(tpm, TPM_SRK_FIND, &srk, &reason) < 0 ||
	    tpm_lockout_read(tpm, &lockout, &reason) < 0)
		return reason == REASON_TPM_CLEARED ? REASON_NONE : reason;
	if (memcmp(&srk, &policy->token.srk, sizeof(srk)))
		return REASON_TPM_OTHER;
	if (!lockout.owned)
		return REASON_NONE;
	if (unwrap(header, vmk, policy, &auth) < 0)
		return REASON_LOCKOUT_OWNED;
	tpm_lockout_own(tpm, &policy->token.srk, auth, NULL, &reason);
	return reason;
}

/* -EIO: the TPM answered with an error. */
static int give_back_one(const struct header *header, const struct secret *fvek, const char *tcti,
			 const struct boot_policy *policy)
{
	_cleanup_secret_ struct secret *vmk = NULL;
	_cleanup_tpm_ struct tpm *tpm = NULL;
	enum reason reason;

	if (!ours(policy))
		return 0;
	if (fvek && vmk_from_fvek(header, fvek, NULL, &vmk) < 0)
		vmk = NULL;
	if (tpm_open(tcti, &tpm, &reason) == 0)
		reason = give_back(header, vmk, tpm, policy);
	if (reason != REASON_NONE)
		log_notice(
			"The lockoutAuth that %s gave its TPM may still be set, and nobody knows "
			"it then (%s). It guards the count of wrong PINs, and the TPM against "
			"being cleared by a running system; the firmware's menu clears it.",
			header_path(header), reason_code(reason));
	return tpm_has_failed(tpm, reason) ? -EIO : 0;
}

int lockout_give_back(const struct header *header, const struct secret *fvek, const char *tcti,
		      const struct boot_policy *policy)
{
	struct header_token token = HEADER_TOKEN_START;
	int r = 0;

	if (policy)
		return give_back_one(header, fvek, tcti, policy);
	while (header_token_next(header, TOKEN_TYPE_POLICY, &token)) {
		_cleanup_boot_policy_ struct boot_policy found = {0};

		if (boot_policy_get(header, &token, &found) == 0 &&
		    give_back_one(header, fvek, tcti, &found) < 0)
			r = -EIO;
	}
	return r;
}

int lockout_forgive(const struct header *header, const struct secret *vmk, struct tpm *tpm,
		    const struct boot_policy *policy, enum reason *ret_reason)
{
	_cleanup_secret_ struct secret *auth = NULL;
	struct tpm_lockout lockout;
	int r = tpm_lockout_read(tpm, &lockout, ret_reason);

	if (r < 0)
		return r;
	if (lockout.owned && !ours(policy))
		return -EACCES;
	if (lockout.owned)
		r = unwrap(header, vmk, policy, &auth);
	return r < 0 ? r : tpm_lockout_clear(tpm, &policy->token.srk, auth, ret_reason);
}

bool lockout_weakened(const struct boot_policy *policy, const struct tpm_lockout *now)
{
	const struct token_lockout *enrolled = &policy->token.lockout;

	if (!enrolled->there && now->owned)
		return false;
	return now->max_tries > (enrolled->there ? enrolled->max_tries : LOCKOUT_TRIES) ||
	       now->interval_s < (enrolled->there ? enrolled->interval_s : LOCKOUT_INTERVAL_S);
}

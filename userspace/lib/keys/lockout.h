/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lockout that a PIN counts on. A TPM whose lockoutAuth is empty lets any system on the machine
 * set its numbers so high that there is no lockout. So the first PIN sets lockoutAuth to a random
 * value, which lies in the volume's policy token under the VMK.
 *
 * Order of writes: the value is in both copies of the header before the TPM gets it, and the TPM
 * has none again before the header loses it. A power cut leaves a TPM whose lockoutAuth is empty
 * still, which the next PIN or `fvesetup tpm lockout` sets, and never one that nobody knows.
 */
#pragma once

#include "keys/boot_policy.h"

/* Windows' numbers: generous to a person, hopeless for a machine that guesses. */
#define LOCKOUT_TRIES	   32
#define LOCKOUT_INTERVAL_S 600

/*
 * Set the numbers where lockoutAuth is empty or this volume's, and note in @policy, in memory, what
 * they are; with a new value for lockoutAuth where it is empty. Where it is somebody else's, a
 * notice says so. @policy is to be written after that, and then lockout_take() is to follow. The
 * message is made here.
 */
int lockout_prepare(const struct header *header, const struct secret *vmk, struct tpm *tpm,
		    struct boot_policy *policy);

/* Give the TPM the written value of @policy, where it has none. The message is made here. */
int lockout_take(const struct header *header, const struct secret *vmk, struct tpm *tpm,
		 const struct boot_policy *policy);

/*
 * Make lockoutAuth of the TPM empty again where it is this volume's, before a policy of which
 * nothing else is left goes; with @policy NULL, for all of the header. Best effort: a notice where
 * it stays, and -EIO if that is for an error of the TPM. Without @fvek nobody knows the value, and
 * only the notice is given.
 */
int lockout_give_back(const struct header *header, const struct secret *fvek, const char *tcti,
		      const struct boot_policy *policy);

/* Forget the wrong PINs that count. @vmk may be NULL where lockoutAuth is empty. No message. */
int lockout_forgive(const struct header *header, const struct secret *vmk, struct tpm *tpm,
		    const struct boot_policy *policy, enum reason *ret_reason);

/*
 * Whether the TPM allows more guessing than it did when the PIN was enrolled. A policy that does
 * not say what that was, of an older version, is compared with the numbers above where
 * lockoutAuth is empty, as that version set them; else nobody knows, and the answer is no.
 */
bool lockout_weakened(const struct boot_policy *policy, const struct tpm_lockout *now);

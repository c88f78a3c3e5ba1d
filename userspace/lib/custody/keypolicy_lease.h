/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lease of a policy whose availability key is used in outages by itself: the secret that opens
 * that key is sealed in this machine's TPM for some boots, and again each time that a root key was
 * really used. A machine that is kept away from its roots runs out of boots; the TPM counts them.
 */
#ifndef FVE_KEYPOLICY_LEASE_H
#define FVE_KEYPOLICY_LEASE_H

#include "custody/keypolicy.h"

/* Keep @private, the availability key, under @proof, what the roots unwrap. For transient only. */
int keypolicy_lease_keep(struct keypolicy *policy, const struct secret *proof,
			 const struct secret *private);
/* The same back. -EBADMSG: it was kept under another secret. No message. */
int keypolicy_lease_private(const struct keypolicy *policy, const struct secret *proof,
			    struct secret **ret_private);

/*
 * A root has just unwrapped: note the time, and where the availability key is transient seal the
 * lease anew, unless it is as long as it can be. @proof: what the proof holds, or NULL: it is
 * unwrapped by @root when it is needed. Best effort, with a warning.
 */
void keypolicy_lease_renew(struct keypolicy *policy, const char *tcti, enum wrap_key root,
			   const struct secret *proof);

/* The availability key, from the TPM. -EPERM and the reason lease-over, or a reason of the TPM. */
int keypolicy_lease_use(const struct keypolicy *policy, const char *tcti,
			struct secret **ret_private, enum reason *ret_reason);

/* In how many boots after this one the TPM will still give it; -1: in none, or not known. */
int keypolicy_lease_left(const struct keypolicy *policy, const char *tcti);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lease of a key policy with AVAILABILITY_TRANSIENT, whose availability key is used in an
 * outage without anybody's help. The secret that opens that key is sealed in this machine's TPM for
 * some boots, and sealed anew each time that a root key was really used. The TPM counts, so a
 * machine that is kept away from its roots runs out of boots.
 *
 * Functions return 0 or -errno without a message unless they say otherwise.
 */
#pragma once

#include "custody/keypolicy.h"

/* Wrap @private, the availability key, by the proof secret @proof, and keep it in @policy. */
int keypolicy_lease_keep(struct keypolicy *policy, const struct secret *proof,
			 const struct secret *private);
/* Unwrap the availability key by @proof. -EBADMSG: it was wrapped by another secret. */
int keypolicy_lease_private(const struct keypolicy *policy, const struct secret *proof,
			    struct secret **ret_private);

/*
 * Note that a root has just unwrapped, and where the availability key is transient renew the lease,
 * unless it has its full length. @proof is the proof secret; where it is NULL and needed, @root
 * unwraps it. The message is made here.
 */
int keypolicy_lease_renew(struct keypolicy *policy, const char *tcti, enum wrap_key root,
			  const struct secret *proof);
/* The same for a new policy that is written by nobody yet. */
int keypolicy_lease_begin(struct keypolicy *policy, const char *tcti, const struct secret *proof);

/* Give the availability key by the lease. -EPERM and REASON_LEASE_OVER: the lease is over, or there
 * is none; else a reason of the TPM. */
int keypolicy_lease_use(const struct keypolicy *policy, const char *tcti,
			struct secret **ret_private, enum reason *ret_reason);

/* Return in how many boots after this one the lease will hold. -1: in none, or unknown. */
int keypolicy_lease_left(const struct keypolicy *policy, const char *tcti);

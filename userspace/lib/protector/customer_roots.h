/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking roots for what a protector customer-key has wrapped for them; for customer.c. */
#pragma once

#include "custody/keypolicy.h"
#include "keys/rootwrap.h"
#include "protector/refusal.h"

/* What the wraps of @token are bound to; borrowed from both. */
struct rootwrap_binding customer_binding(const struct header *header,
					 const struct token_customer *token);

/*
 * Both roots are asked, the other a moment later. @policy without a name: this machine does not
 * know it, and the header's URIs are asked. Where it is known, it is asked where the policy says,
 * and only for what the header has by the digest of a root's key. @ret_root is the root that
 * unwrapped, or WRAP_ROOTS where it was a former one; @ret_seen:
 * what each said of itself, which no header can make; PROVIDER_UNASKED where it said nothing.
 * -EPERM with a reason; no message. @ret_share is the caller's.
 */
int customer_ask_roots(const struct header *header, const struct token_customer *token,
		       const struct keypolicy *policy, struct secret **ret_share,
		       enum wrap_key *ret_root, struct provider_error ret_seen[WRAP_ROOTS],
		       struct refusal *ret_refusal);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The roots of a key policy. Those that are given are URIs, WRAP_ROOTS of them; NULL: that one
 * stays as it is. Functions give 0 or -errno, and make the messages here unless they say otherwise.
 */
#pragma once

#include "custody/keypolicy.h"

/*
 * Ask providers about the roots that are given, into @policy, and have each really unwrap @proof.
 * Refuses what no root may be, and two roots, or an availability key, that would be lost together.
 */
int keypolicy_roots_set(struct keypolicy *policy, const char *const uris[WRAP_ROOTS],
			const struct secret *proof);

/* Whether the roots are the keys that the policy was made with, are what roots may be, and unwrap.
 */
int keypolicy_roots_validate(const struct keypolicy *policy);

/*
 * Put the roots that are given in the place of @policy's, as its next generation, with a record of
 * that: each is really used before anything is written. @availability: the key that opened where
 * both roots are lost; else NULL. @by goes into the record, or is NULL. The volumes are wrapped for
 * the old roots until each gets its turn.
 */
int keypolicy_roots_replace(struct keypolicy *policy, const char *const uris[WRAP_ROOTS],
			    const struct secret *proof, const struct secret *availability,
			    const char *tcti, const char *by);

/*
 * Make the policy, or replace roots and settings of @policy, as @order says (keypolicy_order.h).
 * Each root that is new here is really used first, and has to be the key that the order names.
 * -EPERM: it is another. @proof is a new secret. The records are the caller's.
 */
int keypolicy_order_make(const struct keypolicy *order, struct keypolicy *ret,
			 const struct secret *proof);
int keypolicy_order_replace(const struct keypolicy *order, struct keypolicy *policy,
			    const struct secret *proof);

/* Which roots are another key, or lie elsewhere, in @other: a mask. */
uint32_t keypolicy_roots_differ(const struct keypolicy *policy, const struct keypolicy *other);

/* Note @root, which is about to be replaced, as a former one; the oldest is forgotten. */
int keypolicy_root_retire(struct keypolicy_root *root);

/*
 * Unwrap the proof by a root, by @root alone or by any (WRAP_ROOTS). @errs, WRAP_ROOTS elements,
 * tells what became of each. -EACCES, -ENOKEY, -EHOSTUNREACH, -EINVAL as in provider.h, without a
 * message.
 */
int keypolicy_prove(const struct keypolicy *policy, enum wrap_key root, struct secret **ret_secret,
		    struct provider_error errs[WRAP_ROOTS]);

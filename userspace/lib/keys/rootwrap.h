/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is wrapped under a root key or an availability key: a 32-byte key with what it belongs to.
 * The stores that unwrap take no label, so the binding is inside, and checked after unwrapping.
 */
#pragma once

#include "crypto/crypto.h"

#define ROOTWRAP_KEY_SIZE 32

/* What a wrapped key belongs to; UUIDs as text. */
struct rootwrap_binding {
	const char *object; /* the volume, or the policy itself */
	const char *policy;
	uint32_t generation; /* of the policy */
};

/* Wrap @key under @public with the public key alone. -EINVAL: a UUID is none. */
int rootwrap_seal(const struct blob *public, const struct rootwrap_binding *binding,
		  const struct secret *key, struct blob *ret);

/* The key out of what was unwrapped. -EBADMSG: it is none of ours, or belongs to something else. */
int rootwrap_check(const struct secret *plain, const struct rootwrap_binding *binding,
		   struct secret **ret_key);

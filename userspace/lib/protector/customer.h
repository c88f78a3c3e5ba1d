/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A volume whose key the customer holds: the KEK is wrapped under the two root keys of a policy and
 * its availability key, with public keys alone, and one of the roots unwraps it.
 */
#pragma once

#include "custody/keypolicy.h"
#include "protector/protector.h"
#include "protector/refusal.h"

/* Whose availability key opens a tenant where its TPM is lost. */
enum customer_availability {
	CUSTOMER_BY_POLICY,
	CUSTOMER_OWN, /* a key of the tenant's own, which can be destroyed with the tenant */
	CUSTOMER_NONE,
	CUSTOMER_AVAILABILITIES,
};

/* What makes a volume a tenant's. */
struct customer_tenant {
	struct secret *factor; /* owned; factors.h */
	enum customer_availability availability;
	struct blob own; /* owned; SubjectPublicKeyInfo, with CUSTOMER_OWN */
};

void customer_tenant_free(struct customer_tenant *tenant);
#define _cleanup_customer_tenant_ __attribute__((cleanup(customer_tenant_free)))

/*
 * Write a protector of @policy with a new KEK, in one step in place of the one that the volume has
 * of this policy, if it has one. @tenant makes the volume a tenant's; with NULL it stays what it
 * is. @verify, a mask of enum wrap_key: these roots really unwrap the new KEK before
 * anything is written. Nothing needs to be reachable where it is 0. Messages are made here.
 */
int protector_customer_set(struct header *header, const struct secret *fvek,
			   const struct keypolicy *policy, const struct customer_tenant *tenant,
			   uint32_t verify);

/* What makes the volume a tenant's. -ENOENT: it is no tenant's. No message. */
int protector_customer_tenant(const struct header *header, const struct secret *fvek,
			      const struct protector *protector, struct customer_tenant *ret);

/* The protector of policy @uuid; -ENOENT without a message. @ret_generation of that policy. */
int protector_customer_find(const struct header *header, const char *uuid, struct protector *ret,
			    uint32_t *ret_generation);

/*
 * Open the volume by one of the roots: both are asked, the other a moment later. Where this machine
 * knows the policy, it is asked where the policy's file says, never where the header does, and a
 * root that the header has nothing for by its key's digest is not asked to unwrap that. Elsewhere
 * the header's URIs are asked, as far as they name what the administrator has let them. A denial,
 * with no root that answers, suspends the policy for good, and no other key is tried; where neither
 * can be reached, a transient availability key opens while its lease lasts. With @availability, the
 * private key that a custodian brought, only that is used. A suspended policy opens nothing. On
 * failure
 * @ret_refusal says why, and no message is printed. Records what was used.
 */
int protector_customer_open(struct header *header, const struct protector *protector,
			    const char *tcti, const struct secret *availability,
			    struct secret **ret_fvek, struct refusal *ret_refusal);

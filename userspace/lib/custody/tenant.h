/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tenants. The volume of a tenant opens only by the root keys of a key policy and this machine's
 * TPM together (factors.h). This machine's record of a tenant is the file tenants/<name>.json below
 * state_directory() (docs/on-disk.md), and holds nothing secret.
 *
 * Functions return 0 or -errno, and print the message unless they say otherwise.
 */
#pragma once

#include "custody/keypolicy.h"
#include "header/header.h"

#define TENANT_NAME_MAX 63 /* characters; the name is the mapping's, too */

/* The state of a purge that was asked for. */
struct tenant_purge {
	char *request; /* owned; JSON that the approvers sign; NULL: nobody has asked */
	char until[TIME_LENGTH + 1];		    /* the earliest time of the purge */
	struct blob approvals[KEYPOLICY_APPROVALS]; /* owned; CMS messages of different approvers */
	size_t n_approvals;
};

/* The record of a tenant. */
struct tenant {
	char name[TENANT_NAME_MAX + 1];
	char uuid[UUID_LENGTH + 1];    /* of its volume */
	char path[TOKEN_PATH_MAX + 1]; /* of its device or file */
	char policy[UUID_LENGTH + 1];  /* UUID of its key policy */
	char created[TIME_LENGTH + 1]; /* "": creating it was begun and is not finished */
	/*
	 * SHA-256 in hex of the availability key that is its own, "none" where there is none, and
	 * "" where it is its policy's.
	 */
	char availability[2 * SHA256_SIZE + 1];
	struct tenant_purge purge;
	char purged[TIME_LENGTH + 1]; /* "": it was not purged */
};

void tenant_free(struct tenant *tenant);
#define _cleanup_tenant_ __attribute__((cleanup(tenant_free)))

/*
 * Parse and format the text of a tenant's file, without messages. -EBADMSG: it is damaged;
 * -ENOTSUP: it is of a newer version. @ret is the caller's to free after a failure, too.
 * The text is owned by the caller; NULL: out of memory.
 */
int tenant_parse(const char *json, struct tenant *ret);
char *tenant_format(const struct tenant *tenant);

/* Read the record of tenant @name. -ENOENT: there is none. */
int tenant_load(const char *name, struct tenant *ret);
/* Check that @name may be the name of a tenant, see state_check_name(). -EINVAL. */
int tenant_check_name(const char *name);
/* Return whether there is a record of that name, or one that cannot be read. */
bool tenant_exists(const char *name);
/* Write the first record of a tenant. -EEXIST: there is one of that name. */
int tenant_begin(const struct tenant *tenant);
/* Replace the record. */
int tenant_save(const struct tenant *tenant);
/* Remove the record; the volume and the factor stay. */
int tenant_remove(const struct tenant *tenant);
/* Call @each with the name of each tenant until it returns other than 0, and return that. */
int tenant_each(int (*each)(void *data, const char *name), void *data);

/*
 * Make the request that approvers sign: JSON text, owned by the caller. It names the availability
 * key, whose custodian could still open backups; whoever signs says that this key is destroyed.
 */
int tenant_purge_request(const struct tenant *tenant, const struct keypolicy *policy, char **ret);

/*
 * Add @approval, a CMS message of a registered approver over exactly this request; @ret_subject,
 * owned by the caller, names the approver. -EKEYREJECTED: the signer is not registered, or has
 * signed something else; -EEXIST: this approver has approved already, or there are enough.
 */
int tenant_purge_approve(struct tenant *tenant, const struct keypolicy *policy,
			 const struct blob *approval, char **ret_subject);

/*
 * Check that the tenant may be purged now. -EPERM: approvals are missing, it is too early, or a
 * root still answers; -EHOSTUNREACH: a root cannot be asked whether it is withdrawn.
 */
int tenant_purge_check(const struct tenant *tenant, const struct keypolicy *policy);

/* Make the certificate of a purge: a signed CMS message in PEM, owned by the caller. It is signed
 * with this machine's key, which is made where there is none. */
int tenant_purge_certificate(const struct tenant *tenant, const struct keypolicy *policy,
			     bool header_erased, char **ret);

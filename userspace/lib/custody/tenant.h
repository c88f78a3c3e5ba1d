/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tenant's volume: one that only the root keys of a policy and this machine's TPM open together
 * (factors.h), and what this machine keeps of it, in tenants/<name>.json below state_directory()
 * (docs/on-disk.md). Nothing of that is secret.
 *
 * Functions give 0 or -errno, and make the messages here unless they say otherwise.
 */
#ifndef FVE_TENANT_H
#define FVE_TENANT_H

#include "custody/keypolicy.h"
#include "header/header.h"

#define TENANT_NAME_MAX 63 /* it is the mapping's name, too */

/* What has to be agreed to before a purge. */
struct tenant_purge {
	char *request;		     /* owned; JSON that the approvers sign; NULL: none is wanted */
	char until[TIME_LENGTH + 1]; /* not before */
	struct blob approvals[KEYPOLICY_APPROVALS]; /* CMS, each of another approver */
	size_t n_approvals;
};

struct tenant {
	char name[TENANT_NAME_MAX + 1];
	char uuid[UUID_LENGTH + 1];    /* of its volume */
	char path[TOKEN_PATH_MAX + 1]; /* of its device or file */
	char policy[UUID_LENGTH + 1];  /* UUID */
	char created[TIME_LENGTH + 1]; /* "": it was begun, and is not finished */
	struct tenant_purge purge;
	char purged[TIME_LENGTH + 1]; /* "": it is there */
};

void tenant_free(struct tenant *tenant);
#define _cleanup_tenant_ __attribute__((cleanup(tenant_free)))

/* From and to the text of its file; no messages. -EBADMSG, -ENOTSUP as for tokens. */
int tenant_parse(const char *json, struct tenant *ret);
char *tenant_format(const struct tenant *tenant);

/* -ENOENT: there is none. */
int tenant_load(const char *name, struct tenant *ret);
/* Refuse a name that is none: -EINVAL. */
int tenant_check_name(const char *name);
bool tenant_exists(const char *name);
/* The first record of a new one. -EEXIST. */
int tenant_begin(const struct tenant *tenant);
int tenant_save(const struct tenant *tenant);
/* What is kept of it. Its volume and its factor are others' matter. */
int tenant_remove(const struct tenant *tenant);
/* Call @each with the name of each tenant, until it gives something else than 0; gives that. */
int tenant_each(int (*each)(void *data, const char *name), void *data);

/*
 * The request that is to be signed: JSON text, owned by the caller. It names the availability key,
 * whose custodian could still open backups: whoever signs says that it is destroyed.
 */
int tenant_purge_request(const struct tenant *tenant, const struct keypolicy *policy, char **ret);

/*
 * Take over @approval, a CMS message of a registered approver over just this request.
 * -EKEYREJECTED, -EEXIST: has approved already.
 */
int tenant_purge_approve(struct tenant *tenant, const struct keypolicy *policy,
			 const struct blob *approval, char **ret_subject);

/*
 * Refuse until everything is there: -EPERM: approvals, time, or a root that still answers;
 * -EHOSTUNREACH: a root cannot be asked.
 */
int tenant_purge_check(const struct tenant *tenant, const struct keypolicy *policy);

/* What was done, signed by this machine's key, which is made when there is none; PEM. */
int tenant_purge_certificate(const struct tenant *tenant, const struct keypolicy *policy,
			     bool header_erased, char **ret);

#endif

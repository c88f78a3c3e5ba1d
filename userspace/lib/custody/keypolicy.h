/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key policy: which root keys and which availability key guard the volumes that are assigned to
 * it, and what happens when they do not answer. It is kept below state_directory(), as
 * policies/<name>.json (docs/on-disk.md), and holds nothing secret.
 *
 * Functions give 0 or -errno, and make the messages here unless they say otherwise.
 */
#ifndef FVE_KEYPOLICY_H
#define FVE_KEYPOLICY_H

#include "custody/provider.h"
#include "keys/rootwrap.h"
#include "keys/token.h"

#define KEYPOLICY_NAME_MAX	63
#define KEYPOLICY_VOLUMES_MAX	256
#define KEYPOLICY_RSA_BITS	3072 /* NIST SP 800-57 part 1, table 2: 128 bits of security */
#define KEYPOLICY_DEADLINE_MS	10000
#define KEYPOLICY_BOUND_MIN	60 /* minutes, by default */
#define KEYPOLICY_LEASE_BOOTS	3  /* by default */
#define KEYPOLICY_APPROVERS_MAX 8
#define KEYPOLICY_APPROVALS	2  /* so many different approvers make a purge */
#define KEYPOLICY_PURGE_DAYS	30 /* by default */
#define KEYPOLICY_FORMER_MAX	4  /* of one root */
#define KEYPOLICY_LEASE_PCR	7 /* Secure Boot state: it holds after the cap, and across updates */

/* What an outage of both roots leads to. */
enum keypolicy_availability {
	AVAILABILITY_MANUAL,	/* the volumes stay closed until somebody brings the key */
	AVAILABILITY_TRANSIENT, /* the key is used, while the lease lasts */
	AVAILABILITY_MODES,
};

/* What a withdrawn root does to volumes that are open. */
enum keypolicy_action {
	ON_REVOCATION_NONE, /* nothing, until they are closed */
	ON_REVOCATION_LOCK, /* I/O fails from then on, and what is cached goes */
	ON_REVOCATION_STOP, /* the machine is switched off */
	ON_REVOCATION_ACTIONS,
};

/* What was a root before a roll: volumes that the roll did not reach are still wrapped for it. */
struct keypolicy_former {
	char uri[TOKEN_URI_MAX + 1];
	char alg[TOKEN_ALG_MAX + 1];
	uint8_t key[SHA256_SIZE]; /* as keypolicy_key_digest() */
};

struct keypolicy_root {
	char uri[TOKEN_URI_MAX + 1];
	char alg[TOKEN_ALG_MAX + 1];
	char token[129];    /* which token or service it lies in */
	struct blob public; /* SubjectPublicKeyInfo */
	struct blob proof;  /* the policy's own secret under it, for a real unwrap at any time */
	struct keypolicy_former former[KEYPOLICY_FORMER_MAX]; /* the newest first */
	size_t n_former;
};

/* The availability key's secret, sealed in this machine's TPM for some boots. */
struct keypolicy_lease {
	bool there;
	struct tpm_name srk;
	struct tpm_sealed sealed;
	struct pcr_values pcrs;
	struct policy_boots boots;
};

struct keypolicy_volume {
	char uuid[UUID_LENGTH + 1];
	char path[TOKEN_PATH_MAX + 1]; /* where it was when it was assigned */
};

struct keypolicy {
	char name[KEYPOLICY_NAME_MAX + 1];
	char uuid[UUID_LENGTH + 1];
	char created[TIME_LENGTH + 1];
	uint32_t generation; /* one more with each new key */
	struct keypolicy_root roots[WRAP_ROOTS];

	enum keypolicy_availability availability;
	struct blob availability_public;
	struct blob availability_private; /* transient: under HKDF(proof secret); else empty */
	uint32_t lease_boots;
	struct keypolicy_lease lease;

	enum keypolicy_action on_revocation;
	uint32_t bound;		      /* minutes from a withdrawal to its effect */
	char proved[TIME_LENGTH + 1]; /* when a root unwrapped last */

	/* "": active. Else it is suspended since then: no volume of it opens. */
	char suspended[TIME_LENGTH + 1];
	char suspended_why[TOKEN_LABEL_MAX + 1]; /* "key-denied", "revoked" */

	char *approvers[KEYPOLICY_APPROVERS_MAX]; /* owned; certificates in PEM: who may say purge
						   */
	size_t n_approvers;
	uint32_t purge_days; /* from the request of a purge to the purge, at least */

	struct keypolicy_volume *volumes; /* owned */
	size_t n_volumes;
};

void keypolicy_free(struct keypolicy *policy);
#define _cleanup_keypolicy_ __attribute__((cleanup(keypolicy_free)))

const char *keypolicy_availability_name(enum keypolicy_availability mode);
const char *keypolicy_action_name(enum keypolicy_action action);
/* -EINVAL with a message. */
int keypolicy_availability_parse(const char *text, enum keypolicy_availability *ret);
int keypolicy_action_parse(const char *text, enum keypolicy_action *ret);

/* From and to the text of its file; no messages. -EBADMSG, -ENOTSUP as for tokens. */
int keypolicy_parse(const char *json, struct keypolicy *ret);
char *keypolicy_format(const struct keypolicy *policy);

/* -EINVAL: letters, digits, "-", "_" and "." make a name, and no dot at its beginning. */
int keypolicy_check_name(const char *name);

/* A version 4 UUID (RFC 4122, 4.4) from the kernel's random generator. */
int keypolicy_new_uuid(char ret[UUID_LENGTH + 1]);

/* Call @each with the name of each policy, until it gives something else than 0; gives that. */
int keypolicy_each(int (*each)(void *data, const char *name), void *data);

/* -ENOENT: there is no such policy. */
int keypolicy_load(const char *name, struct keypolicy *ret);
/* The same for what a suspended policy must not do: -EPERM. */
int keypolicy_load_active(const char *name, struct keypolicy *policy);
/*
 * The policy with this UUID. -ENOENT without a message; where one that cannot be read may be it,
 * what is wrong with that.
 */
int keypolicy_find(const char *uuid, struct keypolicy *ret);
/* Write a new one. -EEXIST. */
int keypolicy_create(const struct keypolicy *policy);

/*
 * Read the policy again under the lock, let @change change it, and write it back; @policy is then
 * what was written. -EBUSY: somebody gave it another key meanwhile. What @change gives ends it.
 */
int keypolicy_update(struct keypolicy *policy, int (*change)(struct keypolicy *policy, void *data),
		     void *data);

/*
 * Suspend it, for @why, with a record of that and of @detail; one that is suspended already keeps
 * its first reason.
 */
int keypolicy_suspend(struct keypolicy *policy, const char *tcti, const char *why,
		      const char *detail);

/* A line of the audit log (audit.h) about the policy; @volume, a UUID, and @detail may be NULL. */
int keypolicy_audit(const struct keypolicy *policy, const char *tcti, const char *event,
		    const char *volume, const char *detail);

/*
 * One more who may approve purges, by the certificate (PEM) in the file @path. -EINVAL: no one is
 * it twice, and who has the key approves, not a certificate.
 */
int keypolicy_add_approver(struct keypolicy *policy, const char *path);

/*
 * For how long the roots are waited for, in ms: ten seconds, or as many as FVE_ROOT_TIMEOUT in the
 * environment says, 1 to 300.
 */
int keypolicy_deadline_ms(void);

/* SHA-256 of a public key, by which a wrap says what it was made with. */
int keypolicy_key_digest(const struct blob *public, uint8_t ret[SHA256_SIZE]);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key policies. A key policy says which root keys and which availability key guard the volumes that
 * are assigned to it, and what happens when the roots do not answer. It is the file
 * policies/<name>.json below state_directory() (docs/on-disk.md), and holds nothing secret.
 *
 * Functions return 0 or -errno, and print the message unless they say otherwise.
 */
#pragma once

#include "custody/provider.h"
#include "keys/rootwrap.h"
#include "keys/token.h"

#define KEYPOLICY_NAME_MAX    63  /* characters */
#define KEYPOLICY_VOLUMES_MAX 256 /* volumes of one policy */
#define KEYPOLICY_RSA_BITS \
	3072 /* least of a root; NIST SP 800-57 part 1, table 2: 128 bits of security */
#define KEYPOLICY_BOUND_MIN	60 /* minutes, by default */
#define KEYPOLICY_LEASE_BOOTS	3  /* by default */
#define KEYPOLICY_APPROVERS_MAX 8
#define KEYPOLICY_APPROVALS	2  /* number of different approvers that a purge takes */
#define KEYPOLICY_PURGE_DAYS	30 /* by default */
#define KEYPOLICY_FORMER_MAX	4  /* former keys that one root remembers */
#define KEYPOLICY_LEASE_PCR	7 /* Secure Boot state, which neither the cap nor an update changes */

/* What happens in an outage of both roots. */
enum keypolicy_availability {
	AVAILABILITY_MANUAL,	/* the volumes stay closed until somebody brings the key */
	AVAILABILITY_TRANSIENT, /* the key is used, while the lease lasts */
	AVAILABILITY_MODES,
};

/* What happens to open volumes when a root is withdrawn. */
enum keypolicy_action {
	ON_REVOCATION_NONE, /* nothing, until they are closed */
	ON_REVOCATION_LOCK, /* I/O fails from then on, and what is cached goes */
	ON_REVOCATION_STOP, /* the machine is switched off */
	ON_REVOCATION_ACTIONS,
};

/* A key that was a root before a roll. Volumes that the roll has not reached are still wrapped for
 * it.
 */
struct keypolicy_former {
	char uri[TOKEN_URI_MAX + 1];
	char alg[TOKEN_ALG_MAX + 1];
	uint8_t key[SHA256_SIZE]; /* keypolicy_key_digest() of it */
};

/* What a root said when it was asked last, other than for what only a header holds. */
struct keypolicy_last {
	bool known; /* it has been asked */
	enum provider_outcome outcome;
	char since[TIME_LENGTH + 1]; /* when it said that for the first time in a row */
	char checked[TIME_LENGTH + 1];
};

/* A root key. Its blobs are owned. */
struct keypolicy_root {
	char uri[TOKEN_URI_MAX + 1];
	char alg[TOKEN_ALG_MAX + 1];
	char token[129];    /* names the store that it lies in: an HSM or a service */
	struct blob public; /* SubjectPublicKeyInfo */
	struct blob proof;  /* the policy's proof secret, wrapped by this root to prove that it
			       unwraps */
	struct keypolicy_former former[KEYPOLICY_FORMER_MAX]; /* the newest first */
	size_t n_former;
	struct keypolicy_last last;
};

/* A lease: the proof secret, which opens the availability key, sealed here for some boots. */
struct keypolicy_lease {
	bool there;
	struct tpm_name srk;
	struct tpm_sealed sealed;
	struct pcr_values pcrs;
	struct policy_boots boots;
};

/* A volume that is assigned to a policy. */
struct keypolicy_volume {
	char uuid[UUID_LENGTH + 1];
	char path[TOKEN_PATH_MAX + 1]; /* where it was when it was assigned */
};

struct keypolicy {
	char name[KEYPOLICY_NAME_MAX + 1];
	char uuid[UUID_LENGTH + 1];
	char created[TIME_LENGTH + 1];
	uint32_t generation; /* grows by one with each new key */
	struct keypolicy_root roots[WRAP_ROOTS];

	enum keypolicy_availability availability;
	struct blob availability_public;
	struct blob availability_private; /* transient: wrapped by HKDF(proof secret); else empty */
	uint32_t lease_boots;
	struct keypolicy_lease lease;

	enum keypolicy_action on_revocation;
	uint32_t bound;		      /* minutes, at most, from a withdrawal to its effect */
	char proved[TIME_LENGTH + 1]; /* when a root unwrapped last */

	/* When it was suspended, since when none of its volumes opens; "": it is active. */
	char suspended[TIME_LENGTH + 1];
	char suspended_why[TOKEN_LABEL_MAX + 1]; /* "key-denied", "revoked" */

	char *approvers[KEYPOLICY_APPROVERS_MAX]; /* owned; PEM certificates of those who may
						     approve a purge */
	size_t n_approvers;
	uint32_t purge_days; /* days, at least, from the request of a purge to the purge */

	struct keypolicy_volume *volumes; /* owned */
	size_t n_volumes;
};

void keypolicy_free(struct keypolicy *policy);
#define _cleanup_keypolicy_ __attribute__((cleanup(keypolicy_free)))

const char *keypolicy_availability_name(enum keypolicy_availability mode);
const char *keypolicy_action_name(enum keypolicy_action action);
/* Parse such a name. -EINVAL: it is none. */
int keypolicy_availability_parse(const char *text, enum keypolicy_availability *ret);
int keypolicy_action_parse(const char *text, enum keypolicy_action *ret);

/*
 * Parse and format the text of a policy's file, without messages. -EBADMSG: it is damaged;
 * -ENOTSUP: it is of a newer version. @ret is the caller's to free after a failure, too.
 * The text is owned by the caller; NULL: out of memory.
 */
int keypolicy_parse(const char *json, struct keypolicy *ret);
char *keypolicy_format(const struct keypolicy *policy);

/*
 * The same for an order (keypolicy_order.h), which has what all machines of a fleet have in common:
 * of @ret, what is a machine's own stays empty.
 */
int keypolicy_order_parse(const char *json, struct keypolicy *ret);
char *keypolicy_order_format(const struct keypolicy *policy);

/* Check that @name may be the name of a policy, see state_check_name(). -EINVAL. */
int keypolicy_check_name(const char *name);

/* Make a version 4 UUID (RFC 4122, 4.4) from the kernel's random generator. */
int keypolicy_new_uuid(char ret[UUID_LENGTH + 1]);

/* Call @each with the name of each policy until it returns other than 0, and return that. */
int keypolicy_each(int (*each)(void *data, const char *name), void *data);

/* Return whether there is a policy of that name, or one that cannot be read. */
bool keypolicy_exists(const char *name);
/* Read the policy @name. -ENOENT: there is none. */
int keypolicy_load(const char *name, struct keypolicy *ret);
/* The same for what a suspended policy must not do: -EPERM. */
int keypolicy_load_active(const char *name, struct keypolicy *policy);
/*
 * Find the policy with this UUID. -ENOENT without a message: there is none. Where a policy could
 * not be read, and so may be the one, the error of that.
 */
int keypolicy_find(const char *uuid, struct keypolicy *ret);
/* Write a new policy. -EEXIST: there is one of that name. */
int keypolicy_create(const struct keypolicy *policy);
/* Undo keypolicy_create(), before anybody is told of the policy. */
void keypolicy_take_back(const struct keypolicy *policy);

/*
 * Read the policy again under the lock of the state, let @change change it, write it back, and set
 * @policy to what was written. -EBUSY: somebody gave it another key meanwhile. Where @change fails
 * nothing is written, and its error is returned.
 */
int keypolicy_update(struct keypolicy *policy, int (*change)(struct keypolicy *policy, void *data),
		     void *data);

/*
 * Suspend the policy for the reason @why, and record that with @detail in the audit log. A policy
 * that is suspended already keeps its first reason.
 */
int keypolicy_suspend(struct keypolicy *policy, const char *tcti, const char *why,
		      const char *detail);

/*
 * Take the policy, which has no volumes, off this machine; what it was is kept, so that an older
 * order does not bring it back. -EBUSY: it has volumes.
 */
int keypolicy_retire(const struct keypolicy *policy);
/* The generation in which the policy @uuid was retired here; 0: it was not. */
int keypolicy_retired(const char *uuid, uint32_t *ret_generation);

/* A line of the audit log (audit.h) about the policy; @volume, a UUID, and @detail may be NULL. */
int keypolicy_audit(const struct keypolicy *policy, const char *tcti, const char *event,
		    const char *volume, const char *detail);
/* The same with the digests of its keys, for what makes or replaces them. */
int keypolicy_audit_keys(const struct keypolicy *policy, const char *tcti, const char *event,
			 const char *detail);

/*
 * One more who may approve purges, by the certificate (PEM) in the file @path. -EINVAL: no one is
 * it twice, and who has the key approves, not a certificate.
 */
int keypolicy_add_approver(struct keypolicy *policy, const char *path);

/*
 * Return for how many milliseconds roots are waited for: ten seconds, or 1 to 300 by
 * FVE_ROOT_TIMEOUT in the environment.
 */
int keypolicy_deadline_ms(void);

/* Compute SHA-256 of a public key, by which a wrap names its key. No message. */
int keypolicy_key_digest(const struct blob *public, uint8_t ret[SHA256_SIZE]);
/* The same in hex. */
int keypolicy_key_text(const struct blob *public, char ret[2 * SHA256_SIZE + 1]);

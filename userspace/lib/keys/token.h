/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our LUKS2 tokens as structs and as JSON. Parsing is strict: another version gives -ENOTSUP,
 * and anything missing, malformed or unknown within a known version gives -EBADMSG. The format
 * is specified in docs/on-disk.md.
 */
#pragma once

#include "base/util.h"
#include "crypto/kdf.h"
#include "tpm/policy_digest.h"
#include "tpm/tpm.h"

#define TOKEN_ID_LENGTH	    8	/* lower-case hex digits */
#define TOKEN_LABEL_MAX	    63	/* bytes */
#define TOKEN_PATH_MAX	    255 /* bytes of a key file's path */
#define TOKEN_URI_MAX	    511 /* bytes of a root key's URI */
#define TOKEN_ALG_MAX	    31

#define TOKEN_NETWORK_MAX   4	 /* servers of one protector */
#define TOKEN_NETWORK_WRAP  1024 /* bytes of what one of them has wrapped, at most */

#define TOKEN_APPROVALS_MAX 12 /* of one TPM; some 2 KiB each at most, in a header of 64 KiB */

/* What each protector's token begins with. */
struct token_head {
	char id[TOKEN_ID_LENGTH + 1];	  /* unique within the volume */
	char label[TOKEN_LABEL_MAX + 1];  /* @stored as a terminal may have it: make_printable() */
	char stored[TOKEN_LABEL_MAX + 1]; /* as it stands in the header, for what writes it again */
	char created[TIME_LENGTH + 1];
};

/* The present time as RFC 3339. */
int token_time_now(char ret[TIME_LENGTH + 1]);

/* -EINVAL with a message: @label has more than TOKEN_LABEL_MAX bytes. */
int token_check_label(const char *label);
/* Fill in a new random id and the present time. @label must fit. */
int token_head_init(struct token_head *head, const char *label);

#define TOKEN_TYPE_POLICY   "fve-policy"
#define TOKEN_TYPE_CUSTOMER "fve-customer-key"

/* "fve-vmk": where the VMK opens the volume, and the VMK for who has the FVEK. */
struct token_vmk {
	int slot; /* keyslot whose passphrase is the VMK; -1: not made yet, or removed already */
	uint32_t generation;
	struct blob vmk; /* wrapped under the FVEK */
};

/* "fve-recovery", "fve-passphrase": names what a person's keyslot is. */
struct token_person {
	struct token_head head;
	int slot; /* -1: removed already */
};

/*
 * What a server of "fve-tpm2-net" has wrapped: the same 32 bytes as the others.
 */
struct token_network {
	char uri[TOKEN_URI_MAX + 1];
	char alg[TOKEN_ALG_MAX + 1]; /* as its provider calls how it is wrapped */
	struct blob wrap;
};

/*
 * "fve-tpm2", "fve-tpm2-pin", "fve-tpm2-key", "fve-tpm2-net", "fve-suspended": what the TPM seals,
 * and the VMK wrapped under the KEK that comes of it.
 */
struct token_tpm2 {
	struct token_head head;
	bool pin;		 /* of type "fve-tpm2-pin", and has @kdf */
	struct kdf_argon2id kdf; /* how the PIN is stretched */
	uint32_t generation;	 /* of the VMK in @vmk */
	struct blob vmk;	 /* wrapped under the KEK */
	struct blob kek;	 /* wrapped under the FVEK */
	struct tpm_name srk;
	struct tpm_sealed sealed;
	bool suspended; /* of type "fve-suspended", and has @boots */
	struct policy_boots boots;
	struct token_network network[TOKEN_NETWORK_MAX]; /* of type "fve-tpm2-net" */
	size_t n_network;
};

/*
 * "fve-auto": where the key lies that opens this volume, and the VMK wrapped under the KEK that
 * comes of it. One of @file and @volume is "".
 */
struct token_auto {
	struct token_head head;
	uint32_t generation;	       /* of the VMK in @vmk */
	struct blob vmk;	       /* wrapped under the KEK */
	struct blob kek;	       /* wrapped under the FVEK */
	char file[TOKEN_PATH_MAX + 1]; /* absolute path of a key file */
	char volume[UUID_LENGTH + 1];  /* UUID of a volume, as LUKS2 spells it */
};

/* A KEK under one public key: docs/on-disk.md, "Wraps under root keys". */
struct token_wrap {
	char uri[TOKEN_URI_MAX + 1]; /* of a root key; "": the availability key's, which has none */
	char alg[TOKEN_ALG_MAX + 1]; /* as its provider calls how it is wrapped */
	uint8_t key[SHA256_SIZE];    /* of the public key, as SubjectPublicKeyInfo */
	struct blob wrap;
};

/* The wraps of a token, or of a policy. */
enum wrap_key {
	WRAP_ROOT_A,
	WRAP_ROOT_B,
	WRAP_ROOTS, /* their number */
	WRAP_AVAILABILITY = WRAP_ROOTS,
	WRAP_MAX,
};

/* "fve-customer-key": the KEK under the root keys of a policy and its availability key. */
struct token_customer {
	struct token_head head;
	uint32_t generation;	      /* of the VMK in @vmk */
	struct blob vmk;	      /* wrapped under the KEK */
	struct blob kek;	      /* wrapped under the FVEK */
	char policy[UUID_LENGTH + 1]; /* UUID of the policy */
	uint32_t policy_generation;
	struct token_wrap wraps[WRAP_MAX];
	/*
	 * Of a tenant: its factor (factors.h) under the FVEK and under the availability key, and
	 * the KEK takes it, too. Both empty in any other volume. A tenant may have an availability
	 * key of its own in the policy's place, with the public half @own (SubjectPublicKeyInfo);
	 * or none: then there is no wrap for it.
	 */
	struct blob factor, factor_availability, own;
};

/* One entry of the policy token: a signed boot chain and what it is called. */
struct token_approval {
	struct token_head head;
	struct policy_approval policy;
	struct policy_events events;
};

/* How the TPM guarded PINs when the last was set. */
struct token_lockout {
	bool there;	    /* tokens before, and those without a PIN, have none of this */
	uint32_t max_tries; /* as in struct tpm_lockout */
	uint32_t interval_s;
	struct blob auth; /* lockoutAuth wrapped under the VMK; empty: it is somebody else's */
};

/*
 * "fve-policy", one for each TPM that the volume has protectors in: the policy key, and the boot
 * chains it has approved.
 */
struct token_policy {
	uint32_t generation; /* of the VMK that wraps @private */
	struct tpm_name srk; /* of the TPM */
	struct ec_public public;
	struct blob private; /* scalar, wrapped under the VMK */
	uint32_t counter;    /* its NV index; 0: none */
	struct token_lockout lockout;
	struct token_approval *approvals; /* owned; in order of approval */
	size_t n_approvals;
};

/* @ret has to be empty, and is the caller's to free after a failure, too. */
int token_vmk_parse(const char *json, struct token_vmk *ret);
int token_person_parse(const char *json, struct token_person *ret);
int token_tpm2_parse(const char *json, struct token_tpm2 *ret);
int token_auto_parse(const char *json, struct token_auto *ret);
int token_customer_parse(const char *json, struct token_customer *ret);
int token_policy_parse(const char *json, struct token_policy *ret);

/* JSON text, owned by the caller; NULL on out of memory. */
char *token_vmk_format(const struct token_vmk *token);
char *token_person_format(const struct token_person *token, const char *type);
char *token_tpm2_format(const struct token_tpm2 *token, const char *type);
char *token_auto_format(const struct token_auto *token);
char *token_customer_format(const struct token_customer *token);
char *token_policy_format(const struct token_policy *token);

void token_vmk_free(struct token_vmk *token);
void token_tpm2_free(struct token_tpm2 *token);
void token_auto_free(struct token_auto *token);
void token_customer_free(struct token_customer *token);
void token_policy_free(struct token_policy *token);

#define _cleanup_token_vmk_	 __attribute__((cleanup(token_vmk_free)))
#define _cleanup_token_tpm2_	 __attribute__((cleanup(token_tpm2_free)))
#define _cleanup_token_auto_	 __attribute__((cleanup(token_auto_free)))
#define _cleanup_token_customer_ __attribute__((cleanup(token_customer_free)))
#define _cleanup_token_policy_	 __attribute__((cleanup(token_policy_free)))

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a kind of protector is: one row, which stands at the end of the kind's file. Whoever lists,
 * opens, tests or adds protectors asks a row's flags and functions, and names no kind.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct enrolment;
struct header;
struct protector;
struct protector_sources;
struct protector_spec;
struct refusal;
struct secret;
struct unlock;

/*
 * All of them, in the order in which protectors are listed, and tried where they take the same
 * (unlock.c). KIND(X, x) makes PROTECTOR_X, whose row is kind_x. Tokens of a newer version, and
 * those without a token of ours, come last.
 */
#define KINDS(KIND)                      \
	KIND(AUTO, auto)                 \
	KIND(TPM2, tpm2)                 \
	KIND(SUSPENDED, suspended)       \
	KIND(CUSTOMER_KEY, customer_key) \
	KIND(TPM2_NET, tpm2_net)         \
	KIND(TPM2_KEY, tpm2_key)         \
	KIND(TPM2_PIN, tpm2_pin)         \
	KIND(RECOVERY, recovery)         \
	KIND(STARTUP_KEY, startup_key)   \
	KIND(PASSPHRASE, passphrase)     \
	KIND(KEYSLOT, keyslot)           \
	KIND(UNKNOWN, unknown)

#define KIND_NUMBER(number, row) PROTECTOR_##number,
enum protector_kind {
	KINDS(KIND_NUMBER) PROTECTOR_MAX
};

/* What it takes to open: one of the first four; a person's by a keyslot, a machine's by the VMK. */
#define KIND_ALONE  (1u << 0) /* nothing that anybody brings */
#define KIND_KEY    (1u << 1) /* a startup key */
#define KIND_PIN    (1u << 2) /* a PIN */
#define KIND_TYPED  (1u << 3) /* what a person types, into one question for all of them */
#define KIND_PERSON (1u << 4) /* a person's; all others are a machine's */
#define KIND_TPM    (1u << 5) /* the TPM, or perhaps */
#define KIND_VOLUME (1u << 6) /* a key on another volume */
#define KIND_NET    (1u << 7) /* servers in the network, which its token names */
/* What else it is. */
#define KIND_RECOVERY	  (1u << 8)  /* 48 digits that are made here and handed over once */
#define KIND_AVAILABILITY (1u << 9)  /* a custodian's availability key opens it, too */
#define KIND_TEMPORARY	  (1u << 10) /* it ends by itself, and is no part of a new volume */

struct kind_row {
	const char *name;	/* "tpm2" */
	const char *token_type; /* "fve-tpm2"; NULL: none of ours */
	unsigned int flags;
	const char *asks; /* what its owner chooses when one is added: "PIN"; NULL: nothing */
	size_t asks_min;  /* characters that this has at least */

	/* Read a token: head, slot and health. -EBADMSG: it is damaged. */
	int (*read)(const struct header *header, const char *json, struct protector *ret);

	/*
	 * Take the option @name of "kind,name=value" into @spec; @value NULL: there is none. Gives
	 * whether it did. NULL: there are no options but label.
	 */
	bool (*option)(const char *name, char *value, struct protector_spec *spec);
	/* Whether the options go together. -EINVAL with a message. NULL: they always do. */
	int (*check_spec)(const struct protector_spec *spec);

	/*
	 * Open the volume with what @how has at hand and, where it takes a PIN or startup key, with
	 * @secret. On an error @ret_refusal says why, and no message is printed. NULL: it does not
	 * open by itself, but people are asked.
	 */
	int (*open)(struct header *header, const struct protector *protector,
		    const struct unlock *how, const struct secret *secret, struct secret **ret_fvek,
		    struct refusal *ret_refusal);

	/*
	 * Whether the TPM would release the key now, as far as can be told without the secret and
	 * without a try: the same refusals as open(). Gives the tries that are left, and
	 * @ret_boots_left: in how many boots after this one it will, or -1 where that is not known
	 * or not limited. NULL: no TPM is asked.
	 */
	int (*check)(const struct header *header, const struct protector *protector,
		     const char *tcti, int *ret_boots_left, struct refusal *ret_refusal);

	/*
	 * What it takes from elsewhere, as its token names that; none where the token is damaged.
	 * NULL: nothing.
	 */
	void (*sources)(const struct header *header, const struct protector *protector,
			struct protector_sources *ret);

	/*
	 * Refuse what add() would refuse of a new volume, before the device @path becomes it; the
	 * secret is not there yet. The messages are made there. NULL: nothing can be refused then.
	 */
	int (*rehearse)(const char *path, const struct enrolment *how);

	/*
	 * Write a new one, which was seen to open the volume. NULL: `protector add` does not make
	 * them. The messages are made there.
	 */
	int (*add)(struct header *header, const struct secret *fvek, const struct enrolment *how);
};

#define KIND_DECLARED(number, row) extern const struct kind_row kind_##row;
KINDS(KIND_DECLARED)

/* By enum protector_kind. */
extern const struct kind_row *const kind_rows[PROTECTOR_MAX];

/* Whether @kind has all of these flags. */
bool kind_has(enum protector_kind kind, unsigned int flags);
/* The kinds, as bits 1 << kind, that have all flags of @with and none of @without. */
uint32_t kind_mask(unsigned int with, unsigned int without);
/* By its name; PROTECTOR_MAX: there is no such kind, or it is the one of unknown tokens. */
enum protector_kind kind_find(const char *name);
/* By the type of a token of ours; PROTECTOR_UNKNOWN. */
enum protector_kind kind_of_token(const char *type);
/* Whether it is the type of a kind's token, for rotate_vmk(). */
bool kind_token_known(const char *type);

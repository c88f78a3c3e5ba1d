/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protectors: what opens a volume. This file knows what they have in common: to be listed,
 * named, added and removed. What is particular to the TPM is in tpm2.h.
 */
#ifndef FVE_PROTECTOR_H
#define FVE_PROTECTOR_H

#include "base/reason.h"
#include "header/header.h"
#include "keys/token.h"

enum protector_kind {
	PROTECTOR_AUTO,		/* a machine's: a key on another volume, open already */
	PROTECTOR_TPM2,		/* a machine's: opens by itself */
	PROTECTOR_SUSPENDED,	/* a machine's: opens by itself for some boots */
	PROTECTOR_CUSTOMER_KEY, /* a machine's: root keys in the customer's hands */
	PROTECTOR_TPM2_KEY,	/* a machine's, and it takes a startup key */
	PROTECTOR_TPM2_PIN,	/* a machine's, and it takes a PIN */
	PROTECTOR_RECOVERY,	/* a person's: 48 digits */
	PROTECTOR_STARTUP_KEY,	/* a person's: a file */
	PROTECTOR_PASSPHRASE,	/* a person's */
	PROTECTOR_KEYSLOT,	/* a LUKS2 keyslot that others made: opens, is not ours */
	PROTECTOR_UNKNOWN,	/* a token of ours of a newer version, or damaged */
	PROTECTOR_MAX,
};

#define STARTUP_KEY_SIZE 32 /* bytes of a startup key's file */

struct protector {
	enum protector_kind kind;
	int token;		/* LUKS2 token number, or HEADER_ANY for PROTECTOR_KEYSLOT */
	int slot;		/* keyslot of a person's protector, or HEADER_ANY */
	struct token_head head; /* id "slot-N" or "token-N" where there is no better one */
	bool foreign; /* PROTECTOR_KEYSLOT that a token of others names: @head.label is its type */
	enum reason health;	/* REASON_NONE, or why it cannot open anything */
	char why[VET_WHY_SIZE]; /* with REASON_KEYSLOT_UNSAFE and REASON_KDF_BOUNDS: what it is */
};

#define PROTECTOR_LIST_MAX (HEADER_MAX_KEYSLOTS + HEADER_MAX_TOKENS)

/* "tpm2", "recovery", ... */
const char *protector_kind_name(enum protector_kind kind);
/* "fve-tpm2", ...; NULL for kinds without a token of ours. */
const char *protector_token_type(enum protector_kind kind);
/* Whether it takes a startup key. */
bool protector_takes_key(enum protector_kind kind);
bool protector_is_person(const struct protector *protector);

/*
 * All protectors, machines' first, into @ret with room for PROTECTOR_LIST_MAX. Gives their
 * number.
 */
int protector_list(const struct header *header, struct protector *ret);
/* Whether it has one of @kind. */
bool protector_any(const struct header *header, enum protector_kind kind);

/* Whether @name is the id or the kind of @protector; NULL matches all. */
bool protector_matches(const struct protector *protector, const char *name);

/* The only protector with id @id. -ENOENT with a message. */
int protector_find(const struct header *header, const char *id, struct protector *ret);

/* What `--protector` and `protector add` ask for: "kind[,opt=val...]". */
struct protector_spec {
	enum protector_kind kind;
	char label[TOKEN_LABEL_MAX + 1]; /* label=TEXT */
	uint32_t pcrs;			 /* tpm2*: pcrs=4+7; 0: the default for this machine */
	bool no_revocation;		 /* tpm2*: no-revocation: needs no counter in the TPM */
	bool unsafe_pcrs;		 /* tpm2*: unsafe-pcrs, although they cover no initrd */
	bool replaces;			 /* it goes in the place of another: not in the text */
	uint32_t boots;			 /* suspended: boots=N; 1 by default */
	char file[TOKEN_PATH_MAX + 1];	 /* auto: file=PATH, or "" */
	char volume[TOKEN_PATH_MAX + 1]; /* auto: volume=DEVICE, or "" */
};

#define PROTECTOR_BOOTS_MAX 15 /* of suspended; BitLocker's */

/* -EINVAL with a message. */
int protector_spec_parse(const char *text, struct protector_spec *ret);

/*
 * Add a keyslot for @secret and the token that names it; the slot is opened once before the
 * token is written. @pbkdf NULL for a random secret. One that replaces another may take the place
 * that is kept free.
 */
int protector_person_add(struct header *header, const struct secret *fvek,
			 const struct protector_spec *spec, const struct secret *secret,
			 const struct header_pbkdf *pbkdf);

/*
 * Remove from both header copies: first what opens, then what names it. The last protector that
 * a person can open is refused with -EBUSY, or goes as well: a volume that a machine's alone opens
 * is lost with the machine.
 */
enum protector_last {
	PROTECTOR_LAST_STAYS,
	PROTECTOR_LAST_GOES,
};
int protector_remove(struct header *header, const struct secret *fvek,
		     const struct protector *protector, enum protector_last last);

#endif

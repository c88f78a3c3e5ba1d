/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protectors: what opens a volume. This file knows what they have in common: to be listed,
 * named, added and removed. What is particular to a kind is in its row (kind.h).
 */
#pragma once

#include "base/reason.h"
#include "header/header.h"
#include "keys/token.h"
#include "protector/kind.h"

#define PROTECTOR_NET_MAX TOKEN_NETWORK_MAX
#define STARTUP_KEY_SIZE  32 /* bytes of a startup key's file */

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
bool protector_is_person(const struct protector *protector);

/*
 * All protectors, machines' first, into @ret with room for PROTECTOR_LIST_MAX. Gives their
 * number.
 */
int protector_list(const struct header *header, struct protector *ret);
/*
 * What people and helpdesks call a recovery password: the first eight digits of the volume's UUID,
 * a dash and the protector's id.
 */
#define RECOVERY_NAME_SIZE (8 + 1 + sizeof(((struct token_head *)NULL)->id))
void protector_recovery_name(const struct header *header, const char *id,
			     char ret[RECOVERY_NAME_SIZE]);
/*
 * Servers, any of which will do, or a key file's path, or a volume's UUID: the header's words, not
 * fit for a terminal as they are.
 */
struct protector_sources {
	char text[PROTECTOR_NET_MAX][TOKEN_URI_MAX + 1];
	size_t n;
};
void protector_sources(const struct header *header, const struct protector *protector,
		       struct protector_sources *ret);
/* Whether it has one of these kinds (kind_mask()). */
bool protector_any(const struct header *header, uint32_t kinds);

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

/* What to add, and with what. */
struct enrolment {
	const struct protector_spec *spec;
	const struct secret *secret; /* what opens it: PIN, startup key, passphrase, digits, auto's
					key file or the FVEK of the other volume; NULL: none */
	const struct header_pbkdf *pbkdf; /* how long to stretch what a person chose */
	const char *tcti;		  /* as for tpm_open() */
	const char *event_log;		  /* as for event_log_load() */
	const char *volume;		  /* auto: UUID of the other volume; NULL: a key file */
	const char *const *net;		  /* tpm2-net: URIs of servers; PROTECTOR_NET_MAX at most */
	size_t n_net;
};

/*
 * Check before @path is formatted that @how, without its secret, could be added then. The messages
 * are made there.
 */
int protector_rehearse(const char *path, const struct enrolment *how);
/* Add the protector that the kind's row makes. The messages are made there. */
int protector_add(struct header *header, const struct secret *fvek, const struct enrolment *how);

/*
 * For read() of the rows: what a machine's protector opens in the end is the keyslot of the VMK
 * that it has wrapped, a person's its own. Sets the health.
 */
void protector_check_vmk(const struct header *header, uint32_t generation, struct protector *p);
void protector_check_keyslot(const struct header *header, struct protector *p);

/*
 * Remove from both header copies: first what opens, then what names it. The last protector that
 * a person can open, and one that a later version made, is refused with -EBUSY, or goes as well: a
 * volume that a machine's alone opens is lost with the machine.
 */
enum protector_last {
	PROTECTOR_LAST_STAYS,
	PROTECTOR_LAST_GOES,
};
int protector_remove(struct header *header, const struct secret *fvek,
		     const struct protector *protector, enum protector_last last);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a header to the FVEK: the protectors are tried in their order until one opens. */
#pragma once

#include "protector/refusal.h"

/* A volume whose FVEK is at hand; all borrowed. */
struct unlocked_volume {
	const char *uuid;
	const struct secret *fvek;
};

/* What a person is asked for. */
enum unlock_question {
	UNLOCK_ASK_SECRET, /* passphrase or recovery password */
	UNLOCK_ASK_PIN,	   /* of a TPM protector; an empty answer goes on to the next protector */
};

/* How to unlock, and how to talk to whoever is there. */
struct unlock {
	const char *protector;		   /* only this id or kind; NULL: all */
	uint32_t kinds;			   /* only these, as bits of enum protector_kind; 0: all */
	const char *tcti;		   /* of the TPM, as for tpm_open() */
	const struct secret *startup_key;  /* the contents of its file, or NULL */
	const struct secret *availability; /* a custodian's key: only customer-key, only by it */
	const struct unlocked_volume *others; /* volumes that were unlocked before, for auto */
	const uint8_t
		*identity; /* of the volume that the machine had (identity.h); NULL: unknown */
	size_t n_others;
	bool unverified;  /* open whatever the header's MAC says, without a word: the caller asks */
	bool only_person; /* a secret is given: the machine's protectors are left alone */

	/* Ask for what @question says. -ENOKEY: nobody there to ask. */
	int (*ask)(void *data, enum unlock_question question, const char *prompt,
		   struct secret **ret);
	unsigned int tries[2]; /* how often, for each question */
	/* Told of each machine protector that refused. */
	void (*refused)(void *data, const struct protector *protector,
			const struct refusal *refusal);
	void *data;
};

/*
 * Whether a machine's protector may open a volume with this header: the state of its MAC says so.
 * -EKEYREJECTED and the reason header-mac, without a message.
 */
int unlock_check_header(const struct header *header, const struct secret *fvek,
			struct refusal *ret_refusal);

/*
 * Whether @fvek is that of the volume with this @identity; NULL is all volumes. -EKEYREJECTED and
 * the reason not-ours, without a message.
 */
int unlock_check_identity(const uint8_t *identity, const struct secret *fvek,
			  struct refusal *ret_refusal);

/*
 * What a machine's protector opened, while nobody is there to judge: both of the above, and the
 * refusal is told as @how says. -EKEYREJECTED, and the FVEK is forgotten.
 */
int unlock_check_machine(const struct header *header, const struct unlock *how,
			 const struct protector *protector, struct secret **fvek);

/*
 * The protectors in this order: those whose key is on another volume that is open, or among
 * @others of @how; those of the TPM alone; those of root keys; those of the TPM and the network;
 * those that take a startup key, with
 * the TPM and without; those of the TPM and a PIN, each first checked without a try; people's. A
 * header that does not verify, or a volume that is not the machine's own, is opened by people's
 * only, with a warning; where segment or digest are known to have changed by
 * nobody's: -EKEYREJECTED. -EPERM: nothing opened;
 * -ENOENT: no such protector. The messages are made here.
 */
int unlock(struct header *header, const struct unlock *how, struct secret **ret_fvek,
	   struct protector *ret_used);

/*
 * The two halves of unlock(), for who has something to do in between: what opens by machine, by a
 * startup key or by a PIN; and what a person is asked for. -EPERM: nothing opened; no message, but
 * for the refusals; of machines -EKEYREJECTED: one found that the header was changed, and others
 * will. -ENOENT: there is no such protector at all. Another error of @ask is given on,
 * such as -ECANCELED where the volume was opened meanwhile.
 */
int unlock_machine(struct header *header, const struct unlock *how, struct secret **ret_fvek,
		   struct protector *ret_used);
int unlock_person(struct header *header, const struct unlock *how, struct secret **ret_fvek,
		  struct protector *ret_used);

/*
 * What the TPM would do with a protector now, as far as can be told without the secret and without
 * a try.
 */
struct verdict {
	bool asked; /* the TPM was: the protector is one of its own, and whole in the header */
	bool opens;
	int boots_left;		/* as from check() of the kind's row */
	struct refusal refusal; /* where it does not open; the tries that are left in any case */
};
void unlock_judge(const struct header *header, const struct protector *protector, const char *tcti,
		  struct verdict *ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a header to the FVEK: the protectors are tried in their order until one opens. */
#ifndef FVE_UNLOCK_H
#define FVE_UNLOCK_H

#include "protector.h"
#include "protector_tpm2.h"

/* How to unlock, and how to talk to whoever is there. */
struct unlock {
	const char *protector; /* only this id or kind; NULL: all */
	const char *tcti;      /* of the TPM, as for tpm_open() */
	unsigned int tries;    /* how often a person is asked */
	bool only_person;      /* a secret is given: the machine's protectors are left alone */

	/* Ask for a passphrase or recovery password. -ENOKEY: nobody there to ask. */
	int (*ask)(void *data, const char *prompt, struct secret **ret);
	/* Told of each machine protector that refused. */
	void (*refused)(void *data, const struct protector *protector,
			const struct refusal *refusal);
	void *data;
};

/* -EPERM: nothing opened; -ENOENT: no such protector. The messages are made here. */
int unlock(struct header *header, const struct unlock *how, struct secret **ret_fvek,
	   struct protector *ret_used);

#endif

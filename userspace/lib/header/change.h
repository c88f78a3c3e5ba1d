/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing a header: collect the steps, then commit them. A power cut at any point leaves a
 * header that verifies, since fve-mac lists every state that the steps pass through before the
 * first of them is made. The caller orders the steps so that each state opens, and holds
 * device_lock().
 *
 *	_cleanup_change_ struct change change = {.header = header};
 *
 *	change_set_token(&change, HEADER_ANY, json);
 *	change_remove_keyslot(&change, slot);
 *	r = change_commit(&change, fvek);
 */
#ifndef FVE_CHANGE_H
#define FVE_CHANGE_H

#include "header/header.h"

#define CHANGE_STEPS_MAX (2 * HEADER_MAX_TOKENS + HEADER_MAX_KEYSLOTS)

struct change_step {
	enum change_what {
		CHANGE_SET_TOKEN,
		CHANGE_REMOVE_TOKEN,
		CHANGE_REMOVE_KEYSLOT,
	} what;
	int number; /* of the token or keyslot; HEADER_ANY: a free token */
	char *json; /* owned; of a token to be set */
};

struct change {
	struct header *header; /* borrowed */
	/* Whether it may take what is kept free for a change and a rotation: one token, one
	 * keyslot and some bytes. */
	bool may_use_reserve;
	/* Whether it may start from a header that does not verify: a new or adopted one, or one
	 * that a person has accepted. */
	bool accept;

	/* Private. */
	struct change_step steps[CHANGE_STEPS_MAX];
	size_t n_steps;
	int error;	    /* the first of collecting */
	uint32_t new_slots; /* mask */
	bool begun;	    /* something was written */
};

/* Write a copy of @json as @token, or as a free one; NULL is an out of memory that commit tells. */
void change_set_token(struct change *change, int token, const char *json);
void change_remove_token(struct change *change, int token);
/* Overwrite the keyslot's area and forget it; LUKS2 takes it out of all tokens and digests, too. */
void change_remove_keyslot(struct change *change, int slot);

/*
 * @slot was written for this change, and a step will set the token that names it. Where the
 * change is refused, or dropped before commit, the keyslot is removed again.
 */
void change_new_keyslot(struct change *change, int slot);

/*
 * Make the steps. Everything that can be refused is refused before the first byte: -EBUSY: no
 * room; -EKEYREJECTED: the header does not verify, and @accept is not set. After that, an error
 * is like a power cut: the header verifies, and the operation can be repeated. The messages are
 * made here.
 */
int change_commit(struct change *change, const struct secret *fvek);

/* -EKEYREJECTED with a message where the header does not verify. */
int change_check_header(const struct header *header, const struct secret *fvek);

/* -EBUSY with a message where there is no room for one more protector beside the reserve. */
int change_check_room(const struct header *header, bool needs_keyslot);

/* Whether that many more tokens and keyslots, with @bytes of JSON, leave the reserve free. */
bool change_has_room(const struct header *header, size_t tokens, size_t keyslots, size_t bytes);

void change_free(struct change *change);

#define _cleanup_change_ __attribute__((cleanup(change_free)))

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changing a header: collect the steps, then commit them. A power cut at any point leaves a header
 * that verifies, since the token "fve-mac" lists the MACs of all states that the steps pass through
 * before the first step is made. The caller orders the steps so that the volume opens in each of
 * these states, and holds device_lock().
 *
 *	_cleanup_change_ struct change change = {.header = header};
 *
 *	change_set_token(&change, HEADER_ANY, json);
 *	change_remove_keyslot(&change, slot);
 *	r = change_commit(&change, fvek);
 */
#pragma once

#include "header/header.h"

#define CHANGE_STEPS_MAX (2 * HEADER_MAX_TOKENS + HEADER_MAX_KEYSLOTS)

struct change_step {
	enum change_what {
		CHANGE_SET_TOKEN,
		CHANGE_REMOVE_TOKEN,
		CHANGE_REMOVE_KEYSLOT,
	} what;
	int number; /* of the token or keyslot; HEADER_ANY: a free token */
	char *json; /* owned; the token to be set, else NULL */
};

struct change {
	struct header *header; /* borrowed */
	/* What this change writes goes in the place of what is there, so it may use the reserve
	 * that is otherwise kept free for that: one token, one keyslot and 6 KiB of JSON. */
	bool replaces;
	/* This change may start from a header that does not verify: a new or adopted one, or one
	 * that a person has accepted. */
	bool accept;

	/* Private to change.c. */
	struct change_step steps[CHANGE_STEPS_MAX];
	size_t n_steps;
	int error;	    /* the last one of collecting steps, or 0 */
	uint32_t new_slots; /* a bit for each keyslot of change_new_keyslot() */
	bool begun;	    /* something was written */
};

/*
 * Add a step that writes @json, which is copied, as @token, or as a free one for HEADER_ANY. Where
 * @json is NULL the caller ran out of memory, and change_commit() fails.
 */
void change_set_token(struct change *change, int token, const char *json);
/* Add a step that removes @token. */
void change_remove_token(struct change *change, int token);
/*
 * Add a step that overwrites the key material of @slot and forgets it. LUKS2 removes the keyslot
 * from all tokens and digests, too.
 */
void change_remove_keyslot(struct change *change, int slot);

/*
 * Note that the caller has written @slot for this change, in which a step sets the token that names
 * it. Where the change is refused, or dropped before it begins, the keyslot is removed again.
 */
void change_new_keyslot(struct change *change, int slot);

/*
 * Make the steps. Everything that can be refused is refused before the first byte is written:
 * -EBUSY: there is no room; -EKEYREJECTED: the header does not verify, and @accept is not set. An
 * error after that is like a power cut: the header verifies, and the operation can be repeated.
 * Prints the message, except for -ENOMEM and the like.
 */
int change_commit(struct change *change, const struct secret *fvek);

/* Check that the header verifies. -EKEYREJECTED with a message: it does not. */
int change_check_header(const struct header *header, const struct secret *fvek);

/* What one more protector takes: a token, or that and a keyslot. */
enum change_needs {
	CHANGE_NEEDS_TOKEN,
	CHANGE_NEEDS_KEYSLOT,
};
/* Check that there is room for one more protector beside the reserve. -EBUSY with a message. */
int change_check_room(const struct header *header, enum change_needs needs);

/* Return whether so many more tokens and keyslots, with @bytes of JSON, leave the reserve free. */
bool change_has_room(const struct header *header, size_t tokens, size_t keyslots, size_t bytes);

/* Release the steps. Where nothing was written, remove the keyslots of change_new_keyslot(). */
void change_free(struct change *change);

#define _cleanup_change_ __attribute__((cleanup(change_free)))

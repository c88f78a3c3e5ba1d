// SPDX-License-Identifier: LGPL-2.1-or-later
/* Protectors that are a person's: each is a keyslot, and a token that says what it is. */
#include <errno.h>

#include "base/log.h"
#include "header/change.h"
#include "protector/refusal.h"

static int read_token(const struct header *header, const char *json, struct protector *ret)
{
	struct token_person token = {0};
	int r = token_person_parse(json, &token);

	if (r < 0)
		return r;
	ret->head = token.head;
	ret->slot = token.slot;
	protector_check_keyslot(header, ret);
	return 0;
}

/*
 * Add a keyslot and the token that names it; the slot is opened once before the token is written.
 * @pbkdf NULL for a random secret. One that replaces another may take the place that is kept free.
 */
static int add_keyslot(struct header *header, const struct secret *fvek,
		       const struct enrolment *how, const struct header_pbkdf *pbkdf)
{
	const struct protector_spec *spec = how->spec;
	_cleanup_change_ struct change change = {.header = header, .replaces = spec->replaces};
	_cleanup_secret_ struct secret *opened = NULL;
	_cleanup_free_ char *json = NULL;
	struct token_person token = {0};
	int r = token_head_init(&token.head, spec->label);

	if (r < 0)
		return r;
	if (!spec->replaces)
		r = change_check_room(header, CHANGE_NEEDS_KEYSLOT);
	if (r < 0)
		return r;
	token.slot = header_keyslot_add(header, fvek, how->secret, pbkdf);
	if (token.slot < 0)
		return token.slot;
	change_new_keyslot(&change, token.slot);
	r = header_keyslot_open(header, token.slot, how->secret, &opened);
	if (r < 0 || !secret_equal(opened, fvek))
		return log_errno(EIO,
				 "the new keyslot %d of %s does not open again; it was removed",
				 token.slot, header_path(header));
	json = token_person_format(&token, kind_rows[spec->kind]->token_type);
	change_set_token(&change, HEADER_ANY, json);
	return change_commit(&change, fvek);
}

static int add_chosen(struct header *header, const struct secret *fvek, const struct enrolment *how)
{
	return add_keyslot(header, fvek, how, how->pbkdf);
}

static int add_random(struct header *header, const struct secret *fvek, const struct enrolment *how)
{
	return add_keyslot(header, fvek, how, NULL);
}

static int open_by_key(struct header *header, const struct protector *protector,
		       const struct unlock *how, const struct secret *secret,
		       struct secret **ret_fvek, struct refusal *ret_refusal)
{
	int r = header_keyslot_open(header, protector->slot, secret, ret_fvek);

	(void)how;
	ret_refusal->reason = r == -EPERM ? REASON_SECRET_WRONG : REASON_NONE;
	return r < 0 ? r : 0;
}

const struct kind_row kind_recovery = {
	.name = "recovery",
	.token_type = "fve-recovery",
	.flags = KIND_PERSON | KIND_TYPED | KIND_RECOVERY,
	.read = read_token,
	.add = add_random,
};

const struct kind_row kind_startup_key = {
	.name = "startup-key",
	.token_type = "fve-startup-key",
	.flags = KIND_PERSON | KIND_KEY,
	.read = read_token,
	.open = open_by_key,
	.add = add_random,
};

const struct kind_row kind_passphrase = {
	.name = "passphrase",
	.token_type = "fve-passphrase",
	.flags = KIND_PERSON | KIND_TYPED,
	.asks = "passphrase",
	.read = read_token,
	.add = add_chosen,
};

/* A LUKS2 keyslot that others made: it opens, and is not ours. */
const struct kind_row kind_keyslot = {
	.name = "keyslot",
	.flags = KIND_PERSON | KIND_TYPED,
};

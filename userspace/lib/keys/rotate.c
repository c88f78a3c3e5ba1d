// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * VMK rotation. The order, each line one or more transactions of change.h:
 *
 *	a second token fve-vmk, without a keyslot	the new VMK is on disk, under the FVEK
 *	its keyslot
 *	the token names it; each machine token in turn is wrapped for the new VMK; the old VMK's
 *	keyslot and token go
 *
 * Each token says by its generation which VMK it holds, and both open until the end. The new VMK
 * stands in the header before its keyslot does, so that an interrupted rotation is finished with
 * it and leaves no keyslot that nobody has the key of.
 */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "header/change.h"
#include "header/mac.h"
#include "keys/rotate.h"
#include "keys/vmk.h"

/* Tokens "fve-vmk" of a header: one, or two in a rotation. */
struct vmks {
	struct token_vmk newest; /* owned */
	int newest_token;
	struct old_vmk {
		int token, slot;
	} old[HEADER_MAX_TOKENS];
	size_t n_old;
};

static void vmks_free(struct vmks *vmks)
{
	token_vmk_free(&vmks->newest);
}

#define _cleanup_vmks_ __attribute__((cleanup(vmks_free)))

static int find_vmks(const struct header *header, struct vmks *ret)
{
	struct header_token found = HEADER_TOKEN_START;

	ret->newest_token = HEADER_ANY;
	while (header_token_next(header, TOKEN_TYPE_VMK, &found)) {
		_cleanup_token_vmk_ struct token_vmk token = {0};

		int r = token_vmk_parse(found.json, &token);

		if (r == -ENOTSUP)
			return header_is_newer(header);
		if (r < 0)
			return log_errno(EBADMSG,
					 "token %d of %s, fve-vmk, is damaged. To make a new one: "
					 "fvesetup release %s, fvesetup adopt %s",
					 found.number, header_path(header), header_path(header),
					 header_path(header));
		if (token.generation > ret->newest.generation) {
			struct token_vmk before = ret->newest;

			if (before.generation)
				ret->old[ret->n_old++] =
					(struct old_vmk){ret->newest_token, before.slot};
			ret->newest = token;
			ret->newest_token = found.number;
			token = before;
		} else {
			ret->old[ret->n_old++] = (struct old_vmk){found.number, token.slot};
		}
	}
	if (ret->newest_token == HEADER_ANY)
		return log_errno(ENOENT,
				 "%s has no volume master key: its fve-vmk token is gone. To make "
				 "a new one: fvesetup release %s, fvesetup adopt %s",
				 header_path(header), header_path(header), header_path(header));
	return 0;
}

/* --- tokens that hold the VMK --------------------------------------------------------------- */

/* A token as it stands: what all machine protectors' have in common is members by these names. */
struct holder {
	struct json_object *root; /* owned */
	const char *type, *kind, *id;
	uint32_t generation;
	bool machine; /* has "vmk" and "kek" */
	bool policy;  /* has "private" */
};

static void holder_free(struct holder *holder)
{
	json_object_put(holder->root);
}

#define _cleanup_holder_ __attribute__((cleanup(holder_free)))

static const char *text_of(struct json_object *root, const char *key)
{
	return json_object_get_string(json_object_object_get(root, key));
}

/* False: @token holds no VMK. */
static bool holder_read(const struct header_token *token, struct holder *ret)
{
	struct json_object *root;

	if (!header_token_ours(token) || !strcmp(token->type, TOKEN_TYPE_VMK))
		return false;
	root = json_tokener_parse(token->json);
	ret->root = root;
	ret->type = text_of(root, "type");
	ret->id = text_of(root, "id");
	ret->generation =
		(uint32_t)json_object_get_int64(json_object_object_get(root, "generation"));
	ret->kind = ret->type ? ret->type + strlen(HEADER_TOKEN_PREFIX) : "";
	ret->machine = ret->id && text_of(root, "vmk") && text_of(root, "kek");
	ret->policy = !strcmp(token->type, TOKEN_TYPE_POLICY) && text_of(root, "private");
	return ret->generation && (ret->machine || ret->policy);
}

/* The blob in member @key. */
static int blob_of(const struct holder *holder, const char *key, struct blob *ret)
{
	int r = base64_decode(text_of(holder->root, key), ret);

	return r == -EINVAL ? -EBADMSG : r;
}

static int put_blob(struct holder *holder, const char *key, const struct blob *blob)
{
	_cleanup_free_ char *text = base64_encode(blob);
	struct json_object *value = text ? json_object_new_string(text) : NULL;

	if (value && json_object_object_add(holder->root, key, value) == 0)
		return 0;
	json_object_put(value);
	return -ENOMEM;
}

static int holder_kek(const struct header *header, const struct secret *fvek,
		      const struct holder *holder, struct secret **ret)
{
	_cleanup_blob_ struct blob wrapped = {0};
	int r = blob_of(holder, "kek", &wrapped);

	return r < 0 ? r : kek_unwrap(header, holder->kind, holder->id, fvek, &wrapped, ret);
}

static int rewrap_vmk(const struct header *header, const struct secret *fvek, struct holder *holder,
		      uint32_t generation, const struct secret *vmk)
{
	_cleanup_secret_ struct secret *kek = NULL;
	_cleanup_blob_ struct blob wrapped = {0};
	int r = holder_kek(header, fvek, holder, &kek);

	if (r < 0)
		return r;
	r = vmk_wrap(header, holder->kind, holder->id, generation, kek, vmk, &wrapped);
	return r < 0 ? r : put_blob(holder, "vmk", &wrapped);
}

static int rewrap_secret(const struct header *header, struct holder *holder, const char *key,
			 enum policy_secret which, uint32_t generation, const struct secret *old,
			 const struct secret *vmk)
{
	_cleanup_secret_ struct secret *secret = NULL;
	_cleanup_blob_ struct blob wrapped = {0}, again = {0};
	int r = blob_of(holder, key, &wrapped);

	if (r < 0)
		return r;
	r = policy_secret_unwrap(header, which, holder->generation, old, &wrapped, &secret);
	if (r < 0)
		return r;
	r = policy_secret_wrap(header, which, generation, vmk, secret, &again);
	return r < 0 ? r : put_blob(holder, key, &again);
}

static int rewrap_policy(const struct header *header, struct holder *holder, uint32_t generation,
			 const struct secret *old, const struct secret *vmk)
{
	const char *auth = text_of(holder->root, "lockout_auth");
	int r = rewrap_secret(header, holder, "private", POLICY_PRIVATE, generation, old, vmk);

	if (r < 0)
		return r;
	if (auth && *auth)
		r = rewrap_secret(header, holder, "lockout_auth", POLICY_LOCKOUT_AUTH, generation,
				  old, vmk);
	return r;
}

/* The VMK of @generation. */
static int vmk_of(const struct header *header, const struct secret *fvek, uint32_t generation,
		  struct secret **ret)
{
	struct header_token found = HEADER_TOKEN_START;

	while (header_token_next(header, TOKEN_TYPE_VMK, &found)) {
		_cleanup_token_vmk_ struct token_vmk token = {0};

		if (token_vmk_parse(found.json, &token) == 0 && token.generation == generation)
			return vmk_link_unwrap(header, fvek, &token, ret);
	}
	return -EBADMSG;
}

/* Add to @change what @token needs for the new VMK. */
static int rewrap(struct change *change, const struct secret *fvek,
		  const struct header_token *token, const struct token_vmk *new,
		  const struct secret *vmk)
{
	_cleanup_holder_ struct holder holder = {0};
	_cleanup_secret_ struct secret *old = NULL;
	struct json_object *number;
	int r = 0;

	if (!holder_read(token, &holder) || holder.generation == new->generation)
		return 0;
	if (holder.machine)
		r = rewrap_vmk(change->header, fvek, &holder, new->generation, vmk);
	if (r == 0 && holder.policy)
		r = vmk_of(change->header, fvek, holder.generation, &old);
	if (r == 0 && holder.policy)
		r = rewrap_policy(change->header, &holder, new->generation, old, vmk);
	if (r == -EBADMSG)
		return log_errno(EBADMSG,
				 "token %d of %s, %s, is damaged: what it holds under the volume "
				 "key cannot be read; remove that protector first",
				 token->number, header_path(change->header), holder.type);
	number = r == 0 ? json_object_new_int64(new->generation) : NULL;
	if (r == 0 && (!number || json_object_object_add(holder.root, "generation", number) < 0)) {
		json_object_put(number);
		r = -ENOMEM;
	}
	if (r == 0)
		change_set_token(change, token->number,
				 json_object_to_json_string_ext(
					 holder.root,
					 JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	return r;
}

/* --- rotating ------------------------------------------------------------------------------- */

/*
 * The keyslot of a new VMK whose token has none yet: one that was written before power went, or a
 * new one. -errno with a message.
 */
static int find_or_add_slot(struct header *header, const struct secret *fvek,
			    const struct secret *vmk)
{
	_cleanup_secret_ struct secret *opened = NULL;
	int slot;

	for (slot = 0; slot < HEADER_MAX_KEYSLOTS; slot++) {
		const char *pbkdf = header_keyslot_used(header, slot)
					    ? header_keyslot_pbkdf(header, slot)
					    : NULL;

		/* Not people's, whose stretching takes seconds. */
		if (pbkdf && !strcmp(pbkdf, "pbkdf2") &&
		    header_keyslot_open(header, slot, vmk, &opened) >= 0)
			return slot;
	}
	slot = header_keyslot_add(header, fvek, vmk, NULL);
	if (slot < 0)
		return slot;
	if (header_keyslot_open(header, slot, vmk, &opened) < 0 || !secret_equal(opened, fvek)) {
		header_keyslot_remove(header, slot);
		return log_errno(EIO,
				 "the new keyslot %d of %s does not open again; it was removed",
				 slot, header_path(header));
	}
	return slot;
}

/* Put the newest VMK in the place of the others. */
static int finish(struct header *header, const struct secret *fvek)
{
	_cleanup_change_ struct change change = {.header = header, .replaces = true};
	_cleanup_vmks_ struct vmks vmks = {0};
	_cleanup_secret_ struct secret *vmk = NULL;
	struct header_token token = HEADER_TOKEN_START;
	int r = find_vmks(header, &vmks);

	if (r < 0)
		return r;
	r = vmk_link_unwrap(header, fvek, &vmks.newest, &vmk);
	if (r < 0)
		return r;
	if (vmks.newest.slot < 0) {
		_cleanup_free_ char *json = NULL;

		vmks.newest.slot = find_or_add_slot(header, fvek, vmk);
		if (vmks.newest.slot < 0)
			return vmks.newest.slot;
		change_new_keyslot(&change, vmks.newest.slot);
		json = token_vmk_format(&vmks.newest);
		change_set_token(&change, vmks.newest_token, json);
	}
	while (r == 0 && header_token_next(header, NULL, &token))
		r = rewrap(&change, fvek, &token, &vmks.newest, vmk);
	for (size_t i = 0; i < vmks.n_old; i++) {
		if (vmks.old[i].slot >= 0)
			change_remove_keyslot(&change, vmks.old[i].slot);
		change_remove_token(&change, vmks.old[i].token);
	}
	return r < 0 ? r : change_commit(&change, fvek);
}

static bool interrupted(const struct vmks *vmks)
{
	return vmks->n_old || vmks->newest.slot < 0;
}

int rotate_resume(struct header *header, const struct secret *fvek)
{
	_cleanup_vmks_ struct vmks vmks = {0};
	_cleanup_secret_ struct secret *vmk = NULL;
	int r = find_vmks(header, &vmks);

	if (r < 0 || !interrupted(&vmks))
		return r;
	if (vmk_is_foreign(header, fvek))
		return vmk_link_unwrap(header, fvek, &vmks.newest, &vmk);
	log_notice("A rotation of the VMK of %s was interrupted; finishing it.",
		   header_path(header));
	return finish(header, fvek);
}

/* The new VMK's token, without a keyslot. */
static int announce(struct header *header, const struct secret *fvek, uint32_t generation)
{
	_cleanup_change_ struct change change = {.header = header, .replaces = true};
	_cleanup_token_vmk_ struct token_vmk token = {.slot = -1, .generation = generation};
	_cleanup_secret_ struct secret *vmk = secret_random(VMK_SIZE);
	_cleanup_free_ char *json = NULL;
	int r = vmk ? vmk_link_wrap(header, fvek, vmk, &token) : -ENOMEM;

	if (r < 0)
		return r;
	json = token_vmk_format(&token);
	change_set_token(&change, HEADER_ANY, json);
	return change_commit(&change, fvek);
}

static bool has_vmk(const struct header *header)
{
	struct header_token token = HEADER_TOKEN_START;

	return header_token_next(header, TOKEN_TYPE_VMK, &token);
}

int rotate_first(struct header *header, const struct secret *fvek)
{
	_cleanup_vmks_ struct vmks vmks = {0};
	int r = has_vmk(header) ? 0 : announce(header, fvek, 1);

	if (r == 0)
		r = find_vmks(header, &vmks);
	return r < 0 || !interrupted(&vmks) ? r : finish(header, fvek);
}

/*
 * Whether @token may hold the VMK in a way that is not known here, since a later version made it. A
 * person's names a keyslot, and holds none.
 */
static bool is_opaque(const struct header_token *token, rotate_knows *knows)
{
	_cleanup_holder_ struct holder holder = {0};

	if (!header_token_ours(token) || !strcmp(token->type, TOKEN_TYPE_VMK) ||
	    !strcmp(token->type, TOKEN_TYPE_MAC) || holder_read(token, &holder) ||
	    json_object_array_length(json_object_object_get(holder.root, "keyslots")))
		return false;
	return (strcmp(token->type, TOKEN_TYPE_POLICY) && !knows(token->type)) ||
	       json_object_get_int64(json_object_object_get(holder.root, "version")) > 1;
}

/* The new VMK would end such a protector without a word. */
static int check_opaque(const struct header *header, rotate_knows *knows)
{
	struct header_token token = HEADER_TOKEN_START;

	while (header_token_next(header, NULL, &token))
		if (is_opaque(&token, knows))
			return log_errno(EBADMSG,
					 "token %d of %s, %.40s, was made by a later version of "
					 "fvesetup, and may hold the VMK: rotate with that one, or "
					 "remove the protector first; nothing was changed",
					 token.number, header_path(header), token.type);
	return 0;
}

int rotate_vmk(struct header *header, const struct secret *fvek, rotate_knows *knows,
	       uint32_t *ret_generation)
{
	_cleanup_vmks_ struct vmks vmks = {0};
	int r = find_vmks(header, &vmks);

	if (r < 0)
		return r;
	if (interrupted(&vmks)) {
		*ret_generation = vmks.newest.generation;
		return rotate_resume(header, fvek);
	}
	if (vmks.newest.generation == INT32_MAX)
		return -EOVERFLOW;
	r = check_opaque(header, knows);
	if (r < 0)
		return r;
	/* A token that cannot be wrapped again is found before anything is written. */
	r = rotate_check(header, fvek);
	if (r < 0)
		return r;
	*ret_generation = vmks.newest.generation + 1;
	r = announce(header, fvek, *ret_generation);
	return r < 0 ? r : finish(header, fvek);
}

/* --- checking ------------------------------------------------------------------------------- */

static int check_holder(const struct header *header, const struct secret *fvek,
			const struct holder *holder)
{
	_cleanup_secret_ struct secret *vmk = NULL, *kek = NULL, *held = NULL, *private = NULL;
	_cleanup_blob_ struct blob wrapped = {0}, policy = {0};
	int r = vmk_of(header, fvek, holder->generation, &vmk);

	if (r < 0)
		return r;
	if (holder->machine) {
		r = holder_kek(header, fvek, holder, &kek);
		if (r == 0)
			r = blob_of(holder, "vmk", &wrapped);
		if (r == 0)
			r = vmk_unwrap(header, holder->kind, holder->id, holder->generation, kek,
				       &wrapped, &held);
		if (r == 0 && !secret_equal(held, vmk))
			r = -EBADMSG;
	}
	if (r < 0)
		return r;
	if (!holder->policy)
		return 0;
	r = blob_of(holder, "private", &policy);
	if (r < 0)
		return r;
	return policy_secret_unwrap(header, POLICY_PRIVATE, holder->generation, vmk, &policy,
				    &private);
}

int rotate_check(const struct header *header, const struct secret *fvek)
{
	struct header_token token = HEADER_TOKEN_START;
	int result = 0;

	while (header_token_next(header, NULL, &token)) {
		_cleanup_holder_ struct holder holder = {0};
		int r;

		if (!holder_read(&token, &holder))
			continue;
		r = check_holder(header, fvek, &holder);
		if (r == -EBADMSG)
			log_error("token %d of %s, %s, is damaged: what it holds under the volume "
				  "key cannot be read; remove that protector and add it again",
				  token.number, header_path(header), holder.type);
		if (r < 0 && (result == 0 || r != -EBADMSG))
			result = r;
	}
	return result;
}

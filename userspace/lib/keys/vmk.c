// SPDX-License-Identifier: LGPL-2.1-or-later
/* Wrapping and finding the VMK. */
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "header/change.h"
#include "keys/vmk.h"

/*
 * Associated data of a wrap, docs/on-disk.md "Wraps": the volume, what is wrapped, and where it
 * stands, so that no blob can be moved to another place. NULL on out of memory.
 */
static char *wrap_context(const struct header *header, const char *what, const char *kind,
			  const char *id, uint32_t generation)
{
	char *text;

	if (asprintf(&text, "fve 1 %s %s %s %s %u", header_uuid(header), what, kind, id,
		     generation) < 0)
		return NULL;
	return text;
}

/* Wrap or unwrap under HKDF(@key, @info). */
static int wrap_derived(const struct secret *key, const char *info, const char *context,
			const struct secret *plain, struct blob *ret)
{
	_cleanup_secret_ struct secret *derived = NULL;
	int r;

	if (!context)
		return -ENOMEM;
	r = crypto_derive(key, info, &derived);
	return r < 0 ? r : crypto_wrap(derived, context, plain, ret);
}

static int unwrap_derived(const struct secret *key, const char *info, const char *context,
			  const struct blob *wrapped, struct secret **ret)
{
	_cleanup_secret_ struct secret *derived = NULL;
	int r;

	if (!context)
		return -ENOMEM;
	r = crypto_derive(key, info, &derived);
	return r < 0 ? r : crypto_unwrap(derived, context, wrapped, ret);
}

#define INFO_VMK_LINK "fve vmk link"
#define INFO_KEK      "fve kek"

int vmk_create(struct header *header, const struct secret *fvek, struct secret **ret_vmk)
{
	_cleanup_secret_ struct secret *vmk = secret_random(VMK_SIZE);
	_cleanup_token_vmk_ struct token_vmk token = {.generation = 1};
	_cleanup_change_ struct change change = {.header = header, .accept = true};
	_cleanup_free_ char *json = NULL;
	int r;

	if (!vmk)
		return -ENOMEM;
	token.slot = header_keyslot_add(header, fvek, vmk, NULL);
	if (token.slot < 0)
		return token.slot;
	change_new_keyslot(&change, token.slot);
	r = vmk_link_wrap(header, fvek, vmk, &token);
	if (r < 0)
		return r;
	json = token_vmk_format(&token);
	change_set_token(&change, HEADER_ANY, json);
	r = change_commit(&change, fvek);
	if (r < 0)
		return r;
	*ret_vmk = steal(vmk);
	return 0;
}

/* The token of @generation, or with 0 of the newest; only one that has its keyslot. -ESRCH: none
 * has. */
static int find_token(const struct header *header, uint32_t generation, struct token_vmk *ret)
{
	_cleanup_token_vmk_ struct token_vmk best = {0};
	struct header_token found = HEADER_TOKEN_START;
	int r = -ENOENT;

	while (header_token_next(header, TOKEN_TYPE_VMK, &found)) {
		_cleanup_token_vmk_ struct token_vmk token = {0};
		int parsed = token_vmk_parse(found.json, &token);

		if (parsed < 0 || token.slot < 0) {
			if (r == -ENOENT)
				r = parsed == 0 ? -ESRCH : parsed == -ENOTSUP ? parsed : -EBADMSG;
			continue;
		}
		if ((generation && token.generation != generation) ||
		    token.generation <= best.generation)
			continue;
		token_vmk_free(&best);
		best = steal_struct(token);
		r = 0;
	}
	if (r < 0)
		return r;
	*ret = steal_struct(best);
	return 0;
}

int vmk_token(const struct header *header, struct token_vmk *ret)
{
	int r = find_token(header, 0, ret);

	if (r == -ENOTSUP)
		return header_is_newer(header);
	if (r < 0 && !header_segment(header)->key_size)
		return log_errno(EBADMSG,
				 "nothing opens %s any more: its keyslots were erased. Only a "
				 "backup of its header does: fvesetup header restore %s FILE",
				 header_path(header), header_path(header));
	if (r == -ESRCH)
		return log_errno(EBADMSG,
				 "the VMK of %s has lost its keyslot to another tool. If that was "
				 "you: fvesetup header accept %s, then fvesetup rotate vmk %s",
				 header_path(header), header_path(header), header_path(header));
	if (r < 0)
		return log_errno(-r,
				 "the fve-vmk token of %s is %s, and no machine's protector opens "
				 "it any more. People's do. Make new ones: fvesetup release %s, "
				 "fvesetup adopt %s, fvesetup protector add",
				 header_path(header), r == -EBADMSG ? "damaged" : "gone",
				 header_path(header), header_path(header));
	return 0;
}

int vmk_slot(const struct header *header, uint32_t generation)
{
	_cleanup_token_vmk_ struct token_vmk token = {.slot = -1};

	return find_token(header, generation, &token) < 0 ? -1 : token.slot;
}

int vmk_link_wrap(const struct header *header, const struct secret *fvek, const struct secret *vmk,
		  struct token_vmk *token)
{
	_cleanup_free_ char *context = wrap_context(header, "vmk", "link", "-", token->generation);

	return wrap_derived(fvek, INFO_VMK_LINK, context, vmk, &token->vmk);
}

int vmk_link_unwrap(const struct header *header, const struct secret *fvek,
		    const struct token_vmk *token, struct secret **ret_vmk)
{
	_cleanup_free_ char *context = wrap_context(header, "vmk", "link", "-", token->generation);
	int r = unwrap_derived(fvek, INFO_VMK_LINK, context, &token->vmk, ret_vmk);

	if (r == -EBADMSG)
		log_error(
			"the UUID or the volume key of %s was changed by another tool, such as "
			"cryptsetup reencrypt or luksUUID, and no machine's protector opens it any "
			"more. People's do. Make new ones: fvesetup release %s, fvesetup adopt %s, "
			"fvesetup protector add",
			header_path(header), header_path(header), header_path(header));
	return r;
}

bool vmk_is_foreign(const struct header *header, const struct secret *fvek)
{
	_cleanup_token_vmk_ struct token_vmk token = {.slot = HEADER_ANY};
	struct header_token found = HEADER_TOKEN_START;
	bool any = false;

	while (header_token_next(header, TOKEN_TYPE_VMK, &found)) {
		_cleanup_secret_ struct secret *vmk = NULL;
		_cleanup_free_ char *context = NULL;
		int r;

		token_vmk_free(&token);
		token = (struct token_vmk){0};
		if (token_vmk_parse(found.json, &token) < 0)
			return false;
		context = wrap_context(header, "vmk", "link", "-", token.generation);
		r = unwrap_derived(fvek, INFO_VMK_LINK, context, &token.vmk, &vmk);
		if (r != -EBADMSG)
			return false;
		any = true;
	}
	return any;
}

int vmk_from_fvek(const struct header *header, const struct secret *fvek, uint32_t *ret_generation,
		  struct secret **ret_vmk)
{
	_cleanup_token_vmk_ struct token_vmk token = {0};
	int r = vmk_token(header, &token);

	if (r < 0)
		return r;
	if (ret_generation)
		*ret_generation = token.generation;
	return vmk_link_unwrap(header, fvek, &token, ret_vmk);
}

int vmk_wrap(const struct header *header, const char *kind, const char *id, uint32_t generation,
	     const struct secret *kek, const struct secret *vmk, struct blob *ret)
{
	_cleanup_free_ char *context = wrap_context(header, "vmk", kind, id, generation);

	return context ? crypto_wrap(kek, context, vmk, ret) : -ENOMEM;
}

int vmk_unwrap(const struct header *header, const char *kind, const char *id, uint32_t generation,
	       const struct secret *kek, const struct blob *wrapped, struct secret **ret_vmk)
{
	_cleanup_free_ char *context = wrap_context(header, "vmk", kind, id, generation);

	return context ? crypto_unwrap(kek, context, wrapped, ret_vmk) : -ENOMEM;
}

/* Whether @fvek is the one that both keys are wrapped under. */
static int check_fvek(const struct header *header, const struct vmk_holder *holder,
		      const struct token_vmk *token, const struct secret *vmk,
		      const struct secret *fvek)
{
	_cleanup_free_ char *context = wrap_context(header, "vmk", "link", "-", token->generation);
	_cleanup_secret_ struct secret *linked = NULL, *kek = NULL;
	int r = unwrap_derived(fvek, INFO_VMK_LINK, context, &token->vmk, &linked);

	if (r == 0)
		r = kek_unwrap(header, holder->kind, holder->id, fvek, holder->wrapped_kek, &kek);
	if (r == -EBADMSG ||
	    (r == 0 && (!secret_equal(linked, vmk) || !secret_equal(kek, holder->kek))))
		return -EKEYREJECTED;
	return r;
}

static int open_keyslot(struct header *header, const struct vmk_holder *holder,
			const struct secret *vmk, struct secret **ret_fvek, enum reason *ret_reason)
{
	_cleanup_token_vmk_ struct token_vmk token = {0};
	_cleanup_secret_ struct secret *fvek = NULL;
	char why[VET_WHY_SIZE];
	enum reason health;
	int r;

	if (find_token(header, holder->generation, &token) < 0)
		return -EPERM;
	health = header_keyslot_health(header, token.slot, why);
	if (health != REASON_NONE)
		*ret_reason = health;
	r = header_keyslot_open(header, token.slot, vmk, &fvek);
	if (r >= 0)
		r = check_fvek(header, holder, &token, vmk, fvek);
	if (r == -EKEYREJECTED)
		*ret_reason = REASON_HEADER_MAC;
	/* Told already; nothing is known against the token. */
	else if (r < 0 && r != -EPERM && r != -EBADMSG)
		*ret_reason = REASON_NONE;
	if (r == 0)
		*ret_fvek = steal(fvek);
	return r;
}

int vmk_open(struct header *header, const struct vmk_holder *holder, struct secret **ret_fvek,
	     enum reason *ret_reason)
{
	_cleanup_secret_ struct secret *vmk = NULL;
	int r = vmk_unwrap(header, holder->kind, holder->id, holder->generation, holder->kek,
			   holder->vmk, &vmk);

	*ret_reason = REASON_TOKEN_CORRUPT;
	if (r == 0)
		r = open_keyslot(header, holder, vmk, ret_fvek, ret_reason);
	if (r == 0)
		*ret_reason = REASON_NONE;
	return r;
}

int kek_wrap(const struct header *header, const char *kind, const char *id,
	     const struct secret *fvek, const struct secret *kek, struct blob *ret)
{
	_cleanup_free_ char *context = wrap_context(header, "kek", kind, id, 0);

	return wrap_derived(fvek, INFO_KEK, context, kek, ret);
}

int kek_unwrap(const struct header *header, const char *kind, const char *id,
	       const struct secret *fvek, const struct blob *wrapped, struct secret **ret_kek)
{
	_cleanup_free_ char *context = wrap_context(header, "kek", kind, id, 0);

	return unwrap_derived(fvek, INFO_KEK, context, wrapped, ret_kek);
}

static const struct {
	const char *info, *kind;
} policy_secrets[] = {
	[POLICY_PRIVATE] = {"fve policy key", "key"},
	[POLICY_LOCKOUT_AUTH] = {"fve lockout auth", "lockout"},
};

int policy_secret_wrap(const struct header *header, enum policy_secret which, uint32_t generation,
		       const struct secret *vmk, const struct secret *secret, struct blob *ret)
{
	_cleanup_free_ char *context =
		wrap_context(header, "policy", policy_secrets[which].kind, "-", generation);

	return wrap_derived(vmk, policy_secrets[which].info, context, secret, ret);
}

int policy_secret_unwrap(const struct header *header, enum policy_secret which, uint32_t generation,
			 const struct secret *vmk, const struct blob *wrapped, struct secret **ret)
{
	_cleanup_free_ char *context =
		wrap_context(header, "policy", policy_secrets[which].kind, "-", generation);

	return unwrap_derived(vmk, policy_secrets[which].info, context, wrapped, ret);
}

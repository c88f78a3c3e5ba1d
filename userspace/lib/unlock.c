// SPDX-License-Identifier: LGPL-2.1-or-later
/* Trying protectors. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "recovery.h"
#include "unlock.h"

struct candidates {
	struct protector list[PROTECTOR_LIST_MAX];
	int n;
};

/* Try @secret on the person's protectors of one sort. */
static int try_slots(struct header *header, const struct candidates *all, bool recovery,
		     const struct secret *secret, struct secret **ret_fvek,
		     struct protector *ret_used)
{
	int r = -EPERM;

	for (int i = 0; i < all->n && r == -EPERM; i++) {
		const struct protector *p = &all->list[i];

		if (!protector_is_person(p) || p->health != REASON_NONE ||
		    (p->kind == PROTECTOR_RECOVERY) != recovery)
			continue;
		r = header_keyslot_open(header, p->slot, secret, ret_fvek);
		if (r >= 0)
			*ret_used = *p;
	}
	return r < 0 ? r : 0;
}

/* What a person typed: a recovery password in any spelling, or a passphrase as it stands. */
static int try_secret(struct header *header, const struct candidates *all,
		      const struct secret *typed, struct secret **ret_fvek,
		      struct protector *ret_used)
{
	_cleanup_secret_ struct secret *recovery = NULL;
	unsigned int group;
	int r = recovery_parse(typed, &recovery, &group);

	if (r == -ENOMEM)
		return r;
	r = recovery ? try_slots(header, all, true, recovery, ret_fvek, ret_used) : -EPERM;
	if (r == -EPERM)
		r = try_slots(header, all, false, typed, ret_fvek, ret_used);
	if (r == -EPERM && group)
		log_error("group %u of the recovery password is mistyped", group);
	else if (r == -EPERM)
		log_error("%s: %s (%s)", header_path(header), reason_text(REASON_SECRET_WRONG),
			  reason_code(REASON_SECRET_WRONG));
	return r;
}

static int try_person(struct header *header, const struct unlock *how, const struct candidates *all,
		      struct secret **ret_fvek, struct protector *ret_used)
{
	_cleanup_free_ char *prompt = NULL;
	bool recovery_only = true;
	int r = -EPERM;

	for (int i = 0; i < all->n; i++)
		if (protector_is_person(&all->list[i]) && all->list[i].kind != PROTECTOR_RECOVERY)
			recovery_only = false;
	if (asprintf(&prompt, "%s for %s: ",
		     recovery_only ? "Recovery password" : "Passphrase or recovery password",
		     header_path(header)) < 0)
		return -ENOMEM;
	for (unsigned int i = 0; i < how->tries && r == -EPERM; i++) {
		_cleanup_secret_ struct secret *typed = NULL;

		r = how->ask(how->data, prompt, &typed);
		if (r == 0)
			r = try_secret(header, all, typed, ret_fvek, ret_used);
	}
	return r;
}

int unlock(struct header *header, const struct unlock *how, struct secret **ret_fvek,
	   struct protector *ret_used)
{
	struct candidates all = {0};
	bool person = false;

	all.n = protector_list(header, all.list);
	for (int i = 0; i < all.n;) {
		if (protector_matches(&all.list[i], how->protector)) {
			person |= protector_is_person(&all.list[i]);
			i++;
		} else {
			memmove(&all.list[i], &all.list[i + 1],
				(size_t)(--all.n - i) * sizeof(all.list[0]));
		}
	}
	if (!all.n && how->protector)
		return log_errno(ENOENT, "%s has no protector %s; see: fvesetup protector list %s",
				 header_path(header), how->protector, header_path(header));
	if (!all.n)
		return log_errno(ENOENT, "%s has no protector at all", header_path(header));

	for (int i = 0; i < all.n && !how->only_person; i++) {
		const struct protector *p = &all.list[i];
		struct refusal refusal = {.reason = p->health};

		if (protector_is_person(p))
			continue;
		if (p->health == REASON_NONE &&
		    protector_tpm2_open(header, p, how->tcti, ret_fvek, &refusal) == 0) {
			*ret_used = *p;
			return 0;
		}
		how->refused(how->data, p, &refusal);
	}
	if (!person)
		return log_errno(EPERM, "no protector of %s opened it%s", header_path(header),
				 how->only_person ? ", and none takes a secret" : "");
	return try_person(header, how, &all, ret_fvek, ret_used);
}

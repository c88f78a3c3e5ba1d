// SPDX-License-Identifier: LGPL-2.1-or-later
/* Trying protectors. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "header/mac.h"
#include "keys/identity.h"
#include "keys/recovery.h"
#include "keys/vmk.h"
#include "protector/tpm2.h"
#include "protector/unlock.h"

/* Tries of the TPM that are not offered after a wrong PIN. */
#define PIN_TRIES_KEPT 4

struct candidates {
	struct protector list[PROTECTOR_LIST_MAX];
	int n;
};

/*
 * Tell of a refusal that has a reason; others have had their message. Gives -EPERM, or
 * -EKEYREJECTED where it is the header that was changed.
 */
static int refused(const struct unlock *how, const struct protector *p,
		   const struct refusal *refusal)
{
	if (refusal->reason != REASON_NONE)
		how->refused(how->data, p, refusal);
	return refusal->reason == REASON_HEADER_MAC ? -EKEYREJECTED : -EPERM;
}

/* Whether one of people's protectors is worth a question; those that are not are told. */
static bool can_ask(const struct unlock *how, const struct candidates *all)
{
	bool any = false;

	for (int i = 0; i < all->n; i++) {
		const struct protector *p = &all->list[i];
		const struct refusal refusal = refusal_of(p);

		if (!protector_is_person(p))
			continue;
		any |= p->health == REASON_NONE;
		/* Of a startup key's it was told where one was tried. */
		if (!kind_has(p->kind, KIND_KEY) || !how->startup_key)
			refused(how, p, &refusal);
	}
	return any;
}

/* Try @secret on the person's protectors of one sort. */
static int try_slots(struct header *header, const struct candidates *all, bool recovery,
		     const struct secret *secret, struct secret **ret_fvek,
		     struct protector *ret_used)
{
	int error = -EPERM;

	for (int i = 0; i < all->n; i++) {
		const struct protector *p = &all->list[i];
		int r;

		if (!protector_is_person(p) || p->health != REASON_NONE ||
		    kind_has(p->kind, KIND_RECOVERY) != recovery)
			continue;
		r = header_keyslot_open(header, p->slot, secret, ret_fvek);
		if (r >= 0) {
			*ret_used = *p;
			return 0;
		}
		/* One that cannot be read does not shut out the others. */
		if (r != -EPERM)
			error = r;
		if (r == -ENOMEM)
			break;
	}
	return error;
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

int unlock_check_header(const struct header *header, const struct secret *fvek,
			struct refusal *ret_refusal)
{
	enum header_mac state;
	int r = header_mac_check(header, fvek, &state);

	log_debug("%s: header MAC %s", header_path(header),
		  r < 0			   ? strerror(-r)
		  : header_mac_good(state) ? "right"
					   : "wrong");
	*ret_refusal = (struct refusal){0};
	if (r < 0 || header_mac_good(state))
		return r;
	ret_refusal->reason = REASON_HEADER_MAC;
	return -EKEYREJECTED;
}

int unlock_check_identity(const uint8_t *identity, const struct secret *fvek,
			  struct refusal *ret_refusal)
{
	uint8_t found[IDENTITY_SIZE];
	int r = identity ? identity_of(fvek, found) : 0;

	*ret_refusal = (struct refusal){0};
	if (!identity || r < 0 || crypto_equal(found, identity, IDENTITY_SIZE))
		return r;
	ret_refusal->reason = REASON_NOT_OURS;
	return -EKEYREJECTED;
}

/* Whoever made a volume anew knows that; to all others it is a stranger's. */
static int warn_of_identity(const struct header *header, const struct unlock *how,
			    const struct secret *fvek)
{
	struct refusal refusal;
	int r = unlock_check_identity(how->identity, fvek, &refusal);

	if (r != -EKEYREJECTED)
		return r;
	log_error("WARNING: %s: %s (%s). Trust nothing on it unless you made it anew; then: "
		  "fvesetup identity --force %s",
		  header_path(header), reason_text(refusal.reason), reason_code(refusal.reason),
		  header_path(header));
	return 0;
}

/*
 * The part that was changed and says how the data lies, or NULL: none, or that cannot be told. The
 * digests name keyslots, and change with them when stock tools do; they also keep flags in the
 * configuration (cryptsetup --persistent), which says nothing of the data.
 */
static const char *changed_part(const struct header_difference *all, size_t n)
{
	bool digests = false, keyslots = false;

	for (size_t i = 0; i < n; i++) {
		if (!strcmp(all[i].name, "segments"))
			return "segment";
		digests |= !strcmp(all[i].name, "digests");
		keyslots |= !strncmp(all[i].name, "keyslot ", strlen("keyslot "));
	}
	return digests && !keyslots ? "digest" : NULL;
}

/*
 * No secret opens a volume whose data would then be read and written in another way: what is
 * written so is lost for the header that was there. Stock tools change keyslots and tokens.
 * Where the volume key is another, too, a header from before would lose data that was re-encrypted.
 */
static int refuse_segment(const struct header *header, const struct secret *fvek)
{
	_cleanup_free_ struct header_difference *all = NULL;
	const char *path = header_path(header), *part;
	size_t n = 0;
	int r = header_mac_differences(header, fvek, &all, &n);

	part = r == 0 ? changed_part(all, n) : NULL;
	if (!part)
		return r == -ENOMEM ? r : 0;
	if (vmk_is_foreign(header, fvek))
		return log_errno(EKEYREJECTED,
				 "%s: its volume key was changed without fvesetup (%s): no secret "
				 "opens it so. If you re-encrypted it: fvesetup header accept %s",
				 path, reason_code(REASON_HEADER_MAC), path);
	return log_errno(EKEYREJECTED,
			 "%s: its %s was changed without fvesetup (%s): no secret opens it so. Put "
			 "a good header back: fvesetup header restore %s FILE. If it was you: "
			 "fvesetup header accept %s",
			 path, part, reason_code(REASON_HEADER_MAC), path, path);
}

/*
 * A person is there to judge: with other keyslots or tokens the volume opens, with a warning.
 * Forgets the FVEK on an error.
 */
static int warn_of_header(const struct header *header, const struct unlock *how,
			  struct secret **fvek)
{
	struct refusal refusal;
	int r = warn_of_identity(header, how, *fvek);
	bool changed;

	if (r == 0 && !how->unverified)
		r = unlock_check_header(header, *fvek, &refusal);
	changed = r == -EKEYREJECTED;
	if (changed)
		r = refuse_segment(header, *fvek);
	if (r < 0)
		secret_free(steal(*fvek));
	if (r < 0 || !changed)
		return r;
	log_error("WARNING: %s: %s (%s). Find out who did: fvesetup header verify %s. If it was "
		  "you: fvesetup header accept %s",
		  header_path(header), reason_text(refusal.reason), reason_code(refusal.reason),
		  header_path(header), header_path(header));
	return 0;
}

/* " (recovery key 0e64bb2c-2399b21e)", by which it is found where it is kept; "" without one. */
static char *recovery_names(const struct header *header, const struct candidates *all)
{
	char *text = strdup("");
	int n = 0;

	for (int i = 0; i < all->n && text; i++) {
		_cleanup_free_ char *before = NULL;
		char name[RECOVERY_NAME_SIZE];

		if (!kind_has(all->list[i].kind, KIND_RECOVERY) ||
		    all->list[i].health != REASON_NONE)
			continue;
		protector_recovery_name(header, all->list[i].head.id, name);
		before = text;
		if (asprintf(&text, "%s%s%s", before, n ? ", " : " (recovery key ", name) < 0)
			text = NULL;
		n++;
	}
	if (text && n) {
		_cleanup_free_ char *before = text;

		if (asprintf(&text, "%s)", before) < 0)
			text = NULL;
	}
	return text;
}

static int try_person(struct header *header, const struct unlock *how, const struct candidates *all,
		      struct secret **ret_fvek, struct protector *ret_used)
{
	_cleanup_free_ char *prompt = NULL, *names = NULL;
	bool recovery_only = true;
	int r = -EPERM;

	for (int i = 0; i < all->n; i++)
		if (protector_is_person(&all->list[i]) &&
		    !kind_has(all->list[i].kind, KIND_RECOVERY))
			recovery_only = false;
	if (!can_ask(how, all))
		return log_errno(EPERM, "no protector of %s opened it", header_path(header));
	names = recovery_names(header, all);
	if (!names ||
	    asprintf(&prompt, "%s for %s%s: ",
		     recovery_only ? "Recovery password" : "Passphrase or recovery password",
		     header_path(header), names) < 0)
		return -ENOMEM;
	for (unsigned int i = 0; i < how->tries[UNLOCK_ASK_SECRET] && r == -EPERM; i++) {
		_cleanup_secret_ struct secret *typed = NULL;

		r = how->ask(how->data, UNLOCK_ASK_SECRET, prompt, &typed);
		if (r == 0)
			r = try_secret(header, all, typed, ret_fvek, ret_used);
	}
	if (r == 0)
		r = warn_of_header(header, how, ret_fvek);
	if (r == 0 && kind_has(ret_used->kind, KIND_RECOVERY))
		protector_tpm2_forgive(header, *ret_fvek, how->tcti);
	return r;
}

/*
 * Of another volume's key that is not there nothing is said, unless it was asked for: others may
 * open. Nor of a person's startup key where none was brought.
 */
static int try_unasked(struct header *header, const struct unlock *how, const struct protector *p,
		       struct secret **ret_fvek)
{
	struct refusal refusal = refusal_of(p);
	bool person = kind_has(p->kind, KIND_PERSON);
	int r = -EPERM;

	if (person && !how->startup_key)
		return -EPERM;
	if (p->health == REASON_NONE)
		r = kind_rows[p->kind]->open(header, p, how, how->startup_key, ret_fvek, &refusal);
	if (r == 0 || (person && r == -ENOMEM))
		return r;
	if (kind_has(p->kind, KIND_VOLUME) && refusal.reason == REASON_KEY_ABSENT &&
	    !how->protector)
		return -EPERM;
	return refused(how, p, &refusal);
}

void unlock_judge(const struct header *header, const struct protector *protector, const char *tcti,
		  struct verdict *ret)
{
	const struct kind_row *row = kind_rows[protector->kind];

	*ret = (struct verdict){.boots_left = -1, .refusal = refusal_of(protector)};
	ret->asked = row->check && protector->health == REASON_NONE;
	ret->opens = ret->asked &&
		     row->check(header, protector, tcti, &ret->boots_left, &ret->refusal) == 0;
}

/*
 * A PIN is only asked for where it could open: a wrong one costs a try that somebody may need.
 * The last tries are not offered again after a wrong one, for a power cut takes one as well.
 */
static int try_pin(struct header *header, const struct unlock *how, const struct protector *p,
		   struct secret **ret_fvek)
{
	_cleanup_free_ char *prompt = NULL;
	struct verdict now;
	int r;

	unlock_judge(header, p, how->tcti, &now);
	if (!now.opens)
		return refused(how, p, &now.refusal);
	if (asprintf(&prompt, "PIN of %s%s%s (empty: another secret): ", header_path(header),
		     *p->head.label ? ", " : "", p->head.label) < 0)
		return -ENOMEM;
	for (unsigned int i = 0; i < how->tries[UNLOCK_ASK_PIN]; i++) {
		_cleanup_secret_ struct secret *pin = NULL;

		r = how->ask(how->data, UNLOCK_ASK_PIN, prompt, &pin);
		if (r < 0)
			return r;
		if (!pin->size)
			break;
		if (kind_rows[p->kind]->open(header, p, how, pin, ret_fvek, &now.refusal) == 0)
			return 0;
		refused(how, p, &now.refusal);
		if (now.refusal.reason != REASON_PIN_WRONG ||
		    now.refusal.lockout.failed + PIN_TRIES_KEPT >= now.refusal.lockout.max_tries)
			break;
	}
	return -EPERM;
}

/* The MAC says nothing of who chose the FVEK, so it comes second. */
int unlock_check_machine(const struct header *header, const struct unlock *how,
			 const struct protector *protector, struct secret **fvek)
{
	struct refusal refusal;
	int r = unlock_check_identity(how->identity, *fvek, &refusal);

	if (r == 0 && !how->unverified)
		r = unlock_check_header(header, *fvek, &refusal);
	if (r < 0)
		secret_free(steal(*fvek));
	if (r == -EKEYREJECTED)
		refused(how, protector, &refusal);
	return r;
}

static int try_one(struct header *header, const struct unlock *how, const struct protector *p,
		   struct secret **ret_fvek)
{
	int r;

	log_debug("%s: trying protector %s %s, token %d, keyslot %d, in the header %s",
		  header_path(header), protector_kind_name(p->kind), p->head.id, p->token, p->slot,
		  p->health == REASON_NONE ? "whole" : reason_code(p->health));
	r = kind_has(p->kind, KIND_PIN) ? try_pin(header, how, p, ret_fvek)
					: try_unasked(header, how, p, ret_fvek);

	if (r < 0) {
		log_debug("%s: protector %s: no key: %s", header_path(header), p->head.id,
			  strerror(-r));
		return r;
	}
	return kind_has(p->kind, KIND_PERSON) ? warn_of_header(header, how, ret_fvek)
					      : unlock_check_machine(header, how, p, ret_fvek);
}

/* Those that @how admits; -ENOENT: none. */
static int find_candidates(const struct header *header, const struct unlock *how,
			   struct candidates *ret)
{
	ret->n = protector_list(header, ret->list);
	for (int i = 0; i < ret->n;) {
		const struct protector *p = &ret->list[i];

		if (protector_matches(p, how->protector) &&
		    (!how->kinds || how->kinds & 1u << p->kind))
			i++;
		else
			memmove(&ret->list[i], &ret->list[i + 1],
				(size_t)(--ret->n - i) * sizeof(ret->list[0]));
	}
	return ret->n ? 0 : -ENOENT;
}

/* Only to say that they are there; a newer version may open them. */
static void tell_unknown(const struct unlock *how, const struct candidates *all)
{
	for (int i = 0; i < all->n; i++) {
		const struct refusal refusal = refusal_of(&all->list[i]);

		if (all->list[i].kind == PROTECTOR_UNKNOWN)
			refused(how, &all->list[i], &refusal);
	}
}

/* What is tried before anybody is asked for a passphrase: by what it takes, then as listed. */
static int try_machine(struct header *header, const struct unlock *how,
		       const struct candidates *all, struct secret **ret_fvek,
		       struct protector *ret_used)
{
	static const unsigned int takes[] = {KIND_ALONE, KIND_KEY, KIND_PIN};
	bool changed = false;

	if (!how->only_person)
		tell_unknown(how, all);
	for (size_t k = 0; k < ARRAY_SIZE(takes); k++)
		for (int i = 0; i < all->n; i++) {
			const struct protector *p = &all->list[i];
			bool machine = !kind_has(p->kind, KIND_PERSON);
			int r;

			if (!kind_has(p->kind, takes[k]) || !kind_rows[p->kind]->open)
				continue;
			/* What one finds of the header, the next would, after asking for its PIN.
			 */
			if (machine && (how->only_person || changed))
				continue;
			r = try_one(header, how, p, ret_fvek);
			if (r == 0)
				*ret_used = *p;
			if (r == -EKEYREJECTED)
				changed = true;
			else if (r != -EPERM)
				return r;
		}
	return changed ? -EKEYREJECTED : -EPERM;
}

/* Whether one of them takes what a person types, or a given secret. */
static bool takes_secret(const struct candidates *all, const struct unlock *how)
{
	for (int i = 0; i < all->n; i++)
		if (protector_is_person(&all->list[i]) &&
		    (!kind_has(all->list[i].kind, KIND_KEY) || how->only_person))
			return true;
	return false;
}

int unlock_machine(struct header *header, const struct unlock *how, struct secret **ret_fvek,
		   struct protector *ret_used)
{
	struct candidates all = {0};
	int r = find_candidates(header, how, &all);

	return r < 0 ? r : try_machine(header, how, &all, ret_fvek, ret_used);
}

int unlock_person(struct header *header, const struct unlock *how, struct secret **ret_fvek,
		  struct protector *ret_used)
{
	struct candidates all = {0};
	int r = find_candidates(header, how, &all);

	if (r < 0)
		return r;
	if (!takes_secret(&all, how))
		return -ENOENT;
	return try_person(header, how, &all, ret_fvek, ret_used);
}

int unlock(struct header *header, const struct unlock *how, struct secret **ret_fvek,
	   struct protector *ret_used)
{
	struct candidates all = {0};
	int r = find_candidates(header, how, &all);

	if (r < 0 && how->protector)
		return log_errno(ENOENT, "%s has no protector %s; see: fvesetup protector list %s",
				 header_path(header), how->protector, header_path(header));
	if (r < 0)
		return log_errno(ENOENT, "%s has no protector at all", header_path(header));
	r = try_machine(header, how, &all, ret_fvek, ret_used);
	if (r != -EPERM && r != -EKEYREJECTED)
		return r;
	if (!takes_secret(&all, how))
		return log_errno(EPERM, "no protector of %s opened it%s", header_path(header),
				 how->only_person ? ", and none takes a secret" : "");
	return try_person(header, how, &all, ret_fvek, ret_used);
}

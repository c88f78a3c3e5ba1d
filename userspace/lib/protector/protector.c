// SPDX-License-Identifier: LGPL-2.1-or-later
/* Listing, naming and removing protectors of all kinds. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "header/change.h"
#include "header/mac.h"
#include "keys/vmk.h"
#include "protector/protector.h"

const char *protector_kind_name(enum protector_kind kind)
{
	return kind_rows[kind]->name;
}

bool protector_is_person(const struct protector *protector)
{
	return kind_has(protector->kind, KIND_PERSON) && !protector->foreign;
}

void protector_recovery_name(const struct header *header, const char *id,
			     char ret[RECOVERY_NAME_SIZE])
{
	snprintf(ret, RECOVERY_NAME_SIZE, "%.8s-%s", header_uuid(header), id);
}

/* Tokens of ours that are no protector: the VMK's, the policy key's, the header's MAC. */
static bool is_bookkeeping(const char *type)
{
	return !strcmp(type, TOKEN_TYPE_VMK) || !strcmp(type, TOKEN_TYPE_POLICY) ||
	       !strcmp(type, TOKEN_TYPE_MAC);
}

/* A stock tool may have removed the keyslot and left the token. */
static void check_slot(const struct header *header, int slot, struct protector *p)
{
	if (slot >= 0 && header_keyslot_used(header, slot))
		p->health = header_keyslot_health(header, slot, p->why);
	else
		p->health = REASON_TOKEN_CORRUPT;
}

void protector_check_vmk(const struct header *header, uint32_t generation, struct protector *p)
{
	check_slot(header, vmk_slot(header, generation), p);
}

void protector_check_keyslot(const struct header *header, struct protector *p)
{
	check_slot(header, p->slot, p);
}

/* What @token is; a token that cannot be read is listed as such, never dropped. */
static void read_token(const struct header *header, const struct header_token *token,
		       struct protector *ret)
{
	enum protector_kind kind = kind_of_token(token->type);
	int r = -ENOTSUP; /* its type is one of ours, and not known */

	*ret = (struct protector){.kind = kind, .token = token->number, .slot = HEADER_ANY};
	if (kind_rows[kind]->read)
		r = kind_rows[kind]->read(header, token->json, ret);
	if (r < 0) {
		ret->health = r == -ENOTSUP ? REASON_TOKEN_NEWER : REASON_TOKEN_CORRUPT;
		snprintf(ret->head.id, sizeof(ret->head.id), "token-%u",
			 (unsigned int)token->number % HEADER_MAX_TOKENS);
	}
}

/*
 * Whether a token of others names @slot, and its type: what opens it is then no secret that a
 * person could type, but for systemd's recovery key.
 */
static bool foreign_token(const struct header *header, int slot, char ret[TOKEN_LABEL_MAX + 1])
{
	struct header_token token = HEADER_TOKEN_START;

	while (header_token_next(header, NULL, &token)) {
		if (header_token_ours(&token) || !header_token_names(header, token.number, slot))
			continue;
		snprintf(ret, TOKEN_LABEL_MAX + 1, "%s", token.type);
		return strcmp(token.type, "systemd-recovery") != 0;
	}
	return false;
}

int protector_list(const struct header *header, struct protector *ret)
{
	uint32_t slots_named = 0;
	struct header_token token = HEADER_TOKEN_START;
	int n = 0;

	/* In the order of enum protector_kind; a volume has few tokens, reading twice is cheap. */
	for (int kind = 0; kind < PROTECTOR_MAX; kind++) {
		struct header_token found = HEADER_TOKEN_START;

		while (header_token_next(header, NULL, &found)) {
			if (!header_token_ours(&found) || is_bookkeeping(found.type) ||
			    kind_of_token(found.type) != (enum protector_kind)kind)
				continue;
			read_token(header, &found, &ret[n]);
			if (ret[n].slot >= 0)
				slots_named |= 1u << ret[n].slot;
			n++;
		}
	}
	while (header_token_next(header, TOKEN_TYPE_VMK, &token)) {
		_cleanup_token_vmk_ struct token_vmk vmk = {0};

		if (token_vmk_parse(token.json, &vmk) == 0 && vmk.slot >= 0)
			slots_named |= 1u << vmk.slot;
	}
	for (int i = 0; i < HEADER_MAX_KEYSLOTS; i++) {
		if (slots_named & 1u << i || !header_keyslot_used(header, i))
			continue;
		ret[n] = (struct protector){.kind = PROTECTOR_KEYSLOT,
					    .token = HEADER_ANY,
					    .slot = i};
		snprintf(ret[n].head.id, sizeof(ret[n].head.id), "slot-%u",
			 (unsigned int)i % HEADER_MAX_KEYSLOTS);
		ret[n].foreign = foreign_token(header, i, ret[n].head.stored);
		strcpy(ret[n].head.label, ret[n].head.stored);
		make_printable(ret[n].head.label, "");
		protector_check_keyslot(header, &ret[n]);
		n++;
	}
	return n;
}

void protector_sources(const struct header *header, const struct protector *protector,
		       struct protector_sources *ret)
{
	*ret = (struct protector_sources){0};
	if (kind_rows[protector->kind]->sources)
		kind_rows[protector->kind]->sources(header, protector, ret);
}

bool protector_any(const struct header *header, uint32_t kinds)
{
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(header, list);

	for (int i = 0; i < n; i++)
		if (kinds & 1u << list[i].kind)
			return true;
	return false;
}

bool protector_matches(const struct protector *protector, const char *name)
{
	return !name || !strcmp(name, protector->head.id) ||
	       !strcmp(name, protector_kind_name(protector->kind));
}

int protector_find(const struct header *header, const char *id, struct protector *ret)
{
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(header, list);

	for (int i = 0; i < n; i++)
		if (!strcmp(list[i].head.id, id)) {
			*ret = list[i];
			return 0;
		}
	return log_errno(ENOENT, "%s has no protector %s; see: fvesetup protector list %s",
			 header_path(header), id, header_path(header));
}

static int spec_option(char *option, struct protector_spec *spec)
{
	const struct kind_row *row = kind_rows[spec->kind];
	char *value = strchr(option, '=');

	if (value)
		*value++ = '\0';
	if (!strcmp(option, "label") && value) {
		int r = token_check_label(value);

		if (r == 0)
			strcpy(spec->label, value);
		return r;
	}
	if (row->option && row->option(option, value, spec))
		return 0;
	return log_errno(EINVAL, "protector %s does not take %s%s%s", row->name, option,
			 value ? "=" : "", value ?: "");
}

static int refuse_kind(const char *name)
{
	char names[200] = "";
	size_t n = 0;

	for (int kind = 0; kind < PROTECTOR_MAX && n < sizeof(names); kind++)
		if (kind_rows[kind]->add)
			n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n ? ", " : "",
					      kind_rows[kind]->name);
	return log_errno(EINVAL, "there is no protector kind %s; there are: %s", name, names);
}

int protector_spec_parse(const char *text, struct protector_spec *ret)
{
	_cleanup_free_ char *copy = strdup(text);
	struct protector_spec spec = {.boots = 1};
	char *rest = copy, *word;
	int r;

	if (!copy)
		return -ENOMEM;
	word = strsep(&rest, ",");
	spec.kind = kind_find(word);
	if (spec.kind == PROTECTOR_MAX || !kind_rows[spec.kind]->add)
		return refuse_kind(word);
	while ((word = strsep(&rest, ","))) {
		r = spec_option(word, &spec);
		if (r < 0)
			return r;
	}
	if (kind_rows[spec.kind]->check_spec) {
		r = kind_rows[spec.kind]->check_spec(&spec);
		if (r < 0)
			return r;
	}
	*ret = spec;
	return 0;
}

int protector_rehearse(const char *path, const struct enrolment *how)
{
	const struct kind_row *row = kind_rows[how->spec->kind];

	return row->rehearse ? row->rehearse(path, how) : 0;
}

int protector_add(struct header *header, const struct secret *fvek, const struct enrolment *how)
{
	return kind_rows[how->spec->kind]->add(header, fvek, how);
}

int protector_remove(struct header *header, const struct secret *fvek,
		     const struct protector *protector, enum protector_last last)
{
	_cleanup_change_ struct change change = {.header = header};
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(header, list), persons = 0;

	if (protector->health == REASON_TOKEN_NEWER && last == PROTECTOR_LAST_STAYS)
		return log_errno(EBUSY,
				 "%s of %s is no damage: a later version of fvesetup made it, and "
				 "opens the volume by it; use --force if it is to go",
				 protector->head.id, header_path(header));
	for (int i = 0; i < n; i++)
		if (protector_is_person(&list[i]) && list[i].health == REASON_NONE &&
		    strcmp(list[i].head.id, protector->head.id))
			persons++;
	if (!persons && protector_is_person(protector) && last == PROTECTOR_LAST_STAYS)
		return log_errno(EBUSY,
				 "%s is the last protector of %s that a person can open; add "
				 "another first, or use --force",
				 protector->head.id, header_path(header));
	/* In between, a token without its keyslot opens nothing, is listed, and can be removed. */
	if (protector->slot >= 0 && header_keyslot_used(header, protector->slot))
		change_remove_keyslot(&change, protector->slot);
	if (protector->token >= 0)
		change_remove_token(&change, protector->token);
	return change_commit(&change, fvek);
}

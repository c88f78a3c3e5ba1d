// SPDX-License-Identifier: LGPL-2.1-or-later
/* Listing, adding and removing protectors. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "header/change.h"
#include "header/mac.h"
#include "keys/vmk.h"
#include "protector/protector.h"
#include "tpm/policy_digest.h"

static const struct {
	const char *name;
	const char *token_type; /* NULL: none of ours */
} kinds[PROTECTOR_MAX] = {
	[PROTECTOR_AUTO] = {"auto", "fve-auto"},
	[PROTECTOR_TPM2] = {"tpm2", "fve-tpm2"},
	[PROTECTOR_SUSPENDED] = {"suspended", "fve-suspended"},
	[PROTECTOR_CUSTOMER_KEY] = {"customer-key", "fve-customer-key"},
	[PROTECTOR_TPM2_KEY] = {"tpm2-key", "fve-tpm2-key"},
	[PROTECTOR_TPM2_PIN] = {"tpm2-pin", "fve-tpm2-pin"},
	[PROTECTOR_RECOVERY] = {"recovery", "fve-recovery"},
	[PROTECTOR_STARTUP_KEY] = {"startup-key", "fve-startup-key"},
	[PROTECTOR_PASSPHRASE] = {"passphrase", "fve-passphrase"},
	[PROTECTOR_KEYSLOT] = {"keyslot", NULL},
	[PROTECTOR_UNKNOWN] = {"unknown", NULL},
};

const char *protector_kind_name(enum protector_kind kind)
{
	return kinds[kind].name;
}

const char *protector_token_type(enum protector_kind kind)
{
	return kinds[kind].token_type;
}

/* Kinds whose token is one of the TPM's. */
static bool is_tpm2(enum protector_kind kind)
{
	return kind == PROTECTOR_SUSPENDED || kind == PROTECTOR_TPM2 ||
	       kind == PROTECTOR_TPM2_KEY || kind == PROTECTOR_TPM2_PIN;
}

bool protector_takes_key(enum protector_kind kind)
{
	return kind == PROTECTOR_TPM2_KEY || kind == PROTECTOR_STARTUP_KEY;
}

bool protector_is_person(const struct protector *protector)
{
	return protector->kind == PROTECTOR_RECOVERY || protector->kind == PROTECTOR_STARTUP_KEY ||
	       protector->kind == PROTECTOR_PASSPHRASE ||
	       (protector->kind == PROTECTOR_KEYSLOT && !protector->foreign);
}

/* Tokens of ours that are no protector: the VMK's, the policy key's, the header's MAC. */
static bool is_bookkeeping(const char *type)
{
	return !strcmp(type, "fve-vmk") || !strcmp(type, "fve-policy") ||
	       !strcmp(type, TOKEN_TYPE_MAC);
}

static enum protector_kind kind_of_token(const char *type)
{
	for (int kind = 0; kind < PROTECTOR_MAX; kind++)
		if (kinds[kind].token_type && !strcmp(kinds[kind].token_type, type))
			return kind;
	return PROTECTOR_UNKNOWN;
}

/* What a machine's protector opens in the end is the keyslot of the VMK that it has wrapped. */
static void check_machine(const struct header *header, uint32_t generation, struct protector *p)
{
	int slot = vmk_slot(header, generation);

	if (slot >= 0)
		p->health = header_keyslot_health(header, slot, p->why);
}

static void check_person(const struct header *header, struct protector *p)
{
	if (p->slot >= 0 && header_keyslot_used(header, p->slot))
		p->health = header_keyslot_health(header, p->slot, p->why);
	else
		p->health = REASON_TOKEN_CORRUPT;
}

static int read_tpm2(const struct header *header, const char *json, struct protector *p)
{
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	int r = token_tpm2_parse(json, &token);

	if (r < 0)
		return r;
	p->head = token.head;
	check_machine(header, token.generation, p);
	if (token.pin && p->health == REASON_NONE &&
	    !kdf_good_for_pin(&token.kdf, p->why, sizeof(p->why)))
		p->health = REASON_KDF_BOUNDS;
	return 0;
}

static int read_auto(const struct header *header, const char *json, struct protector *p)
{
	_cleanup_token_auto_ struct token_auto token = {0};
	int r = token_auto_parse(json, &token);

	if (r < 0)
		return r;
	p->head = token.head;
	check_machine(header, token.generation, p);
	return 0;
}

static int read_customer(const struct header *header, const char *json, struct protector *p)
{
	_cleanup_token_customer_ struct token_customer token = {0};
	int r = token_customer_parse(json, &token);

	if (r < 0)
		return r;
	p->head = token.head;
	check_machine(header, token.generation, p);
	return 0;
}

static int read_person(const struct header *header, const char *json, struct protector *p)
{
	struct token_person token;
	int r = token_person_parse(json, &token);

	if (r < 0)
		return r;
	p->head = token.head;
	p->slot = token.slot;
	check_person(header, p);
	return 0;
}

/* What @token is; a token that cannot be read is listed as such, never dropped. */
static void read_token(const struct header *header, int token, const char *type, const char *json,
		       struct protector *ret)
{
	int r;

	*ret = (struct protector){.kind = kind_of_token(type), .token = token, .slot = HEADER_ANY};
	if (ret->kind == PROTECTOR_UNKNOWN)
		r = -ENOTSUP;
	else if (is_tpm2(ret->kind))
		r = read_tpm2(header, json, ret);
	else if (ret->kind == PROTECTOR_AUTO)
		r = read_auto(header, json, ret);
	else if (ret->kind == PROTECTOR_CUSTOMER_KEY)
		r = read_customer(header, json, ret);
	else
		r = read_person(header, json, ret);
	if (r < 0) {
		ret->health = REASON_TOKEN_CORRUPT;
		snprintf(ret->head.id, sizeof(ret->head.id), "token-%u",
			 (unsigned int)token % HEADER_MAX_TOKENS);
	}
}

/*
 * Whether a token of others names @slot, and its type: what opens it is then no secret that a
 * person could type, but for systemd's recovery key.
 */
static bool foreign_token(const struct header *header, int slot, char ret[TOKEN_LABEL_MAX + 1])
{
	const char *type, *json;

	for (int i = 0; i < HEADER_MAX_TOKENS; i++) {
		if (header_token_get(header, i, &type, &json) < 0 ||
		    !strncmp(type, HEADER_TOKEN_PREFIX, strlen(HEADER_TOKEN_PREFIX)) ||
		    !header_token_names(header, i, slot))
			continue;
		snprintf(ret, TOKEN_LABEL_MAX + 1, "%s", type);
		return strcmp(type, "systemd-recovery") != 0;
	}
	return false;
}

int protector_list(const struct header *header, struct protector *ret)
{
	_cleanup_token_vmk_ struct token_vmk vmk = {.slot = HEADER_ANY};
	uint32_t slots_named = 0;
	const char *type, *json;
	int n = 0;

	/* In the order of enum protector_kind; a volume has few tokens, reading twice is cheap. */
	for (int kind = 0; kind < PROTECTOR_MAX; kind++) {
		for (int i = 0; i < HEADER_MAX_TOKENS; i++) {
			if (header_token_get(header, i, &type, &json) < 0 ||
			    strncmp(type, HEADER_TOKEN_PREFIX, strlen(HEADER_TOKEN_PREFIX)) ||
			    is_bookkeeping(type) ||
			    kind_of_token(type) != (enum protector_kind)kind)
				continue;
			read_token(header, i, type, json, &ret[n]);
			if (ret[n].slot >= 0)
				slots_named |= 1u << ret[n].slot;
			n++;
		}
	}
	for (int i = 0; i < HEADER_MAX_TOKENS; i++)
		if (header_token_get(header, i, &type, &json) == 0 && !strcmp(type, "fve-vmk") &&
		    token_vmk_parse(json, &vmk) == 0) {
			slots_named |= vmk.slot >= 0 ? 1u << vmk.slot : 0;
			token_vmk_free(&vmk);
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
		check_person(header, &ret[n]);
		n++;
	}
	return n;
}

bool protector_any(const struct header *header, enum protector_kind kind)
{
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(header, list);

	for (int i = 0; i < n; i++)
		if (list[i].kind == kind)
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
	char *value = strchr(option, '=');
	bool suspended = spec->kind == PROTECTOR_SUSPENDED;
	bool tpm2 = is_tpm2(spec->kind) && !suspended;

	if (value)
		*value++ = '\0';
	if (!strcmp(option, "label") && value && strlen(value) <= TOKEN_LABEL_MAX) {
		strcpy(spec->label, value);
		return 0;
	}
	if (!strcmp(option, "file") && value && spec->kind == PROTECTOR_AUTO && *value == '/' &&
	    strlen(value) <= TOKEN_PATH_MAX) {
		strcpy(spec->file, value);
		return 0;
	}
	if (!strcmp(option, "volume") && value && spec->kind == PROTECTOR_AUTO && *value &&
	    strlen(value) <= TOKEN_PATH_MAX) {
		strcpy(spec->volume, value);
		return 0;
	}
	if (!strcmp(option, "boots") && value && suspended &&
	    number_parse(value, 1, PROTECTOR_BOOTS_MAX, &spec->boots) == 0)
		return 0;
	if (!strcmp(option, "pcrs") && value && tpm2 && pcr_mask_parse(value, &spec->pcrs) == 0)
		return 0;
	if (!strcmp(option, "no-revocation") && !value && tpm2) {
		spec->no_revocation = true;
		return 0;
	}
	if (!strcmp(option, "unsafe-pcrs") && !value && tpm2) {
		spec->unsafe_pcrs = true;
		return 0;
	}
	return log_errno(EINVAL, "protector %s does not take %s%s%s",
			 protector_kind_name(spec->kind), option, value ? "=" : "", value ?: "");
}

int protector_spec_parse(const char *text, struct protector_spec *ret)
{
	_cleanup_free_ char *copy = strdup(text);
	struct protector_spec spec = {.kind = PROTECTOR_MAX, .boots = 1};
	char *rest = copy, *word;
	int r;

	if (!copy)
		return -ENOMEM;
	word = strsep(&rest, ",");
	for (int kind = 0; kind < PROTECTOR_MAX; kind++)
		if (kinds[kind].token_type && kind != PROTECTOR_CUSTOMER_KEY &&
		    !strcmp(kinds[kind].name, word))
			spec.kind = kind;
	if (spec.kind == PROTECTOR_MAX)
		return log_errno(EINVAL,
				 "there is no protector kind %s; there are: auto, tpm2, suspended, "
				 "tpm2-key, tpm2-pin, recovery, startup-key, passphrase",
				 word);
	while ((word = strsep(&rest, ","))) {
		r = spec_option(word, &spec);
		if (r < 0)
			return r;
	}
	if (spec.kind == PROTECTOR_AUTO && !*spec.file == !*spec.volume)
		return log_errno(EINVAL,
				 "auto takes one of file=PATH (absolute) and volume=DEVICE");
	*ret = spec;
	return 0;
}

int protector_person_add(struct header *header, const struct secret *fvek,
			 const struct protector_spec *spec, const struct secret *secret,
			 const struct header_pbkdf *pbkdf)
{
	_cleanup_change_ struct change change = {.header = header, .replaces = spec->replaces};
	_cleanup_secret_ struct secret *opened = NULL;
	_cleanup_free_ char *json = NULL;
	struct token_person token = {0};
	int r = token_head_init(&token.head, spec->label);

	if (r == 0 && !spec->replaces)
		r = change_check_room(header, CHANGE_NEEDS_KEYSLOT);
	if (r < 0)
		return r;
	token.slot = header_keyslot_add(header, fvek, secret, pbkdf);
	if (token.slot < 0)
		return token.slot;
	change_new_keyslot(&change, token.slot);
	r = header_keyslot_open(header, token.slot, secret, &opened);
	if (r < 0 || !secret_equal(opened, fvek))
		return log_errno(EIO,
				 "the new keyslot %d of %s does not open again; it was removed",
				 token.slot, header_path(header));
	json = token_person_format(&token, kinds[spec->kind].token_type);
	change_set_token(&change, HEADER_ANY, json);
	return change_commit(&change, fvek);
}

int protector_remove(struct header *header, const struct secret *fvek,
		     const struct protector *protector, enum protector_last last)
{
	_cleanup_change_ struct change change = {.header = header};
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(header, list), persons = 0;

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

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Transactions on a header. Each is foreseen in memory, announced in fve-mac, and then made. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/reason.h"
#include "header/change.h"
#include "header/mac.h"

/* Bytes of JSON that are kept free: for a second VMK's token and keyslot, and a rotation's MACs. */
#define RESERVE_BYTES 6144

/* --- collecting ----------------------------------------------------------------------------- */

static void add_step(struct change *change, enum change_what what, int number, char *json)
{
	if (change->n_steps == CHANGE_STEPS_MAX) {
		change->error = -E2BIG;
		free(json);
		return;
	}
	change->steps[change->n_steps++] =
		(struct change_step){.what = what, .number = number, .json = json};
}

void change_set_token(struct change *change, int token, const char *json)
{
	char *copy = json ? strdup(json) : NULL;

	if (!copy)
		change->error = -ENOMEM;
	else
		add_step(change, CHANGE_SET_TOKEN, token, copy);
}

void change_remove_token(struct change *change, int token)
{
	add_step(change, CHANGE_REMOVE_TOKEN, token, NULL);
}

void change_remove_keyslot(struct change *change, int slot)
{
	add_step(change, CHANGE_REMOVE_KEYSLOT, slot, NULL);
}

void change_new_keyslot(struct change *change, int slot)
{
	change->new_slots |= 1u << slot;
}

void change_free(struct change *change)
{
	for (int i = 0; i < HEADER_MAX_KEYSLOTS && !change->begun; i++)
		if (change->new_slots & 1u << i)
			header_keyslot_remove(change->header, i);
	for (size_t i = 0; i < change->n_steps; i++)
		free(change->steps[i].json);
	change->n_steps = 0;
	change->new_slots = 0;
}

/* --- foreseeing ----------------------------------------------------------------------------- */

/* How full a header is, as LUKS2 counts. */
struct room {
	size_t tokens, keyslots;
	size_t bytes; /* of the JSON text with its NUL */
	size_t limit; /* of @bytes, from the header's config */
};

static int measure(struct json_object *root, struct room *ret)
{
	struct json_object *config = json_object_object_get(root, "config");
	struct json_object *size = json_object_object_get(config, "json_size");
	const char *text;

	/* libcryptsetup writes the text with these flags. */
	text = json_object_to_json_string_length(
		root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &ret->bytes);
	if (!text)
		return -ENOMEM;
	ret->bytes++;
	ret->limit = size ? (size_t)json_object_get_uint64(size) : 0;
	ret->tokens = (size_t)json_object_object_length(json_object_object_get(root, "tokens"));
	ret->keyslots = (size_t)json_object_object_length(json_object_object_get(root, "keyslots"));
	return 0;
}

/* Measure a header that must fit. -EBUSY: it is more than LUKS2 takes. */
static int measure_fitting(struct json_object *root, struct room *ret)
{
	int r = measure(root, ret);

	if (r < 0)
		return r;
	return ret->tokens <= HEADER_MAX_TOKENS && ret->keyslots <= HEADER_MAX_KEYSLOTS &&
			       ret->bytes <= ret->limit
		       ? 0
		       : -EBUSY;
}

static bool leaves_reserve(const struct room *room)
{
	return room->tokens < HEADER_MAX_TOKENS && room->keyslots < HEADER_MAX_KEYSLOTS &&
	       room->bytes + RESERVE_BYTES <= room->limit;
}

static int no_room(const struct header *header)
{
	return log_errno(EBUSY,
			 "the header of %s has no room for this beside what is kept free for "
			 "changes; remove a protector first; nothing was changed",
			 header_path(header));
}

bool change_has_room(const struct header *header, size_t tokens, size_t keyslots, size_t bytes)
{
	_cleanup_json_ struct json_object *root = NULL;
	const char *json;
	struct room room;

	if (header_json(header, &json) < 0)
		return false;
	root = json_tokener_parse(json);
	if (!root || measure(root, &room) < 0)
		return false;
	room.tokens += tokens;
	room.keyslots += keyslots;
	room.bytes += bytes;
	return leaves_reserve(&room);
}

int change_check_room(const struct header *header, enum change_needs needs)
{
	return change_has_room(header, 1, needs == CHANGE_NEEDS_KEYSLOT, 0) ? 0 : no_room(header);
}

/* Remove @slot from the array "keyslots" of @object. */
static void forget_slot(struct json_object *object, const char *slot)
{
	struct json_object *slots = json_object_object_get(object, "keyslots");

	if (!json_object_is_type(slots, json_type_array))
		return;
	for (size_t i = json_object_array_length(slots); i-- > 0;)
		if (!strcmp(json_object_get_string(json_object_array_get_idx(slots, i)) ?: "",
			    slot))
			json_object_array_del_idx(slots, i, 1);
}

/* Do to @root what libcryptsetup does to the header in this step; a free token gets its number. */
static int foresee(struct json_object *root, struct change_step *step)
{
	struct json_object *tokens = json_object_object_get(root, "tokens");
	struct json_object *digests = json_object_object_get(root, "digests");
	struct json_object *token;
	char key[12];

	for (int i = 0; step->number == HEADER_ANY; i++) {
		if (i == HEADER_MAX_TOKENS)
			return -EBUSY;
		snprintf(key, sizeof(key), "%d", i);
		if (!json_object_object_get_ex(tokens, key, NULL))
			step->number = i;
	}
	snprintf(key, sizeof(key), "%d", step->number);
	switch (step->what) {
	case CHANGE_SET_TOKEN:
		token = json_tokener_parse(step->json);
		if (token && json_object_object_add(tokens, key, token) == 0)
			return 0;
		json_object_put(token);
		return -ENOMEM;
	case CHANGE_REMOVE_TOKEN:
		json_object_object_del(tokens, key);
		return 0;
	case CHANGE_REMOVE_KEYSLOT:
		json_object_object_del(json_object_object_get(root, "keyslots"), key);
		json_object_object_foreach (tokens, name, each)
			((void)name, forget_slot(each, key));
		json_object_object_foreach (digests, digest_name, digest)
			((void)digest_name, forget_slot(digest, key));
		return 0;
	}
	return -EINVAL;
}

/* A change that was foreseen. */
struct plan {
	struct json_object *root; /* owned; the state that was foreseen last */
	struct secret *key;	  /* owned; of the MAC */
	struct token_mac mac;	  /* owned; MACs of all states, the present one first */
	int mac_token;		  /* number of fve-mac */
};

static void plan_free(struct plan *plan)
{
	json_object_put(plan->root);
	secret_free(plan->key);
	token_mac_free(&plan->mac);
}

static int add_mac(const struct header *header, struct plan *plan)
{
	return header_mac_compute(header_uuid(header), plan->root, plan->mac.seq, plan->key,
				  plan->mac.macs[plan->mac.n_macs++]);
}

/* Put @mac into the JSON, where it takes room. It is not part of what is authenticated. */
static int foresee_mac(struct plan *plan, const struct token_mac *mac)
{
	_cleanup_free_ char *json = token_mac_format(mac);
	struct change_step step = {.what = CHANGE_SET_TOKEN,
				   .number = plan->mac_token,
				   .json = json};
	int r = json ? foresee(plan->root, &step) : -ENOMEM;

	plan->mac_token = step.number;
	return r;
}

/* Return fve-mac as it is while the steps are made; borrowed from @plan. */
static struct token_mac all_macs(const struct change *change, const struct plan *plan)
{
	return (struct token_mac){.seq = plan->mac.seq,
				  .macs = plan->mac.macs,
				  .n_macs = change->n_steps + 1};
}

/* Return fve-mac as it is when all steps are made; borrowed from @plan. */
static struct token_mac last_mac(const struct plan *plan)
{
	return (struct token_mac){.seq = plan->mac.seq,
				  .macs = plan->mac.macs + plan->mac.n_macs - 1,
				  .n_macs = 1,
				  .parts = plan->mac.parts,
				  .n_parts = plan->mac.n_parts};
}

/* Load the MAC that the header has, and choose the sequence number of those to come. */
static int plan_begin(const struct change *change, const struct secret *fvek, struct plan *plan)
{
	_cleanup_token_mac_ struct token_mac old = {0};
	int r = header_mac_load(change->header, &old, &plan->mac_token);

	if (r == -ENOENT)
		plan->mac_token = HEADER_ANY;
	if (r == -ENOTSUP)
		return header_is_newer(change->header);
	if (r == -ENOMEM)
		return r;
	plan->mac.seq = old.seq + 1;
	/* Only an attacker counts that far; what is accepted may begin anew. */
	if (!plan->mac.seq && !change->accept)
		return -EOVERFLOW;
	if (!plan->mac.seq)
		plan->mac.seq = 1;
	plan->mac.macs = calloc(change->n_steps + 1, sizeof(*plan->mac.macs));
	if (!plan->mac.macs)
		return -ENOMEM;
	return header_mac_open(change->header, fvek, &plan->root, &plan->key);
}

/* Foresee the states that the steps pass through, and compute the MAC of each. */
static int plan_states(struct change *change, struct plan *plan)
{
	const struct token_mac all = all_macs(change, plan);
	struct room room;
	int r = foresee_mac(plan, &all);

	if (r < 0)
		return r;
	for (size_t i = 0;; i++) {
		r = add_mac(change->header, plan);
		if (r < 0 || i == change->n_steps)
			return r;
		r = foresee(plan->root, &change->steps[i]);
		if (r < 0)
			return r;
		r = measure_fitting(plan->root, &room);
		if (r < 0)
			return r;
	}
}

/* Foresee the whole change. -EBUSY: there is no room. */
static int make_plan(struct change *change, const struct secret *fvek, struct plan *plan)
{
	struct token_mac last;
	struct room before, room;
	int r = plan_begin(change, fvek, plan);

	if (r < 0)
		return r;
	r = measure(plan->root, &before);
	if (r < 0)
		return r;
	r = plan_states(change, plan);
	if (r < 0)
		return r;
	r = header_mac_parts(header_uuid(change->header), plan->root, plan->key, &plan->mac.parts,
			     &plan->mac.n_parts);
	if (r < 0)
		return r;
	last = last_mac(plan);
	r = foresee_mac(plan, &last);
	if (r < 0)
		return r;
	r = measure_fitting(plan->root, &room);
	if (r < 0 || change->replaces || leaves_reserve(&room))
		return r;
	/* A change that only removes must be possible in the fullest header. */
	return room.tokens > before.tokens || change->new_slots || room.bytes > before.bytes
		       ? -EBUSY
		       : 0;
}

/* --- making --------------------------------------------------------------------------------- */

int change_check_header(const struct header *header, const struct secret *fvek)
{
	enum header_mac state;
	int r = header_mac_check(header, fvek, &state);

	if (r < 0 || header_mac_good(state))
		return r;
	return log_errno(EKEYREJECTED,
			 "%s: %s (%s); see what: fvesetup header verify; take it as it is: "
			 "fvesetup header accept; nothing was changed",
			 header_path(header), reason_text(REASON_HEADER_MAC),
			 reason_code(REASON_HEADER_MAC));
}

static int write_mac(const struct change *change, const struct plan *plan,
		     const struct token_mac *mac)
{
	_cleanup_free_ char *json = token_mac_format(mac);
	int r = json ? header_token_set(change->header, plan->mac_token, json) : -ENOMEM;

	return r < 0 ? r : 0;
}

static int make_step(struct header *header, const struct change_step *step)
{
	int r;

	switch (step->what) {
	case CHANGE_SET_TOKEN:
		r = header_token_set(header, step->number, step->json);
		return r < 0 ? r : 0;
	case CHANGE_REMOVE_TOKEN:
		return header_token_remove(header, step->number);
	case CHANGE_REMOVE_KEYSLOT:
		return header_keyslot_remove(header, step->number);
	}
	return -EINVAL;
}

/* Announce all states in fve-mac, pass through them, and leave the last one's MAC. */
static int carry_out(struct change *change, const struct plan *plan)
{
	const struct token_mac all = all_macs(change, plan), last = last_mac(plan);
	int r;

	if (change->n_steps) {
		r = write_mac(change, plan, &all);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < change->n_steps; i++) {
		r = make_step(change->header, &change->steps[i]);
		if (r < 0)
			return r;
	}
	return write_mac(change, plan, &last);
}

int change_commit(struct change *change, const struct secret *fvek)
{
	__attribute__((cleanup(plan_free))) struct plan plan = {.mac_token = HEADER_ANY};
	int r = change->error;

	if (r < 0)
		return r;
	if (!change->accept) {
		r = change_check_header(change->header, fvek);
		if (r < 0)
			return r;
	}
	r = make_plan(change, fvek, &plan);
	if (r == -EBUSY)
		return no_room(change->header);
	if (r < 0)
		return r;
	change->begun = true;
	r = carry_out(change, &plan);
	if (r < 0)
		log_error("the change of %s was cut short: what opened it still does, or was to be "
			  "removed; repeat the command",
			  header_path(change->header));
	return r;
}

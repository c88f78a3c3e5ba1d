// SPDX-License-Identifier: LGPL-2.1-or-later
/* Adopting and releasing, in an order in which every state opens. */
#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "header/change.h"
#include "header/mac.h"
#include "keys/boot_policy.h"
#include "keys/lockout.h"
#include "keys/rotate.h"
#include "keys/vmk.h"
#include "protector/protector.h"
#include "volume/adopt.h"

#define LABEL "adopted"

/* JSON of one person's token; of the VMK's keyslot and token and the MACs of making them. */
#define PERSON_BYTES 256
#define VMK_BYTES    2048

/* One segment, to the end of the device. */
static int check_segments(const struct header *header)
{
	_cleanup_json_ struct json_object *root = NULL;
	struct json_object *segments, *segment, *size;
	const char *json;
	int r = header_json(header, &json);

	if (r < 0)
		return r;
	root = json_tokener_parse(json);
	segments = json_object_object_get(root, "segments");
	segment = json_object_object_get(segments, "0");
	size = json_object_object_get(segment, "size");
	if (json_object_object_length(segments) != 1 || !size ||
	    strcmp(json_object_get_string(size), "dynamic"))
		return log_errno(
			ENODEV,
			"the data of %s is not one piece up to the end of the device; only "
			"that is accepted",
			header_path(header));
	return 0;
}

/* What a person opens and no token of ours names. */
static bool to_be_named(const struct protector *protector)
{
	return protector->kind == PROTECTOR_KEYSLOT && protector_is_person(protector);
}

int adopt_check(const struct header *header)
{
	struct protector list[PROTECTOR_LIST_MAX];
	size_t persons = 0;
	int n, r;

	if (!strcmp(header_subsystem(header), "fve"))
		return log_errno(EEXIST, "%s is an fve volume already", header_path(header));
	if (*header_subsystem(header))
		return log_errno(ENODEV,
				 "%s belongs to %s, says its header; if that is no more so: "
				 "cryptsetup config --subsystem '' %s",
				 header_path(header), header_subsystem(header),
				 header_path(header));
	r = check_segments(header);
	if (r < 0 || header_has_vmk(header))
		return r;
	n = protector_list(header, list);
	for (int i = 0; i < n; i++) {
		persons += to_be_named(&list[i]);
		if (!protector_is_person(&list[i]) && list[i].kind != PROTECTOR_KEYSLOT)
			return log_errno(EBADMSG,
					 "%s still has a protector of ours, %s: a release was "
					 "interrupted; finish it first: fvesetup release %s",
					 header_path(header), list[i].head.id, header_path(header));
	}
	if (!change_has_room(header, persons + 2, 1, persons * PERSON_BYTES + VMK_BYTES))
		return log_errno(
			EBUSY,
			"the metadata area of %s, %ju bytes, has no room for its tokens; it "
			"cannot grow in place; nothing was changed",
			header_path(header), (uintmax_t)header_segment(header)->metadata_size);
	return 0;
}

/* Tokens for people's keyslots; the first change of all writes the first MAC. */
static int name_persons(struct header *header, const struct secret *fvek)
{
	_cleanup_change_ struct change change = {.header = header};
	struct protector list[PROTECTOR_LIST_MAX];
	_cleanup_token_mac_ struct token_mac mac = {0};
	int token, n = protector_list(header, list);

	/* No MAC: nobody of us was here yet, and what is there is taken as it is. */
	change.accept = header_mac_load(header, &mac, &token) == -ENOENT;
	for (int i = 0; i < n; i++) {
		struct token_person person = {.slot = list[i].slot};
		_cleanup_free_ char *json = NULL;
		int r;

		if (!to_be_named(&list[i]))
			continue;
		r = token_head_init(&person.head,
				    *list[i].head.label ? LABEL ", systemd-recovery" : LABEL);
		if (r < 0)
			return r;
		json = token_person_format(&person, kind_passphrase.token_type);
		change_set_token(&change, HEADER_ANY, json);
	}
	if (!change.n_steps && !change.accept)
		return 0;
	return change_commit(&change, fvek);
}

/* Whether the VMK was begun: a keyslot without a name may then be its, and no person's. */
static bool vmk_begun(const struct header *header)
{
	struct header_token token = HEADER_TOKEN_START;

	return header_token_next(header, TOKEN_TYPE_VMK, &token);
}

int adopt_release_check(const struct header *header)
{
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(header, list);

	for (int i = 0; i < n; i++)
		if (protector_is_person(&list[i]) && list[i].health == REASON_NONE)
			return 0;
	return log_errno(
		EBUSY,
		"nobody could open %s then: no keyslot of it is a person's; add a recovery "
		"password first: fvesetup protector add %s recovery",
		header_path(header), header_path(header));
}

static int remove_vmk_slots(struct header *header)
{
	struct header_token found = HEADER_TOKEN_START;

	while (header_token_next(header, TOKEN_TYPE_VMK, &found)) {
		_cleanup_token_vmk_ struct token_vmk token = {0};
		int r;

		if (token_vmk_parse(found.json, &token) < 0 || token.slot < 0 ||
		    !header_keyslot_used(header, token.slot))
			continue;
		r = header_keyslot_remove(header, token.slot);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The tokens of the VMKs stay until their keyslots are gone, the policies until their counters are.
 */
static int remove_ours(struct header *header, const struct secret *fvek, const char *tcti,
		       int *ret_tpm)
{
	struct header_token token = HEADER_TOKEN_START;
	int r;

	*ret_tpm = lockout_give_back(header, fvek, tcti,
				     NULL); /* the VMK can be had until its keyslot goes */
	r = remove_vmk_slots(header);

	if (r == 0)
		*ret_tpm = boot_policy_remove_counters(header, tcti) ?: *ret_tpm;
	while (r == 0 && header_token_next(header, NULL, &token))
		if (header_token_ours(&token))
			r = header_token_remove(header, token.number);
	return r;
}

/* What a release has left that was cut short: tokens of ours under no MAC that is right. */
static int remove_remains(struct header *header, const struct secret *fvek, const char *tcti,
			  int *ret_tpm)
{
	enum header_mac state;
	struct header_token token = HEADER_TOKEN_START;
	bool ours = false;
	int r = header_mac_check(header, fvek, &state);

	while (header_token_next(header, NULL, &token))
		ours |= header_token_ours(&token);
	if (r < 0 || !ours || header_mac_good(state))
		return r;
	log_notice("A release of %s was interrupted; what it left is removed first.",
		   header_path(header));
	return remove_ours(header, fvek, tcti, ret_tpm);
}

/* An adoption may have been cut short between its last token and its last MAC. */
static int settle_mac(struct header *header, const struct secret *fvek)
{
	_cleanup_change_ struct change change = {.header = header};
	enum header_mac state;
	int r = header_mac_check(header, fvek, &state);

	return r < 0 || state != HEADER_MAC_INTERRUPTED ? r : change_commit(&change, fvek);
}

/* What opened it gets its names, its VMK and its MAC. */
static int take_over(struct header *header, const struct secret *fvek, const char *tcti,
		     int *ret_tpm)
{
	int r = remove_remains(header, fvek, tcti, ret_tpm);

	if (r < 0)
		return r;
	if (vmk_begun(header))
		r = rotate_first(header, fvek);
	if (r < 0)
		return r;
	r = name_persons(header, fvek);
	if (r < 0)
		return r;
	return rotate_first(header, fvek);
}

int adopt(struct header *header, const struct secret *fvek, const char *tcti, int *ret_tpm)
{
	int r;

	*ret_tpm = 0;
	r = header_has_vmk(header) ? 0 : take_over(header, fvek, tcti, ret_tpm);

	if (r == 0)
		r = settle_mac(header, fvek);
	return r < 0 ? r : header_claim(header, HEADER_OURS);
}

/* What has nothing that could be finished, and only goes: a token is damaged, or of another volume
 * key. */
static bool vmk_is_dead(const struct header *header, const struct secret *fvek)
{
	struct header_token found = HEADER_TOKEN_START;

	while (header_token_next(header, TOKEN_TYPE_VMK, &found)) {
		_cleanup_token_vmk_ struct token_vmk token = {0};

		if (token_vmk_parse(found.json, &token) == -EBADMSG)
			return true;
	}
	return vmk_is_foreign(header, fvek);
}

/*
 * The claim goes first: what is left after a power cut is a stock volume with tokens that mean
 * nothing to anybody. An adoption or rotation that was cut short is finished before, since it may
 * have left a keyslot that nobody has the key of and no token names yet.
 */
int adopt_release(struct header *header, const struct secret *fvek, const char *tcti, int *ret_tpm)
{
	enum header_mac state;
	int r = header_mac_check(header, fvek, &state);

	*ret_tpm = 0;
	if (r == 0 && header_mac_good(state) && vmk_begun(header) && !vmk_is_dead(header, fvek))
		r = rotate_first(header, fvek);
	if (r == 0)
		r = header_claim(header, HEADER_STOCK);
	if (r == 0)
		r = remove_ours(header, fvek, tcti, ret_tpm);
	if (r < 0)
		log_error("the release of %s was cut short; repeat it", header_path(header));
	return r;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup protector test' action: whether protectors would open the volume now. */
#include <errno.h>
#include <stdio.h>

#include "cli/object.h"
#include "cli/table.h"
#include "protector/auto.h"

/* What came of one protector. */
enum outcome {
	OUTCOME_OPENS,
	OUTCOME_REFUSED,
	OUTCOME_READY,	  /* nothing speaks against it; its secret was not asked for */
	OUTCOME_UNTESTED, /* only its secret can tell */
};

static const char *const outcomes[] = {
	[OUTCOME_OPENS] = "opens",
	[OUTCOME_REFUSED] = "refused",
	[OUTCOME_READY] = "ready",
	[OUTCOME_UNTESTED] = "untested",
};

/* A volume's key is only there while that is unlocked, other than a key file. */
static bool needs_volume(const struct header *header, const struct protector *p)
{
	char file[TOKEN_PATH_MAX + 1], volume[UUID_LENGTH + 1];

	return kind_has(p->kind, KIND_VOLUME) &&
	       protector_auto_source(header, p, file, volume) == 0 && *volume;
}

/* Without asking anybody. */
static enum outcome test_alone(const struct args *args, struct header *header,
			       const struct protector *p, const struct secret *startup_key,
			       struct refusal *refusal)
{
	const struct kind_row *row = kind_rows[p->kind];
	const struct unlock how = {.tcti = args->unlock.tcti, .startup_key = startup_key};
	bool missing = (row->flags & KIND_PIN) || ((row->flags & KIND_KEY) && !startup_key);
	_cleanup_secret_ struct secret *fvek = NULL;
	struct verdict now;
	int r;

	*refusal = refusal_of(p);
	if (p->health != REASON_NONE)
		return OUTCOME_REFUSED;
	if (missing && row->check) {
		unlock_judge(header, p, args->unlock.tcti, &now);
		*refusal = now.refusal;
		return now.opens ? OUTCOME_READY : OUTCOME_REFUSED;
	}
	if (missing || !row->open || needs_volume(header, p))
		return OUTCOME_UNTESTED;
	r = row->open(header, p, &how, startup_key, &fvek, refusal);
	if (r == 0 && !(row->flags & KIND_PERSON))
		r = unlock_check_header(header, fvek, refusal);
	return r == 0 ? OUTCOME_OPENS : OUTCOME_REFUSED;
}

static struct json_object *verdict_json(const struct args *args, const struct protector *p,
					enum outcome outcome, const struct refusal *refusal)
{
	static const struct refusal none;
	struct json_object *o = json_object_new_object();

	object_text(o, "id", p->head.id);
	object_text(o, "kind", protector_kind_name(p->kind));
	object_text(o, "verdict", outcomes[outcome]);
	cli_refusal_json(args->unlock.event_log, outcome == OUTCOME_REFUSED ? refusal : &none, o);
	return o;
}

/* All of them, with nobody asked for anything. */
static int test_all(const struct args *args, struct header *header)
{
	_cleanup_secret_ struct secret *startup_key = NULL;
	struct json_object *array = json_object_new_array();
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(header, list), result = 0;
	int r = cli_read_startup_key(args->unlock.startup_key_file, &startup_key);

	for (int i = 0; i < n && r == 0; i++) {
		struct refusal refusal;
		enum outcome outcome = test_alone(args, header, &list[i], startup_key, &refusal);

		if (outcome == OUTCOME_REFUSED)
			result = -EPERM;
		if (args->json) {
			json_object_array_add(array,
					      verdict_json(args, &list[i], outcome, &refusal));
			continue;
		}
		printf("%-10s %-12s %s\n", list[i].head.id, protector_kind_name(list[i].kind),
		       outcomes[outcome]);
		fflush(stdout);
		if (outcome == OUTCOME_REFUSED)
			cli_show_refusal(args->unlock.event_log, &list[i], &refusal);
	}
	if (!args->json || r < 0) {
		json_object_put(array);
		return r < 0 ? r : result;
	}
	r = object_print_list("protectors", array);
	return r < 0 ? r : result;
}

/* One, by really unlocking with it: its secret is asked for. */
static int test_one(const struct args *args, struct header *header, const char *id)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	struct unlock_request how = args->unlock;
	struct protector used;
	int r;

	if (args->json)
		return log_errno(EINVAL, "--json goes with a test of all protectors");
	how.protector = id;
	r = cli_unlock(&how, header, &fvek, &used);
	if (r < 0)
		return r;
	printf("%-10s %-12s %s\n", used.head.id, protector_kind_name(used.kind),
	       outcomes[OUTCOME_OPENS]);
	return 0;
}

static int cmd_protector_test(const struct args *args)
{
	_cleanup_header_ struct header *header = NULL;
	int r = header_load(args->operand[0], &header);

	if (r < 0)
		return r;
	return args->operand[1] ? test_one(args, header, args->operand[1]) : test_all(args, header);
}

ACTION(protector_test, "Protectors", "protector test", "<device> [<id>]",
       "tell which would open the volume now",
       "Tell which protectors would open the volume now, without asking for any secret: "
       "opens, refused with the reason, ready where only the PIN or startup key is "
       "missing, or untested. With an id that protector is really used, and its secret "
       "asked for. No PIN is tried that was not given.",
       TO_UNLOCK, OPT_JSON);

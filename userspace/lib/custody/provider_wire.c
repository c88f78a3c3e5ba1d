// SPDX-License-Identifier: LGPL-2.1-or-later
/* Writing requests to providers and their answers as JSON, and reading them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "custody/provider_wire.h"

#define FROM_HEADER "header"

const char *const provider_outcome_names[PROVIDER_OUTCOMES] = {
	[PROVIDER_OK] = "ok",	      [PROVIDER_DENIED] = "denied",
	[PROVIDER_ABSENT] = "absent", [PROVIDER_UNREACHABLE] = "unreachable",
	[PROVIDER_BADREQ] = "badreq", [PROVIDER_UNASKED] = "unasked",
};

static const char *const actions[PROVIDER_ACTIONS] = {
	[PROVIDER_INFO] = "info",
	[PROVIDER_STATUS] = "status",
	[PROVIDER_WRAP] = "wrap",
	[PROVIDER_UNWRAP] = "unwrap",
};

void provider_key_free(struct provider_key *key)
{
	blob_free(&key->spki);
}

void provider_request_free(struct provider_request *request)
{
	blob_free(&request->wrapped);
}

void provider_answer_free(struct provider_answer *answer)
{
	provider_key_free(&answer->key);
	blob_free(&answer->wrapped);
}

static void make_ascii(char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
}

void provider_answer_fail(struct provider_answer *answer, enum provider_outcome outcome,
			  const char *format, ...)
{
	va_list args;

	answer->outcome = outcome;
	va_start(args, format);
	vsnprintf(answer->detail, sizeof(answer->detail), format, args);
	va_end(args);
	make_ascii(answer->detail);
}

static void request_members(struct members *m, void *data)
{
	static const char *const from[] = {FROM_HEADER};
	struct provider_request *request = data;
	bool wrap = request->action == PROVIDER_WRAP, unwrap = request->action == PROVIDER_UNWRAP;

	member_text(m, "uri", request->uri, sizeof(request->uri));
	/* A provider that does not know the member refuses, which is right. */
	request->from_header = member_is_there(m, "from", request->from_header);
	if (request->from_header)
		member_name(m, "from", 0, from, ARRAY_SIZE(from));
	if (wrap || unwrap)
		member_text(m, "alg", request->alg, sizeof(request->alg));
	if (wrap)
		member_number(m, "size", &request->size, 1, PROVIDER_KEY_MAX);
	if (unwrap)
		member_blob(m, "wrapped", &request->wrapped);
}

char *provider_request_encode(const struct provider_request *request)
{
	struct provider_request copy = *request;

	return members_format(actions[request->action], request_members, &copy);
}

int provider_request_decode(const char *text, struct provider_request *ret)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct members m;

	*ret = (struct provider_request){0};
	object = members_read(&m, text);
	if (!object)
		return m.error;
	while (ret->action < PROVIDER_ACTIONS && strcmp(m.type, actions[ret->action]))
		ret->action++;
	if (ret->action == PROVIDER_ACTIONS)
		return m.error ?: -ENOTSUP;
	request_members(&m, ret);
	return members_close(&m);
}

/* A text from a foreign library. */
static void member_ascii(struct members *m, const char *key, char *text, size_t size)
{
	member_text(m, key, text, size);
	if (!m->writing)
		make_ascii(text);
}

static void key_members(struct members *m, struct provider_key *key)
{
	bool recoverable = key->recoverable == PROVIDER_RECOVERABLE;

	member_text(m, "alg", key->alg, sizeof(key->alg));
	if (member_is_there(m, "spki", key->spki.size))
		member_blob(m, "spki", &key->spki);
	member_number(m, "bits", &key->bits, 1, 65536);
	member_ascii(m, "token", key->token, sizeof(key->token));
	key->extractable = member_bool(m, "extractable", key->extractable);
	if (member_is_there(m, "end-date", *key->end_date))
		member_ascii(m, "end-date", key->end_date, sizeof(key->end_date));
	if (member_is_there(m, "recoverable", key->recoverable != PROVIDER_RECOVERY_UNKNOWN))
		key->recoverable = member_bool(m, "recoverable", recoverable)
					   ? PROVIDER_RECOVERABLE
					   : PROVIDER_LOST_AT_ONCE;
}

/* What the answer "ok" to @action has beside. */
static void result_members(struct members *m, enum provider_action action,
			   struct provider_answer *answer)
{
	if (action == PROVIDER_INFO)
		key_members(m, &answer->key);
	if (action == PROVIDER_WRAP)
		member_blob(m, "wrapped", &answer->wrapped);
	if (action == PROVIDER_UNWRAP)
		member_number(m, "size", &answer->size, 1, PROVIDER_KEY_MAX);
}

char *provider_answer_encode(enum provider_action action, const struct provider_answer *answer)
{
	struct provider_answer copy = *answer;
	struct members m = members_write("answer");

	members_put_text(&m, "outcome", provider_outcome_names[answer->outcome]);
	if (*answer->detail)
		members_put_text(&m, "detail", answer->detail);
	if (answer->outcome == PROVIDER_OK)
		result_members(&m, action, &copy);
	return members_text(&m);
}

int provider_answer_decode(enum provider_action action, const char *text,
			   struct provider_answer *ret)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct members m;
	int outcome;

	*ret = (struct provider_answer){.outcome = PROVIDER_UNREACHABLE};
	object = members_read(&m, text);
	if (!object)
		return m.error;
	if (strcmp(m.type, "answer") != 0)
		members_fail(&m, -EBADMSG);
	/* A provider cannot say "unasked". */
	outcome = member_name(&m, "outcome", 0, provider_outcome_names, PROVIDER_UNASKED);
	if (member_is_there(&m, "detail", false))
		snprintf(ret->detail, sizeof(ret->detail), "%s", members_take_text(&m, "detail"));
	make_ascii(ret->detail);
	if (outcome == PROVIDER_OK)
		result_members(&m, action, ret);
	if (members_close(&m) == 0)
		ret->outcome = (enum provider_outcome)outcome;
	return m.error;
}

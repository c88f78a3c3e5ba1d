// SPDX-License-Identifier: LGPL-2.1-or-later
/* Writing requests to providers and their answers as JSON, and reading them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "custody/provider_wire.h"

#define FROM_HEADER "header"

static const char *const outcomes[PROVIDER_OUTCOMES] = {
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

const char *provider_outcome_name(enum provider_outcome outcome)
{
	return outcomes[outcome];
}

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

/* The index of @text in @names, or @n. */
static size_t index_of(const char *text, const char *const *names, size_t n)
{
	size_t i = 0;

	while (i < n && strcmp(text, names[i]) != 0)
		i++;
	return i;
}

static bool has(const struct reader *r, const char *name)
{
	return json_object_object_get_ex(r->object, name, NULL);
}

static struct writer write_object(const char *type)
{
	struct writer w = {.object = json_object_new_object()};

	writer_string(&w, "type", type);
	writer_number(&w, "version", 1);
	return w;
}

char *provider_request_encode(const struct provider_request *request)
{
	struct writer w = write_object(actions[request->action]);

	writer_string(&w, "uri", request->uri);
	/* A provider that does not know the member refuses, which is right. */
	if (request->from_header)
		writer_string(&w, "from", FROM_HEADER);
	if (request->action == PROVIDER_WRAP || request->action == PROVIDER_UNWRAP)
		writer_string(&w, "alg", request->alg);
	if (request->action == PROVIDER_WRAP)
		writer_number(&w, "size", request->size);
	if (request->action == PROVIDER_UNWRAP)
		writer_blob(&w, "wrapped", &request->wrapped);
	return writer_close(&w);
}

int provider_request_decode(const char *text, struct provider_request *ret)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct reader r;
	size_t action;

	*ret = (struct provider_request){0};
	object = reader_open(&r, text);
	if (!object)
		return r.error;
	action = index_of(r.type, actions, PROVIDER_ACTIONS);
	if (action == PROVIDER_ACTIONS)
		return r.error ?: -ENOTSUP;
	ret->action = (enum provider_action)action;
	reader_text(&r, "uri", ret->uri, sizeof(ret->uri));
	ret->from_header = has(&r, "from");
	if (ret->from_header && strcmp(reader_string(&r, "from"), FROM_HEADER) != 0)
		reader_fail(&r, -EBADMSG);
	if (ret->action == PROVIDER_WRAP || ret->action == PROVIDER_UNWRAP)
		reader_text(&r, "alg", ret->alg, sizeof(ret->alg));
	if (ret->action == PROVIDER_WRAP)
		ret->size = reader_number(&r, "size", 1, PROVIDER_KEY_MAX);
	if (ret->action == PROVIDER_UNWRAP)
		reader_blob(&r, "wrapped", &ret->wrapped);
	return reader_close(&r);
}

static void write_key(struct writer *w, const struct provider_key *key)
{
	writer_string(w, "alg", key->alg);
	if (key->spki.size)
		writer_blob(w, "spki", &key->spki);
	writer_number(w, "bits", key->bits);
	writer_string(w, "token", key->token);
	writer_put(w, "extractable", json_object_new_boolean(key->extractable));
	if (*key->end_date)
		writer_string(w, "end-date", key->end_date);
	if (key->recoverable != PROVIDER_RECOVERY_UNKNOWN)
		writer_put(w, "recoverable",
			   json_object_new_boolean(key->recoverable == PROVIDER_RECOVERABLE));
}

static void read_key(struct reader *r, struct provider_key *key)
{
	struct json_object *extractable;

	reader_text(r, "alg", key->alg, sizeof(key->alg));
	if (has(r, "spki"))
		reader_blob(r, "spki", &key->spki);
	key->bits = reader_number(r, "bits", 1, 65536);
	reader_text(r, "token", key->token, sizeof(key->token));
	make_ascii(key->token);
	extractable = reader_take(r, "extractable", json_type_boolean);
	key->extractable = !extractable || json_object_get_boolean(extractable);
	if (has(r, "end-date"))
		reader_text(r, "end-date", key->end_date, sizeof(key->end_date));
	make_ascii(key->end_date);
	if (has(r, "recoverable"))
		key->recoverable =
			json_object_get_boolean(reader_take(r, "recoverable", json_type_boolean))
				? PROVIDER_RECOVERABLE
				: PROVIDER_LOST_AT_ONCE;
}

char *provider_answer_encode(enum provider_action action, const struct provider_answer *answer)
{
	struct writer w = write_object("answer");

	writer_string(&w, "outcome", outcomes[answer->outcome]);
	if (*answer->detail)
		writer_string(&w, "detail", answer->detail);
	if (answer->outcome == PROVIDER_OK && action == PROVIDER_INFO)
		write_key(&w, &answer->key);
	if (answer->outcome == PROVIDER_OK && action == PROVIDER_WRAP)
		writer_blob(&w, "wrapped", &answer->wrapped);
	if (answer->outcome == PROVIDER_OK && action == PROVIDER_UNWRAP)
		writer_number(&w, "size", answer->size);
	return writer_close(&w);
}

int provider_answer_decode(enum provider_action action, const char *text,
			   struct provider_answer *ret)
{
	_cleanup_json_ struct json_object *object = NULL;
	struct reader r;
	size_t outcome;

	*ret = (struct provider_answer){.outcome = PROVIDER_UNREACHABLE};
	object = reader_open(&r, text);
	if (!object)
		return r.error;
	if (strcmp(r.type, "answer") != 0)
		reader_fail(&r, -EBADMSG);
	/* A provider cannot say "unasked". */
	outcome = index_of(reader_string(&r, "outcome"), outcomes, PROVIDER_UNASKED);
	if (outcome == PROVIDER_UNASKED)
		reader_fail(&r, -EBADMSG);
	if (has(&r, "detail"))
		snprintf(ret->detail, sizeof(ret->detail), "%s", reader_string(&r, "detail"));
	make_ascii(ret->detail);
	if (outcome == PROVIDER_OK && action == PROVIDER_INFO)
		read_key(&r, &ret->key);
	if (outcome == PROVIDER_OK && action == PROVIDER_WRAP)
		reader_blob(&r, "wrapped", &ret->wrapped);
	if (outcome == PROVIDER_OK && action == PROVIDER_UNWRAP)
		ret->size = reader_number(&r, "size", 1, PROVIDER_KEY_MAX);
	if (reader_close(&r) == 0)
		ret->outcome = (enum provider_outcome)outcome;
	return r.error;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The token "fve-policy" to JSON and back: a policy key with the boot chains that it approved. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "header/slots.h"
#include "keys/token.h"
#include "keys/token_json.h"

static int pcr_values_parse(struct json_object *object, struct pcr_values *ret)
{
	json_object_object_foreach (object, key, value) {
		uint32_t mask;

		/* One number each, and no two of the same: "4" and "04" would be. */
		if (pcr_mask_parse(key, &mask) < 0 || __builtin_popcount(mask) != 1 ||
		    ret->mask & mask || !json_object_is_type(value, json_type_string) ||
		    hex_decode(json_object_get_string(value), ret->value[__builtin_ctz(mask)],
			       SHA256_SIZE) < 0)
			return -EBADMSG;
		ret->mask |= mask;
	}
	return ret->mask ? 0 : -EBADMSG;
}

/* Each is the PCR's number and the start of a digest. */
static int events_parse(const struct blob *blob, struct policy_events *ret)
{
	const size_t size = 1 + POLICY_EVENT_DIGEST_SIZE;

	if (blob->size % size || blob->size / size > POLICY_EVENTS_MAX)
		return -EBADMSG;
	ret->n = blob->size / size;
	for (size_t i = 0; i < ret->n; i++) {
		ret->list[i].pcr = blob->data[i * size];
		memcpy(ret->list[i].digest, blob->data + i * size + 1, POLICY_EVENT_DIGEST_SIZE);
		if (ret->list[i].pcr >= PCR_COUNT)
			return -EBADMSG;
	}
	return 0;
}

static int approval_parse(struct json_object *object, struct token_approval *ret)
{
	struct reader r = {.object = object};
	struct json_object *pcrs;
	uint8_t signature[2 * P256_SIZE];
	_cleanup_blob_ struct blob events = {0};

	if (!json_object_is_type(object, json_type_object))
		return -EBADMSG;
	reader_head(&r, &ret->head);
	ret->policy.limit = reader_number64(&r, "limit", 0, INT64_MAX);
	reader_hex(&r, "signature", signature, sizeof(signature));
	reader_blob(&r, "events", &events);
	reader_fail(&r, events_parse(&events, &ret->events));
	pcrs = reader_take(&r, "pcrs", json_type_object);
	if (pcrs)
		reader_fail(&r, pcr_values_parse(pcrs, &ret->policy.pcrs));
	if (reader_close(&r) < 0)
		return r.error;
	memcpy(ret->policy.signature.r, signature, P256_SIZE);
	memcpy(ret->policy.signature.s, signature + P256_SIZE, P256_SIZE);
	return 0;
}

static void lockout_parse(struct reader *r, struct token_lockout *lockout)
{
	lockout->there = json_object_object_get_ex(r->object, "lockout_tries", NULL);
	if (!lockout->there)
		return;
	lockout->max_tries = reader_number(r, "lockout_tries", 0, UINT32_MAX);
	lockout->interval_s = reader_number(r, "lockout_interval", 0, UINT32_MAX);
	reader_blob(r, "lockout_auth", &lockout->auth);
}

int token_policy_parse(const char *json, struct token_policy *ret)
{
	_cleanup_token_policy_ struct token_policy token = {0};
	struct reader r;
	_cleanup_json_ struct json_object *root = reader_open(&r, json);
	struct json_object *approvals;
	uint8_t key[2 * P256_SIZE];

	if (!root)
		return r.error;
	reader_no_slots(&r);
	token.generation = reader_generation(&r);
	reader_hex(&r, "srk", token.srk.data, sizeof(token.srk.data));
	reader_hex(&r, "key", key, sizeof(key));
	reader_blob(&r, "private", &token.private);
	token.counter = reader_number(&r, "counter", 0, UINT32_MAX);
	lockout_parse(&r, &token.lockout);
	approvals = reader_take(&r, "approvals", json_type_array);
	if (reader_close(&r) < 0)
		return r.error;
	memcpy(token.public.x, key, P256_SIZE);
	memcpy(token.public.y, key + P256_SIZE, P256_SIZE);
	token.n_approvals = json_object_array_length(approvals);
	if (token.n_approvals > TOKEN_APPROVALS_MAX)
		return -EBADMSG;
	token.approvals = calloc(token.n_approvals + 1, sizeof(*token.approvals));
	if (!token.approvals)
		return -ENOMEM;
	for (size_t i = 0; i < token.n_approvals; i++) {
		int error = approval_parse(json_object_array_get_idx(approvals, i),
					   &token.approvals[i]);

		if (error < 0)
			return error;
	}
	*ret = token;
	token = (struct token_policy){0};
	return 0;
}

static void writer_events(struct writer *w, const char *key, const struct policy_events *events)
{
	uint8_t bytes[POLICY_EVENTS_MAX * (1 + POLICY_EVENT_DIGEST_SIZE)];
	struct blob blob = {bytes, 0};

	for (size_t i = 0; i < events->n; i++) {
		bytes[blob.size++] = events->list[i].pcr;
		memcpy(bytes + blob.size, events->list[i].digest, POLICY_EVENT_DIGEST_SIZE);
		blob.size += POLICY_EVENT_DIGEST_SIZE;
	}
	writer_blob(w, key, &blob);
}

static struct json_object *approval_format(const struct token_approval *approval)
{
	const struct pcr_values *pcrs = &approval->policy.pcrs;
	struct writer w = {.object = json_object_new_object()};
	struct writer values = {.object = json_object_new_object()};
	uint8_t signature[2 * P256_SIZE];
	char key[12];

	memcpy(signature, approval->policy.signature.r, P256_SIZE);
	memcpy(signature + P256_SIZE, approval->policy.signature.s, P256_SIZE);
	for (int i = 0; i < PCR_COUNT; i++) {
		if (!(pcrs->mask & 1u << i))
			continue;
		snprintf(key, sizeof(key), "%d", i);
		writer_hex(&values, key, pcrs->value[i], SHA256_SIZE);
	}
	writer_head(&w, &approval->head);
	writer_put(&w, "pcrs", values.object);
	writer_number(&w, "limit", approval->policy.limit);
	writer_hex(&w, "signature", signature, sizeof(signature));
	writer_events(&w, "events", &approval->events);
	if (!w.failed && !values.failed)
		return w.object;
	json_object_put(w.object);
	return NULL;
}

char *token_policy_format(const struct token_policy *token)
{
	struct writer w = writer_open(TOKEN_TYPE_POLICY, -1);
	struct json_object *approvals = json_object_new_array();
	uint8_t key[2 * P256_SIZE];

	memcpy(key, token->public.x, P256_SIZE);
	memcpy(key + P256_SIZE, token->public.y, P256_SIZE);
	writer_generation(&w, token->generation);
	writer_hex(&w, "srk", token->srk.data, sizeof(token->srk.data));
	writer_hex(&w, "key", key, sizeof(key));
	writer_blob(&w, "private", &token->private);
	writer_number(&w, "counter", token->counter);
	if (token->lockout.there) {
		writer_number(&w, "lockout_tries", token->lockout.max_tries);
		writer_number(&w, "lockout_interval", token->lockout.interval_s);
		writer_blob(&w, "lockout_auth", &token->lockout.auth);
	}
	writer_put(&w, "approvals", approvals);
	for (size_t i = 0; i < token->n_approvals && !w.failed; i++) {
		struct json_object *approval = approval_format(&token->approvals[i]);

		if (!approval || json_object_array_add(approvals, approval) < 0) {
			json_object_put(approval);
			w.failed = true;
		}
	}
	return writer_close(&w);
}

void token_policy_free(struct token_policy *token)
{
	blob_free(&token->private);
	blob_free(&token->lockout.auth);
	free(token->approvals);
	token->approvals = NULL;
	token->n_approvals = 0;
}

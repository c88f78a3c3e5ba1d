// SPDX-License-Identifier: LGPL-2.1-or-later
/* Tokens to JSON and back. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "token.h"

#define TOKEN_VERSION  1

#define GENERATION_MAX INT32_MAX /* what fits json_object_new_int() */

static void json_putp(struct json_object **object)
{
	json_object_put(*object);
}

#define _cleanup_json_ __attribute__((cleanup(json_putp)))

/*
 * Reading: each member is taken exactly once, so that at the end the number taken tells
 * whether there is one that nobody knows. The first fault is remembered, the rest read on.
 */
struct reader {
	struct json_object *object; /* borrowed */
	int taken;
	int error; /* 0, -EBADMSG, -ENOTSUP or -ENOMEM */
};

static void reader_fail(struct reader *r, int error)
{
	if (!r->error)
		r->error = error;
}

static struct json_object *take(struct reader *r, const char *key, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_object_get_ex(r->object, key, &value) ||
	    !json_object_is_type(value, type)) {
		reader_fail(r, -EBADMSG);
		return NULL;
	}
	r->taken++;
	return value;
}

/* A string member; "" after a fault, so that callers need no test of their own. */
static const char *take_string(struct reader *r, const char *key)
{
	struct json_object *value = take(r, key, json_type_string);

	return value ? json_object_get_string(value) : "";
}

static void take_text(struct reader *r, const char *key, char *ret, size_t size)
{
	const char *text = take_string(r, key);

	if (strlen(text) >= size)
		reader_fail(r, -EBADMSG);
	else
		strcpy(ret, text);
}

static void take_hex(struct reader *r, const char *key, void *ret, size_t size)
{
	if (hex_decode(take_string(r, key), ret, size) < 0)
		reader_fail(r, -EBADMSG);
}

static void take_blob(struct reader *r, const char *key, struct blob *ret)
{
	int error = base64_decode(take_string(r, key), ret);

	if (error)
		reader_fail(r, error == -ENOMEM ? error : -EBADMSG);
}

static uint32_t take_generation(struct reader *r)
{
	struct json_object *value = take(r, "generation", json_type_int);
	int64_t generation = value ? json_object_get_int64(value) : 0;

	if (generation < 1 || generation > GENERATION_MAX)
		reader_fail(r, -EBADMSG);
	return (uint32_t)generation;
}

static void take_time(struct reader *r, const char *key, char ret[TOKEN_TIME_LENGTH + 1])
{
	struct tm tm;
	const char *end;

	take_text(r, key, ret, TOKEN_TIME_LENGTH + 1);
	end = strptime(ret, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (!end || *end)
		reader_fail(r, -EBADMSG);
}

static void take_head(struct reader *r, struct token_head *head)
{
	uint8_t id[TOKEN_ID_LENGTH / 2];

	take_text(r, "id", head->id, sizeof(head->id));
	if (hex_decode(head->id, id, sizeof(id)) < 0)
		reader_fail(r, -EBADMSG);
	take_text(r, "label", head->label, sizeof(head->label));
	take_time(r, "created", head->created);
}

/* The one keyslot that the token names, as a number. */
static int take_slot(struct reader *r)
{
	struct json_object *slots = take(r, "keyslots", json_type_array);
	const char *text;
	char *end;
	long slot;

	if (!slots || json_object_array_length(slots) != 1) {
		reader_fail(r, -EBADMSG);
		return -1;
	}
	text = json_object_get_string(json_object_array_get_idx(slots, 0));
	slot = text ? strtol(text, &end, 10) : -1;
	if (slot < 0 || slot > 31 || end == text || *end) { /* LUKS2: at most 32 keyslots */
		reader_fail(r, -EBADMSG);
		return -1;
	}
	return (int)slot;
}

static void take_no_slots(struct reader *r)
{
	struct json_object *slots = take(r, "keyslots", json_type_array);

	if (slots && json_object_array_length(slots) != 0)
		reader_fail(r, -EBADMSG);
}

/* Start reading a token: parse the text, take type and version. */
static struct json_object *reader_open(struct reader *r, const char *json)
{
	struct json_object *root = json_tokener_parse(json), *version;

	*r = (struct reader){.object = root};
	if (!root || !json_object_is_type(root, json_type_object)) {
		json_object_put(root);
		r->error = -EBADMSG;
		return NULL;
	}
	take_string(r, "type");
	version = take(r, "version", json_type_int);
	if (version && json_object_get_int(version) != TOKEN_VERSION)
		reader_fail(r, -ENOTSUP);
	return root;
}

static int reader_close(struct reader *r)
{
	if (r->taken != json_object_object_length(r->object))
		reader_fail(r, -EBADMSG);
	return r->error;
}

int token_vmk_parse(const char *json, struct token_vmk *ret)
{
	_cleanup_token_vmk_ struct token_vmk token = {0};
	struct reader r;
	_cleanup_json_ struct json_object *root = reader_open(&r, json);

	if (!root)
		return r.error;
	token.slot = take_slot(&r);
	token.generation = take_generation(&r);
	take_blob(&r, "vmk", &token.vmk);
	if (reader_close(&r) < 0)
		return r.error;
	*ret = token;
	token = (struct token_vmk){0};
	return 0;
}

int token_person_parse(const char *json, struct token_person *ret)
{
	struct token_person token = {0};
	struct reader r;
	_cleanup_json_ struct json_object *root = reader_open(&r, json);

	if (!root)
		return r.error;
	token.slot = take_slot(&r);
	take_head(&r, &token.head);
	if (reader_close(&r) < 0)
		return r.error;
	*ret = token;
	return 0;
}

int token_tpm2_parse(const char *json, struct token_tpm2 *ret)
{
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	struct reader r;
	_cleanup_json_ struct json_object *root = reader_open(&r, json);

	if (!root)
		return r.error;
	take_no_slots(&r);
	take_head(&r, &token.head);
	token.generation = take_generation(&r);
	take_blob(&r, "vmk", &token.vmk);
	take_blob(&r, "kek", &token.kek);
	take_hex(&r, "srk", token.srk.data, sizeof(token.srk.data));
	take_blob(&r, "public", &token.sealed.public);
	take_blob(&r, "private", &token.sealed.private);
	if (reader_close(&r) < 0)
		return r.error;
	*ret = token;
	token = (struct token_tpm2){0};
	return 0;
}

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

static int approval_parse(struct json_object *object, struct token_approval *ret)
{
	struct reader r = {.object = object};
	struct json_object *pcrs;
	uint8_t signature[2 * P256_SIZE];

	if (!json_object_is_type(object, json_type_object))
		return -EBADMSG;
	take_text(&r, "label", ret->label, sizeof(ret->label));
	take_time(&r, "created", ret->created);
	take_hex(&r, "signature", signature, sizeof(signature));
	pcrs = take(&r, "pcrs", json_type_object);
	if (pcrs)
		reader_fail(&r, pcr_values_parse(pcrs, &ret->policy.pcrs));
	if (reader_close(&r) < 0)
		return r.error;
	memcpy(ret->policy.signature.r, signature, P256_SIZE);
	memcpy(ret->policy.signature.s, signature + P256_SIZE, P256_SIZE);
	return 0;
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
	take_no_slots(&r);
	token.generation = take_generation(&r);
	take_hex(&r, "key", key, sizeof(key));
	take_blob(&r, "private", &token.private);
	approvals = take(&r, "approvals", json_type_array);
	if (reader_close(&r) < 0)
		return r.error;
	memcpy(token.public.x, key, P256_SIZE);
	memcpy(token.public.y, key + P256_SIZE, P256_SIZE);
	token.n_approvals = json_object_array_length(approvals);
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

/* Writing: a builder whose first failure turns the result into NULL. */
struct writer {
	struct json_object *object;
	bool failed;
};

static void put(struct writer *w, const char *key, struct json_object *value)
{
	if (!value || !w->object || json_object_object_add(w->object, key, value) < 0) {
		json_object_put(value);
		w->failed = true;
	}
}

static void put_string(struct writer *w, const char *key, const char *text)
{
	put(w, key, text ? json_object_new_string(text) : NULL);
}

static void put_hex(struct writer *w, const char *key, const void *data, size_t size)
{
	_cleanup_free_ char *text = hex_encode(data, size);

	put_string(w, key, text);
}

static void put_blob(struct writer *w, const char *key, const struct blob *blob)
{
	_cleanup_free_ char *text = base64_encode(blob);

	put_string(w, key, text);
}

/* @slot < 0: no keyslot. */
static struct writer writer_open(const char *type, int slot)
{
	struct writer w = {.object = json_object_new_object()};
	struct json_object *slots = json_object_new_array();
	char text[12];

	put_string(&w, "type", type);
	put(&w, "keyslots", slots);
	if (slot >= 0) {
		snprintf(text, sizeof(text), "%d", slot);
		if (w.failed || json_object_array_add(slots, json_object_new_string(text)) < 0)
			w.failed = true;
	}
	put(&w, "version", json_object_new_int(TOKEN_VERSION));
	return w;
}

static char *writer_close(struct writer *w)
{
	char *text = NULL;

	if (!w->failed)
		text = strdup(json_object_to_json_string_ext(w->object, JSON_C_TO_STRING_PLAIN));
	json_object_put(w->object);
	return text;
}

static void put_head(struct writer *w, const struct token_head *head)
{
	put_string(w, "id", head->id);
	put_string(w, "label", head->label);
	put_string(w, "created", head->created);
}

static void put_generation(struct writer *w, uint32_t generation)
{
	put(w, "generation", json_object_new_int((int32_t)generation));
}

char *token_vmk_format(const struct token_vmk *token)
{
	struct writer w = writer_open("fve-vmk", token->slot);

	put_generation(&w, token->generation);
	put_blob(&w, "vmk", &token->vmk);
	return writer_close(&w);
}

char *token_person_format(const struct token_person *token, const char *type)
{
	struct writer w = writer_open(type, token->slot);

	put_head(&w, &token->head);
	return writer_close(&w);
}

char *token_tpm2_format(const struct token_tpm2 *token)
{
	struct writer w = writer_open("fve-tpm2", -1);

	put_head(&w, &token->head);
	put_generation(&w, token->generation);
	put_blob(&w, "vmk", &token->vmk);
	put_blob(&w, "kek", &token->kek);
	put_hex(&w, "srk", token->srk.data, sizeof(token->srk.data));
	put_blob(&w, "public", &token->sealed.public);
	put_blob(&w, "private", &token->sealed.private);
	return writer_close(&w);
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
		put_hex(&values, key, pcrs->value[i], SHA256_SIZE);
	}
	put_string(&w, "label", approval->label);
	put_string(&w, "created", approval->created);
	put(&w, "pcrs", values.object);
	put_hex(&w, "signature", signature, sizeof(signature));
	if (!w.failed && !values.failed)
		return w.object;
	json_object_put(w.object);
	return NULL;
}

char *token_policy_format(const struct token_policy *token)
{
	struct writer w = writer_open("fve-policy", -1);
	struct json_object *approvals = json_object_new_array();
	uint8_t key[2 * P256_SIZE];

	memcpy(key, token->public.x, P256_SIZE);
	memcpy(key + P256_SIZE, token->public.y, P256_SIZE);
	put_generation(&w, token->generation);
	put_hex(&w, "key", key, sizeof(key));
	put_blob(&w, "private", &token->private);
	put(&w, "approvals", approvals);
	for (size_t i = 0; i < token->n_approvals && !w.failed; i++) {
		struct json_object *approval = approval_format(&token->approvals[i]);

		if (!approval || json_object_array_add(approvals, approval) < 0) {
			json_object_put(approval);
			w.failed = true;
		}
	}
	return writer_close(&w);
}

void token_vmk_free(struct token_vmk *token)
{
	blob_free(&token->vmk);
}

void token_tpm2_free(struct token_tpm2 *token)
{
	blob_free(&token->vmk);
	blob_free(&token->kek);
	tpm_sealed_free(&token->sealed);
}

void token_policy_free(struct token_policy *token)
{
	blob_free(&token->private);
	free(token->approvals);
	token->approvals = NULL;
	token->n_approvals = 0;
}

int token_head_init(struct token_head *head, const char *label)
{
	_cleanup_secret_ struct secret *random = secret_random(TOKEN_ID_LENGTH / 2);
	_cleanup_free_ char *id = random ? hex_encode(random->data, random->size) : NULL;

	if (!id)
		return -ENOMEM;
	if (strlen(label) > TOKEN_LABEL_MAX)
		return -EINVAL;
	strcpy(head->id, id);
	strcpy(head->label, label);
	return token_time_now(head->created);
}

int token_time_now(char ret[TOKEN_TIME_LENGTH + 1])
{
	time_t now = time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm) ||
	    strftime(ret, TOKEN_TIME_LENGTH + 1, "%Y-%m-%dT%H:%M:%SZ", &tm) != TOKEN_TIME_LENGTH)
		return -EOVERFLOW;
	return 0;
}

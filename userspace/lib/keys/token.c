// SPDX-License-Identifier: LGPL-2.1-or-later
/* Tokens to JSON and back. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "header/header.h"
#include "header/slots.h"
#include "keys/token.h"
#include "keys/token_json.h"

int token_vmk_parse(const char *json, struct token_vmk *ret)
{
	_cleanup_token_vmk_ struct token_vmk token = {0};
	struct reader r;
	_cleanup_json_ struct json_object *root = reader_open(&r, json);

	if (!root)
		return r.error;
	token.slot = reader_slot(&r);
	token.generation = reader_generation(&r);
	reader_blob(&r, "vmk", &token.vmk);
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
	token.slot = reader_slot(&r);
	reader_head(&r, &token.head);
	if (reader_close(&r) < 0)
		return r.error;
	*ret = token;
	return 0;
}

static void kdf_parse(struct json_object *object, struct reader *outer, struct kdf_argon2id *ret)
{
	struct reader r = {.object = object};

	if (strcmp(reader_string(&r, "type"), "argon2id"))
		reader_fail(&r, -EBADMSG);
	ret->time = reader_number(&r, "time", 1, KDF_TIME_MAX);
	ret->memory = reader_number(&r, "memory", KDF_MEMORY_MIN, KDF_MEMORY_MAX);
	ret->cpus = reader_number(&r, "cpus", 1, KDF_CPUS_MAX);
	reader_hex(&r, "salt", ret->salt, sizeof(ret->salt));
	if (reader_close(&r) < 0)
		reader_fail(outer, r.error);
}

/* One of the servers; the sizes are bounded, since whoever has the disk may write them. */
static int network_parse_one(struct json_object *object, struct token_network *ret)
{
	struct reader r = {.object = object};

	if (!json_object_is_type(object, json_type_object))
		return -EBADMSG;
	reader_text(&r, "uri", ret->uri, sizeof(ret->uri));
	reader_text(&r, "alg", ret->alg, sizeof(ret->alg));
	reader_blob(&r, "wrap", &ret->wrap);
	if (!*ret->uri || !ret->wrap.size || ret->wrap.size > TOKEN_NETWORK_WRAP)
		reader_fail(&r, -EBADMSG);
	return reader_close(&r);
}

static void network_parse(struct reader *r, struct token_tpm2 *ret)
{
	struct json_object *list = reader_take(r, "network", json_type_array);
	size_t n = list ? json_object_array_length(list) : 0;

	if (!n || n > TOKEN_NETWORK_MAX) {
		reader_fail(r, -EBADMSG);
		return;
	}
	for (; ret->n_network < n; ret->n_network++)
		reader_fail(r, network_parse_one(json_object_array_get_idx(list, ret->n_network),
						 &ret->network[ret->n_network]));
}

int token_tpm2_parse(const char *json, struct token_tpm2 *ret)
{
	_cleanup_token_tpm2_ struct token_tpm2 token = {0};
	struct reader r;
	_cleanup_json_ struct json_object *root = reader_open(&r, json);
	struct json_object *kdf;

	if (!root)
		return r.error;
	reader_no_slots(&r);
	reader_head(&r, &token.head);
	token.pin = !strcmp(r.type, "fve-tpm2-pin");
	token.suspended = !strcmp(r.type, "fve-suspended");
	if (token.pin) {
		kdf = reader_take(&r, "kdf", json_type_object);
		if (kdf)
			kdf_parse(kdf, &r, &token.kdf);
	}
	if (token.suspended)
		reader_boots(&r, &token.boots);
	if (!strcmp(r.type, "fve-tpm2-net"))
		network_parse(&r, &token);
	token.generation = reader_generation(&r);
	reader_blob(&r, "vmk", &token.vmk);
	reader_blob(&r, "kek", &token.kek);
	reader_hex(&r, "srk", token.srk.data, sizeof(token.srk.data));
	reader_blob(&r, "public", &token.sealed.public);
	reader_blob(&r, "private", &token.sealed.private);
	if (reader_close(&r) < 0)
		return r.error;
	*ret = token;
	token = (struct token_tpm2){0};
	return 0;
}

/* One of the two sources, and not both. */
static void source_parse(struct reader *r, struct token_auto *token)
{
	if (json_object_object_get_ex(r->object, "file", NULL)) {
		reader_text(r, "file", token->file, sizeof(token->file));
		if (*token->file != '/')
			reader_fail(r, -EBADMSG);
	} else {
		reader_uuid(r, "volume", token->volume);
	}
}

int token_auto_parse(const char *json, struct token_auto *ret)
{
	_cleanup_token_auto_ struct token_auto token = {0};
	struct reader r;
	_cleanup_json_ struct json_object *root = reader_open(&r, json);

	if (!root)
		return r.error;
	reader_no_slots(&r);
	reader_head(&r, &token.head);
	token.generation = reader_generation(&r);
	reader_blob(&r, "vmk", &token.vmk);
	reader_blob(&r, "kek", &token.kek);
	source_parse(&r, &token);
	if (reader_close(&r) < 0)
		return r.error;
	*ret = token;
	token = (struct token_auto){0};
	return 0;
}

static const char *const wrap_names[WRAP_MAX] = {
	[WRAP_ROOT_A] = "a",
	[WRAP_ROOT_B] = "b",
	[WRAP_AVAILABILITY] = "availability",
};

static void wrap_parse(struct reader *outer, enum wrap_key which, struct token_wrap *ret)
{
	struct json_object *object = reader_take(outer, wrap_names[which], json_type_object);
	struct reader r = {.object = object};

	if (!object)
		return;
	if (which != WRAP_AVAILABILITY) {
		reader_text(&r, "uri", ret->uri, sizeof(ret->uri));
		if (!*ret->uri)
			reader_fail(&r, -EBADMSG);
	}
	reader_text(&r, "alg", ret->alg, sizeof(ret->alg));
	reader_hex(&r, "key", ret->key, sizeof(ret->key));
	reader_blob(&r, "wrap", &ret->wrap);
	if (reader_close(&r) < 0)
		reader_fail(outer, r.error);
}

/* The members of a tenant; only a tenant has no wrap for an availability key. */
static void factor_parse(struct reader *r, struct token_customer *ret)
{
	bool tenant = json_object_object_get_ex(r->object, "factor", NULL);
	bool none = tenant && !json_object_object_get_ex(r->object, "availability", NULL);

	if (!none)
		wrap_parse(r, WRAP_AVAILABILITY, &ret->wraps[WRAP_AVAILABILITY]);
	if (!tenant)
		return;
	reader_blob(r, "factor", &ret->factor);
	if (!none)
		reader_blob(r, "factor_availability", &ret->factor_availability);
	if (!none && json_object_object_get_ex(r->object, "own", NULL))
		reader_blob(r, "own", &ret->own);
	if (!ret->factor.size || (!none && !ret->factor_availability.size))
		reader_fail(r, -EBADMSG);
}

int token_customer_parse(const char *json, struct token_customer *ret)
{
	_cleanup_token_customer_ struct token_customer token = {0};
	struct reader r;
	_cleanup_json_ struct json_object *root = reader_open(&r, json);

	if (!root)
		return r.error;
	reader_no_slots(&r);
	reader_head(&r, &token.head);
	token.generation = reader_generation(&r);
	reader_blob(&r, "vmk", &token.vmk);
	reader_blob(&r, "kek", &token.kek);
	reader_uuid(&r, "policy", token.policy);
	token.policy_generation = reader_number(&r, "policy_generation", 1, INT32_MAX);
	for (int i = 0; i < WRAP_ROOTS; i++)
		wrap_parse(&r, (enum wrap_key)i, &token.wraps[i]);
	factor_parse(&r, &token);
	if (reader_close(&r) < 0)
		return r.error;
	*ret = token;
	token = (struct token_customer){0};
	return 0;
}

char *token_vmk_format(const struct token_vmk *token)
{
	struct writer w = writer_open(TOKEN_TYPE_VMK, token->slot);

	writer_generation(&w, token->generation);
	writer_blob(&w, "vmk", &token->vmk);
	return writer_close(&w);
}

char *token_person_format(const struct token_person *token, const char *type)
{
	struct writer w = writer_open(type, token->slot);

	writer_head(&w, &token->head);
	return writer_close(&w);
}

static struct json_object *kdf_format(const struct kdf_argon2id *kdf)
{
	struct writer w = {.object = json_object_new_object()};

	writer_string(&w, "type", "argon2id");
	writer_number(&w, "time", kdf->time);
	writer_number(&w, "memory", kdf->memory);
	writer_number(&w, "cpus", kdf->cpus);
	writer_hex(&w, "salt", kdf->salt, sizeof(kdf->salt));
	if (!w.failed)
		return w.object;
	json_object_put(w.object);
	return NULL;
}

static struct json_object *network_format(const struct token_tpm2 *token)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < token->n_network && list; i++) {
		struct writer w = {.object = json_object_new_object()};

		writer_string(&w, "uri", token->network[i].uri);
		writer_string(&w, "alg", token->network[i].alg);
		writer_blob(&w, "wrap", &token->network[i].wrap);
		if (w.failed || json_object_array_add(list, w.object) < 0) {
			json_object_put(w.object);
			json_object_put(list);
			return NULL;
		}
	}
	return list;
}

char *token_tpm2_format(const struct token_tpm2 *token, const char *type)
{
	struct writer w = writer_open(type, -1);

	writer_head(&w, &token->head);
	if (token->pin)
		writer_put(&w, "kdf", kdf_format(&token->kdf));
	if (token->suspended)
		writer_boots(&w, &token->boots);
	if (token->n_network)
		writer_put(&w, "network", network_format(token));
	writer_generation(&w, token->generation);
	writer_blob(&w, "vmk", &token->vmk);
	writer_blob(&w, "kek", &token->kek);
	writer_hex(&w, "srk", token->srk.data, sizeof(token->srk.data));
	writer_blob(&w, "public", &token->sealed.public);
	writer_blob(&w, "private", &token->sealed.private);
	return writer_close(&w);
}

char *token_auto_format(const struct token_auto *token)
{
	struct writer w = writer_open("fve-auto", -1);

	writer_head(&w, &token->head);
	writer_generation(&w, token->generation);
	writer_blob(&w, "vmk", &token->vmk);
	writer_blob(&w, "kek", &token->kek);
	if (*token->file)
		writer_string(&w, "file", token->file);
	else
		writer_string(&w, "volume", token->volume);
	return writer_close(&w);
}

static struct json_object *wrap_format(const struct token_wrap *wrap)
{
	struct writer w = {.object = json_object_new_object()};

	if (*wrap->uri)
		writer_string(&w, "uri", wrap->uri);
	writer_string(&w, "alg", wrap->alg);
	writer_hex(&w, "key", wrap->key, sizeof(wrap->key));
	writer_blob(&w, "wrap", &wrap->wrap);
	if (!w.failed)
		return w.object;
	json_object_put(w.object);
	return NULL;
}

char *token_customer_format(const struct token_customer *token)
{
	struct writer w = writer_open(TOKEN_TYPE_CUSTOMER, -1);

	writer_head(&w, &token->head);
	writer_generation(&w, token->generation);
	writer_blob(&w, "vmk", &token->vmk);
	writer_blob(&w, "kek", &token->kek);
	writer_string(&w, "policy", token->policy);
	writer_number(&w, "policy_generation", token->policy_generation);
	for (int i = 0; i < WRAP_MAX; i++)
		if (i < WRAP_ROOTS || token->wraps[i].wrap.size)
			writer_put(&w, wrap_names[i], wrap_format(&token->wraps[i]));
	if (token->factor.size)
		writer_blob(&w, "factor", &token->factor);
	if (token->factor_availability.size)
		writer_blob(&w, "factor_availability", &token->factor_availability);
	if (token->own.size)
		writer_blob(&w, "own", &token->own);
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
	for (size_t i = 0; i < TOKEN_NETWORK_MAX; i++)
		blob_free(&token->network[i].wrap);
}

void token_auto_free(struct token_auto *token)
{
	blob_free(&token->vmk);
	blob_free(&token->kek);
}

void token_customer_free(struct token_customer *token)
{
	blob_free(&token->vmk);
	blob_free(&token->kek);
	for (int i = 0; i < WRAP_MAX; i++)
		blob_free(&token->wraps[i].wrap);
	blob_free(&token->factor);
	blob_free(&token->factor_availability);
	blob_free(&token->own);
}

int token_check_label(const char *label)
{
	if (strlen(label) > TOKEN_LABEL_MAX)
		return log_errno(EINVAL, "a label has at most %d bytes", TOKEN_LABEL_MAX);
	return 0;
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
	strcpy(head->stored, label);
	strcpy(head->label, label);
	make_printable(head->label, "");
	return token_time_now(head->created);
}

int token_time_now(char ret[TIME_LENGTH + 1])
{
	return time_text(time(NULL), ret);
}

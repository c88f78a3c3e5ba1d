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

static void vmk_members(struct members *m, void *data)
{
	struct token_vmk *token = data;

	member_generation(m, &token->generation);
	member_blob(m, "vmk", &token->vmk);
}

int token_vmk_parse(const char *json, struct token_vmk *ret)
{
	return token_parse(json, &ret->slot, vmk_members, ret);
}

char *token_vmk_format(const struct token_vmk *token)
{
	struct token_vmk copy = *token;

	return token_format(TOKEN_TYPE_VMK, token->slot, vmk_members, &copy);
}

static void person_members(struct members *m, void *data)
{
	struct token_person *token = data;

	member_head(m, &token->head);
}

int token_person_parse(const char *json, struct token_person *ret)
{
	return token_parse(json, &ret->slot, person_members, ret);
}

char *token_person_format(const struct token_person *token, const char *type)
{
	struct token_person copy = *token;

	return token_format(type, token->slot, person_members, &copy);
}

static void kdf_members(struct members *outer, struct kdf_argon2id *kdf)
{
	static const char *const types[] = {"argon2id"};
	struct members m = member_object(outer, "kdf");

	member_name(&m, "type", 0, types, ARRAY_SIZE(types));
	member_number(&m, "time", &kdf->time, 1, KDF_TIME_MAX);
	member_number(&m, "memory", &kdf->memory, KDF_MEMORY_MIN, KDF_MEMORY_MAX);
	member_number(&m, "cpus", &kdf->cpus, 1, KDF_CPUS_MAX);
	member_hex(&m, "salt", kdf->salt, sizeof(kdf->salt));
	member_end(outer, &m);
}

/* The servers; the sizes are bounded, since whoever has the disk may write them. */
static void network_members(struct members *outer, struct token_tpm2 *token)
{
	struct json_object *list =
		member_array(outer, "network", &token->n_network, TOKEN_NETWORK_MAX);

	if (!token->n_network)
		members_fail(outer, -EBADMSG);
	for (size_t i = 0; i < token->n_network; i++) {
		struct token_network *server = &token->network[i];
		struct members m = element_object(outer, list, i);

		member_text(&m, "uri", server->uri, sizeof(server->uri));
		member_text(&m, "alg", server->alg, sizeof(server->alg));
		member_blob(&m, "wrap", &server->wrap);
		if (!m.writing &&
		    (!*server->uri || !server->wrap.size || server->wrap.size > TOKEN_NETWORK_WRAP))
			members_fail(&m, -EBADMSG);
		member_end(outer, &m);
	}
}

static void tpm2_members(struct members *m, void *data)
{
	struct token_tpm2 *token = data;

	member_head(m, &token->head);
	if (!m->writing) {
		token->pin = !strcmp(m->type, "fve-tpm2-pin");
		token->suspended = !strcmp(m->type, "fve-suspended");
	}
	if (token->pin)
		kdf_members(m, &token->kdf);
	if (token->suspended)
		member_boots(m, &token->boots);
	if (m->writing ? token->n_network : !strcmp(m->type, "fve-tpm2-net"))
		network_members(m, token);
	member_generation(m, &token->generation);
	member_blob(m, "vmk", &token->vmk);
	member_blob(m, "kek", &token->kek);
	member_hex(m, "srk", token->srk.data, sizeof(token->srk.data));
	member_blob(m, "public", &token->sealed.public);
	member_blob(m, "private", &token->sealed.private);
}

int token_tpm2_parse(const char *json, struct token_tpm2 *ret)
{
	return token_parse(json, NULL, tpm2_members, ret);
}

char *token_tpm2_format(const struct token_tpm2 *token, const char *type)
{
	struct token_tpm2 copy = *token;

	return token_format(type, -1, tpm2_members, &copy);
}

static void auto_members(struct members *m, void *data)
{
	struct token_auto *token = data;

	member_head(m, &token->head);
	member_generation(m, &token->generation);
	member_blob(m, "vmk", &token->vmk);
	member_blob(m, "kek", &token->kek);
	/* One of the two sources, and not both. */
	if (!member_is_there(m, "file", *token->file)) {
		member_uuid(m, "volume", token->volume);
		return;
	}
	member_text(m, "file", token->file, sizeof(token->file));
	if (*token->file != '/')
		members_fail(m, -EBADMSG);
}

int token_auto_parse(const char *json, struct token_auto *ret)
{
	return token_parse(json, NULL, auto_members, ret);
}

char *token_auto_format(const struct token_auto *token)
{
	struct token_auto copy = *token;

	return token_format("fve-auto", -1, auto_members, &copy);
}

static void wrap_members(struct members *outer, const char *key, struct token_wrap *wrap)
{
	struct members m = member_object(outer, key);

	/* The availability key has no URI. */
	if (strcmp(key, "availability")) {
		member_text(&m, "uri", wrap->uri, sizeof(wrap->uri));
		if (!*wrap->uri)
			members_fail(&m, -EBADMSG);
	}
	member_text(&m, "alg", wrap->alg, sizeof(wrap->alg));
	member_hex(&m, "key", wrap->key, sizeof(wrap->key));
	member_blob(&m, "wrap", &wrap->wrap);
	member_end(outer, &m);
}

/* The wrap for the availability key, which only a tenant may lack, and what else a tenant has. */
static void tenant_members(struct members *m, struct token_customer *token)
{
	struct token_wrap *wrap = &token->wraps[WRAP_AVAILABILITY];
	bool tenant = member_is_there(m, "factor", token->factor.size);
	bool availability = !tenant || member_is_there(m, "availability", wrap->wrap.size);

	if (availability)
		wrap_members(m, "availability", wrap);
	if (!tenant)
		return;
	member_blob(m, "factor", &token->factor);
	if (availability)
		member_blob(m, "factor_availability", &token->factor_availability);
	if (availability && member_is_there(m, "own", token->own.size))
		member_blob(m, "own", &token->own);
	if (!token->factor.size || (availability && !token->factor_availability.size))
		members_fail(m, -EBADMSG);
}

static void customer_members(struct members *m, void *data)
{
	struct token_customer *token = data;

	member_head(m, &token->head);
	member_generation(m, &token->generation);
	member_blob(m, "vmk", &token->vmk);
	member_blob(m, "kek", &token->kek);
	member_uuid(m, "policy", token->policy);
	member_number(m, "policy_generation", &token->policy_generation, 1, INT32_MAX);
	wrap_members(m, "a", &token->wraps[WRAP_ROOT_A]);
	wrap_members(m, "b", &token->wraps[WRAP_ROOT_B]);
	tenant_members(m, token);
}

int token_customer_parse(const char *json, struct token_customer *ret)
{
	return token_parse(json, NULL, customer_members, ret);
}

char *token_customer_format(const struct token_customer *token)
{
	struct token_customer copy = *token;

	return token_format(TOKEN_TYPE_CUSTOMER, -1, customer_members, &copy);
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

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Showing protectors; printing JSON. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "cli/show.h"
#include "header/mac.h"
#include "protector/concerns.h"
#include "protector/protector.h"

void show_protectors(const struct header *header)
{
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(header, list);

	printf("%-10s %-12s %-8s %-8s %-21s %s\n", "ID", "KIND", "KEYSLOT", "TOKEN", "CREATED",
	       "LABEL");
	for (int i = 0; i < n; i++) {
		const struct protector *p = &list[i];
		char slot[12] = "-", token[12] = "-";

		if (p->slot >= 0)
			snprintf(slot, sizeof(slot), "%d", p->slot);
		if (p->token >= 0)
			snprintf(token, sizeof(token), "%d", p->token);
		printf("%-10s %-12s %-8s %-8s %-21s %s%s%s%s\n", p->head.id,
		       protector_kind_name(p->kind), slot, token,
		       *p->head.created ? p->head.created : "-", p->head.label,
		       p->health != REASON_NONE ? " [" : "",
		       p->health != REASON_NONE ? reason_code(p->health) : "",
		       p->health != REASON_NONE ? "]" : "");
	}
}

/* A string, or null where there is none. */
static struct json_object *json_text(const char *text)
{
	return *text ? json_object_new_string(text) : NULL;
}

static struct json_object *json_number(int number)
{
	return number >= 0 ? json_object_new_int(number) : NULL;
}

struct json_object *json_protectors(const struct header *header)
{
	struct json_object *array = json_object_new_array();
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(header, list);

	for (int i = 0; i < n; i++) {
		const struct protector *p = &list[i];
		struct json_object *o = json_object_new_object();

		json_object_object_add(o, "id", json_object_new_string(p->head.id));
		json_object_object_add(o, "kind",
				       json_object_new_string(protector_kind_name(p->kind)));
		json_object_object_add(o, "label", json_text(p->head.stored));
		json_object_object_add(o, "created", json_text(p->head.created));
		json_object_object_add(o, "keyslot", json_number(p->slot));
		json_object_object_add(o, "token", json_number(p->token));
		json_object_object_add(o, "usable",
				       json_object_new_boolean(p->health == REASON_NONE));
		json_object_object_add(o, "reason",
				       p->health == REASON_NONE
					       ? NULL
					       : json_object_new_string(reason_code(p->health)));
		json_object_array_add(array, o);
	}
	return array;
}

struct json_object *json_approval(const struct token_approval *approval)
{
	struct json_object *o = json_object_new_object(), *pcrs = json_object_new_object();

	for (int pcr = 0; pcr < PCR_COUNT; pcr++) {
		_cleanup_free_ char *hex = NULL;
		char key[12];

		if (!(approval->policy.pcrs.mask & 1u << pcr))
			continue;
		hex = hex_encode(approval->policy.pcrs.value[pcr], SHA256_SIZE);
		snprintf(key, sizeof(key), "%d", pcr);
		json_object_object_add(pcrs, key, json_object_new_string(hex ?: ""));
	}
	json_object_object_add(o, "id", json_object_new_string(approval->head.id));
	json_object_object_add(o, "label", json_object_new_string(approval->head.stored));
	json_object_object_add(o, "created", json_object_new_string(approval->head.created));
	json_object_object_add(o, "pcrs", pcrs);
	return o;
}

/*
 * json-c escapes control characters of ASCII (RFC 8259 asks for no more), and passes bytes that are
 * no UTF-8, which makes it no JSON.
 */
static void print_escaped(const char *json)
{
	while (*json) {
		uint32_t c = 0;
		size_t n = utf8_read(json, &c);

		if (!n)
			printf("\\ufffd");
		else if (c >= 0x7f && !is_printable(c))
			printf("\\u%04x", c);
		else
			fwrite(json, 1, n, stdout);
		json += n ?: 1;
	}
	putchar('\n');
}

void show_concerns(const struct header *header, const char *tcti)
{
	enum reason list[CONCERNS_MAX];
	size_t n = concerns_read(header, tcti, list);

	for (size_t i = 0; i < n; i++)
		printf("Weaker:     %s (%s). See: %s %s\n", reason_text(list[i]),
		       reason_code(list[i]), concern_remedy(list[i]), header_path(header));
}

struct json_object *json_concerns(const struct header *header, const char *tcti)
{
	struct json_object *array = json_object_new_array();
	enum reason list[CONCERNS_MAX];
	size_t n = concerns_read(header, tcti, list);

	for (size_t i = 0; i < n; i++)
		json_object_array_add(array, json_object_new_string(reason_code(list[i])));
	return array;
}

int json_print(struct json_object *object)
{
	if (!object)
		return -ENOMEM;
	print_escaped(
		json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return 0;
}

const char *show_mac(const struct header *header)
{
	_cleanup_token_mac_ struct token_mac mac = {0};
	int token, r = header_mac_load(header, &mac, &token);

	if (r == -ENOENT)
		return "missing";
	if (r < 0)
		return "damaged";
	return mac.n_macs > 1 ? "interrupted" : "present";
}

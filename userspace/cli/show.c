// SPDX-License-Identifier: LGPL-2.1-or-later
/* Showing protectors; printing JSON. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/object.h"
#include "cli/show.h"
#include "custody/escrow_seen.h"
#include "header/mac.h"
#include "os/mounts.h"
#include "protector/concerns.h"
#include "protector/protector.h"

void show_wrapped(const char *text, int column)
{
	int at = column;

	while (*text) {
		int word = (int)strcspn(text, " ");

		if (at > column && at + 1 + word > SHOW_WIDTH) {
			printf("\n%*s", column, "");
			at = column;
		} else if (at > column) {
			putchar(' ');
			at++;
		}
		printf("%.*s", word, text);
		at += word;
		text += word;
		text += strspn(text, " ");
	}
	putchar('\n');
}

void show_size(uint64_t bytes, char ret[SHOW_SIZE_MAX])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
	double size = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		snprintf(ret, SHOW_SIZE_MAX, "%u bytes", (unsigned int)bytes);
		return;
	}
	for (; size >= 1023.95 && unit + 1 < ARRAY_SIZE(units); unit++)
		size /= 1024;
	snprintf(ret, SHOW_SIZE_MAX, "%.1f %s", size, units[unit]);
}

struct mounted {
	dev_t device;
	char *point;
};

static int is_mount_of(void *data, const struct mount *mount)
{
	struct mounted *search = data;

	if (mount->device != search->device)
		return 0;
	search->point = strdup(mount->point);
	return 1;
}

char *show_mountpoint(dev_t device)
{
	struct mounted search = {.device = device};

	mounts_each(is_mount_of, &search);
	return search.point;
}

static void show_sources(const struct header *header, const struct protector *p)
{
	struct protector_sources sources;

	protector_sources(header, p, &sources);
	for (size_t i = 0; i < sources.n; i++) {
		make_printable(sources.text[i], "");
		printf("%-10s %s %s\n", "", i ? "  or" : "from", sources.text[i]);
	}
}

static struct json_object *sources_json(const struct header *header, const struct protector *p)
{
	struct json_object *array = json_object_new_array();
	struct protector_sources sources;

	protector_sources(header, p, &sources);
	for (size_t i = 0; i < sources.n; i++)
		json_object_array_add(array, json_object_new_string(sources.text[i]));
	return array;
}

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
		show_sources(header, p);
	}
}

struct json_object *show_protectors_json(const struct header *header)
{
	struct json_object *array = json_object_new_array();
	_cleanup_escrow_seen_ struct escrow_seen seen = {0};
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(header, list);
	bool known = escrow_seen_load(&seen) == 0;

	for (int i = 0; i < n; i++) {
		const struct protector *p = &list[i];
		struct json_object *o = json_object_new_object(), *escrowed;

		object_text(o, "id", p->head.id);
		object_text(o, "kind", protector_kind_name(p->kind));
		object_known(o, "label", p->head.stored);
		object_known(o, "created", p->head.created);
		object_count(o, "keyslot", p->slot);
		object_count(o, "token", p->token);
		json_object_object_add(o, "sources", sources_json(header, p));
		object_bool(o, "usable", p->health == REASON_NONE);
		object_reason(o, "reason", p->health);
		escrowed =
			known && p->kind == PROTECTOR_RECOVERY
				? json_object_new_boolean(
					  escrow_seen_has(&seen, header_uuid(header), p->head.id))
				: NULL;
		json_object_object_add(o, "escrowed", escrowed);
		json_object_array_add(array, o);
	}
	return array;
}

struct json_object *show_pcrs_json(const struct pcr_values *pcrs)
{
	struct json_object *o = json_object_new_object();
	char key[12];

	for (int pcr = 0; pcr < PCR_COUNT; pcr++) {
		if (!(pcrs->mask & 1u << pcr))
			continue;
		snprintf(key, sizeof(key), "%d", pcr);
		object_hex(o, key, pcrs->value[pcr], SHA256_SIZE);
	}
	return o;
}

struct json_object *show_approval_json(const struct token_approval *approval)
{
	struct json_object *o = json_object_new_object();

	object_text(o, "id", approval->head.id);
	object_text(o, "label", approval->head.stored);
	object_text(o, "created", approval->head.created);
	json_object_object_add(o, "pcrs", show_pcrs_json(&approval->policy.pcrs));
	return o;
}

void show_concerns(const struct header *header, const char *tcti)
{
	enum reason list[CONCERNS_MAX];
	size_t n = concerns_read(header, tcti, list);

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *text = NULL;

		if (asprintf(&text, "%s (%s). See: %s %s", reason_text(list[i]),
			     reason_code(list[i]), concerns_remedy(list[i]),
			     header_path(header)) < 0)
			return;
		printf("Weaker:     ");
		show_wrapped(text, 12);
	}
}

struct json_object *show_concerns_json(const struct header *header, const char *tcti)
{
	struct json_object *array = json_object_new_array();
	enum reason list[CONCERNS_MAX];
	size_t n = concerns_read(header, tcti, list);

	for (size_t i = 0; i < n; i++)
		json_object_array_add(array, json_object_new_string(reason_code(list[i])));
	return array;
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

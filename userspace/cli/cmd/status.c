// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup status' action: an open volume, a device, or all that are open. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/object.h"
#include "cli/show.h"
#include "cli/table.h"
#include "os/mapping.h"
#include "os/storage.h"
#include "protector/unlock.h"

#define LAYERS_MAX 16
#define SECTOR	   512

/* One volume: its mapping where it is open, its header where that can be read. */
struct subject {
	const struct args *args;
	char name[VOLUME_NAME_SIZE]; /* of the mapping, or "" */
	struct volume_status open;
	struct header *header; /* or NULL */
	bool unseen;	       /* only root can see whether it is open */
};

static void subject_free(struct subject *s)
{
	volume_status_free(&s->open);
	header_close(s->header);
}

#define _cleanup_subject_ __attribute__((cleanup(subject_free)))

static const char *state_of(const struct subject *s)
{
	return s->unseen	   ? "unknown"
	       : !*s->name	   ? "closed"
	       : s->open.suspended ? "suspended"
				   : "open";
}

/* Of target fve, the second word of its status; dm-crypt has but one. */
static void engine_of(const struct subject *s, char ret[32])
{
	*ret = '\0';
	sscanf(s->open.target_status, "%*s %31s", ret);
}

static void judge(const struct subject *s, const struct protector *p, struct verdict *ret)
{
	unlock_judge(s->header, p, s->args->unlock.tcti, ret);
}

/* BitLocker's "Protection": whether the volume opens to whoever has the machine. */
enum protection {
	PROTECTION_UNKNOWN, /* the header cannot be read */
	PROTECTION_ON,
	PROTECTION_OFF,
	PROTECTION_NONE, /* nothing opens it: all keyslots or tokens are gone */
};

/* What cannot be told here, as of a token of a later version, is taken for one that opens. */
static bool any_opens(const struct header *header, const struct protector list[], int n)
{
	for (int i = 0; i < n && header_segment(header)->key_size; i++)
		if (list[i].health != REASON_TOKEN_CORRUPT)
			return true;
	return false;
}

/*
 * Off while it is suspended: in this boot, or in a coming one. @ret_left: for how many boots after
 * this one; -1: the TPM that counts them is not here, and what it would say is taken for off.
 */
static enum protection protection_of(const struct subject *s, int *ret_left)
{
	struct protector list[PROTECTOR_LIST_MAX];
	int n = s->header ? protector_list(s->header, list) : 0;

	*ret_left = -1;
	if (s->header && !any_opens(s->header, list, n))
		return PROTECTION_NONE;
	for (int i = 0; i < n; i++) {
		struct verdict now;

		if (!kind_has(list[i].kind, KIND_TEMPORARY) || list[i].health != REASON_NONE)
			continue;
		judge(s, &list[i], &now);
		/* What refuses it in the last boot refuses it for good. */
		if (now.refusal.reason == REASON_SUSPEND_EXPIRED ||
		    (!now.opens && now.boots_left == 0))
			continue;
		*ret_left = now.boots_left;
		return PROTECTION_OFF;
	}
	return s->header ? PROTECTION_ON : PROTECTION_UNKNOWN;
}

static uint32_t tries_left(const struct tpm_lockout *lockout)
{
	return lockout->locked || lockout->failed > lockout->max_tries
		       ? 0
		       : lockout->max_tries - lockout->failed;
}

/* --- text ----------------------------------------------------------------------------------- */

static void show_protection(const struct subject *s)
{
	int left;

	switch (protection_of(s, &left)) {
	case PROTECTION_ON:
		printf("Protection:     On\n");
		break;
	case PROTECTION_OFF:
		if (left > 0)
			printf("Protection:     Off (%d %s left)\n", left,
			       left == 1 ? "boot" : "boots");
		else
			printf("Protection:     Off (%s)\n",
			       left == 0 ? "until the next boot"
					 : "the TPM that counts the boots is not here");
		break;
	case PROTECTION_UNKNOWN:
		printf("Protection:     unknown, since the header cannot be read\n");
		break;
	case PROTECTION_NONE:
		printf("Protection:     ");
		show_wrapped("None: no protector is left, and nothing opens it again but a backup "
			     "of its header: fvesetup header restore",
			     16);
	}
}

static void show_data(uint64_t size, uint64_t offset)
{
	char size_text[SHOW_SIZE_MAX], offset_text[SHOW_SIZE_MAX];

	show_size(size, size_text);
	show_size(offset, offset_text);
	printf("  size:         %s, from %s on\n", size_text, offset_text);
}

static void show_open(const struct subject *s)
{
	const struct volume_status *o = &s->open;
	struct storage_layer layers[LAYERS_MAX];
	size_t n = storage_layers(o->number, layers, LAYERS_MAX);
	_cleanup_free_ char *mountpoint = show_mountpoint(o->number);

	printf("/dev/mapper/%s is open%s%s%s\n", s->name, o->open_count ? " and in use" : "",
	       o->suspended ? ", suspended" : "", o->key_wiped ? ", key wiped" : "");
	printf("  uuid:         %s\n", o->uuid);
	printf("  device:       %s\n", o->device);
	printf("  layers:      ");
	for (size_t i = 0; i < n; i++)
		printf("%s %s (%s)", i ? "," : "", layers[i].name, layers[i].kind);
	printf("\n");
	show_data(o->size, o->data_offset);
	printf("  mounted on:   %s\n", mountpoint ?: "-");
	printf("  cipher:       %s, %u-bit key%s\n", o->cipher, o->key_size * 8,
	       o->key_wiped ? "" : " in the kernel");
	printf("  sector size:  %u bytes\n", o->sector_size);
	printf("  mode:         %s%s\n", o->read_only ? "read-only" : "read/write",
	       o->allow_discards ? ", discards passed down" : "");
	printf("  target:       %s%s%s", o->target, o->module_missing ? " (module-missing)" : "",
	       *o->target_status ? "\n                " : "");
	show_wrapped(o->target_status, 16);
}

/* What the TPM would do with @p now. */
static void show_verdict(const struct protector *p, const struct verdict *now)
{
	_cleanup_free_ char *text = NULL, *tries = NULL;
	const struct refusal *refusal = &now->refusal;
	int r = 0;

	if (refusal->lockout.max_tries)
		r = asprintf(&tries, "; %u of %u tries left", tries_left(&refusal->lockout),
			     refusal->lockout.max_tries);
	if (r >= 0 && now->opens)
		r = asprintf(&text, "the TPM would release its key now%s", tries ?: "");
	else if (r >= 0)
		r = asprintf(&text, "refused now: %s (%s)%s", reason_text(refusal->reason),
			     reason_code(refusal->reason), tries ?: "");
	if (r < 0)
		return;
	printf("%-10s %-12s ", p->head.id, protector_kind_name(p->kind));
	show_wrapped(text, 24);
}

static void show_header(const struct subject *s)
{
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(s->header, list);

	if (!*s->name) {
		const struct header_segment *segment = header_segment(s->header);
		_cleanup_free_ char *path = printable_copy(header_path(s->header));

		printf("%s is %s\n", path ?: "?",
		       s->unseen ? "a volume; whether it is open only root can see" : "closed");
		printf("  uuid:         %s\n", header_uuid(s->header));
		show_data(segment->size * SECTOR, segment->data_offset * SECTOR);
		printf("  cipher:       %s, %s\n", HEADER_CIPHER,
		       segment->key_size ? "512-bit key" : "no keyslot holds its key");
		printf("  sector size:  %u bytes\n", segment->sector_size);
	}
	printf("  label:        %s\n", *header_label(s->header) ? header_label(s->header) : "-");
	printf("  header MAC:   %s\n", show_mac(s->header));
	show_concerns(s->header, s->args->unlock.tcti);
	printf("\n");
	show_protectors(s->header);
	fflush(stdout);
	for (int i = 0; i < n; i++) {
		struct verdict now;

		judge(s, &list[i], &now);
		if (now.asked)
			show_verdict(&list[i], &now);
	}
}

/* --- JSON ----------------------------------------------------------------------------------- */

static struct json_object *layers_json(const struct subject *s)
{
	struct json_object *array = json_object_new_array();
	struct storage_layer layers[LAYERS_MAX];
	size_t n = storage_layers(s->open.number, layers, LAYERS_MAX);

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_new_object();

		object_text(o, "name", layers[i].name);
		object_text(o, "kind", layers[i].kind);
		json_object_array_add(array, o);
	}
	return array;
}

static struct json_object *target_json(const struct volume_status *open)
{
	struct json_object *o = json_object_new_object();

	object_text(o, "type", open->target);
	object_known(o, "reason", open->module_missing ? reason_code(REASON_MODULE_MISSING) : NULL);
	object_text(o, "status", open->target_status);
	return o;
}

static void add_open(struct json_object *o, const struct subject *s)
{
	const struct volume_status *open = &s->open;
	_cleanup_free_ char *mountpoint = show_mountpoint(open->number);
	char engine[32];

	engine_of(s, engine);
	object_text(o, "uuid", open->uuid);
	object_text(o, "device", open->device);
	object_text(o, "cipher", open->cipher);
	object_number(o, "key_size", open->key_size);
	object_number(o, "sector_size", open->sector_size);
	object_number(o, "data_offset", open->data_offset);
	object_number(o, "size", open->size);
	object_number(o, "open_count", open->open_count);
	object_bool(o, "read_only", open->read_only);
	object_bool(o, "suspended", open->suspended);
	object_bool(o, "key_wiped", open->key_wiped);
	object_bool(o, "allow_discards", open->allow_discards);
	json_object_object_add(o, "target", target_json(open));
	object_known(o, "engine", engine);
	json_object_object_add(o, "layers", layers_json(s));
	object_text(o, "mountpoint", mountpoint);
}

static void add_header(struct json_object *o, const struct subject *s)
{
	struct json_object *protectors = show_protectors_json(s->header);
	struct protector list[PROTECTOR_LIST_MAX];
	int n = protector_list(s->header, list);

	for (int i = 0; i < n; i++) {
		struct json_object *p = json_object_array_get_idx(protectors, (size_t)i);
		struct verdict now;

		judge(s, &list[i], &now);
		json_object_object_add(p, "tpm_would_release",
				       now.asked ? json_object_new_boolean(now.opens) : NULL);
		if (now.asked && !now.opens)
			object_text(p, "reason", reason_code(now.refusal.reason));
		object_count(p, "tries_left",
			     now.refusal.lockout.max_tries
				     ? (int64_t)tries_left(&now.refusal.lockout)
				     : -1);
	}
	object_text(o, "uuid", header_uuid(s->header));
	object_text(o, "device", header_path(s->header));
	object_known(o, "label", header_label_stored(s->header));
	object_text(o, "mac", show_mac(s->header));
	json_object_object_add(o, "concerns", show_concerns_json(s->header, s->args->unlock.tcti));
	json_object_object_add(o, "protectors", protectors);
}

/* What an open volume's mapping tells, as its header does. */
static void add_closed(struct json_object *o, const struct subject *s)
{
	const struct header_segment *segment = header_segment(s->header);

	object_text(o, "cipher", HEADER_CIPHER);
	object_count(o, "key_size", segment->key_size ? (int64_t)segment->key_size : -1);
	object_number(o, "sector_size", segment->sector_size);
	object_number(o, "data_offset", (int64_t)(segment->data_offset * SECTOR));
	object_number(o, "size", (int64_t)(segment->size * SECTOR));
}

static void add_protection(struct json_object *o, const struct subject *s)
{
	static const char *const words[] = {
		[PROTECTION_UNKNOWN] = NULL,
		[PROTECTION_ON] = "on",
		[PROTECTION_OFF] = "off",
		[PROTECTION_NONE] = "none",
	};
	int left;

	object_text(o, "protection", words[protection_of(s, &left)]);
	object_count(o, "protection_boots_left", left);
}

static struct json_object *subject_json(const struct subject *s)
{
	struct json_object *o = json_object_new_object();

	object_text(o, "state", state_of(s));
	object_known(o, "name", s->name);
	add_protection(o, s);
	if (*s->name)
		add_open(o, s);
	else if (s->header)
		add_closed(o, s);
	if (s->header)
		add_header(o, s);
	return o;
}

/* --- finding -------------------------------------------------------------------------------- */

static int show(const struct subject *s)
{
	if (s->args->json)
		return object_print(subject_json(s));
	show_protection(s);
	if (*s->name)
		show_open(s);
	if (s->header)
		show_header(s);
	return 0;
}

/* The open volume @name; its header is no part of it, and may be gone. */
static int load_open(struct subject *s, const char *name)
{
	int r = volume_status(name, &s->open);

	if (r < 0)
		return r;
	snprintf(s->name, sizeof(s->name), "%s", name);
	header_load(s->open.device, &s->header);
	return 0;
}

static int status_of_device(const struct args *args)
{
	_cleanup_subject_ struct subject s = {.args = args};
	int r = header_load(args->operand[0], &s.header);

	if (r < 0)
		return r;
	s.unseen = !mapping_may_list();
	r = s.unseen ? 0 : volume_find_open(args->operand[0], s.name, &s.open);
	return r < 0 ? r : show(&s);
}

struct all {
	const struct args *args;
	struct json_object *array;
	bool any;
};

static int status_of_each(void *data, const char *name)
{
	struct all *all = data;
	_cleanup_subject_ struct subject s = {.args = all->args};
	int r = load_open(&s, name);

	if (r < 0)
		return r;
	if (all->args->json)
		return json_object_array_add(all->array, subject_json(&s)) < 0 ? -ENOMEM : 0;
	if (all->any)
		printf("\n");
	all->any = true;
	return show(&s);
}

static int status_of_all(const struct args *args)
{
	struct all all = {.args = args, .array = args->json ? json_object_new_array() : NULL};
	bool seen = mapping_may_list();
	int r = seen ? volume_each(status_of_each, &all) : 0;

	if (r < 0 || !args->json) {
		json_object_put(all.array);
		if (!seen)
			log_notice("Which volumes are open only root can see; what a header says: "
				   "fvesetup status DEVICE");
		else if (r == 0 && !all.any)
			printf("no volume is open; fvesetup list shows those that could be\n");
		return r;
	}
	return object_print_seen("volumes", all.array, seen, true);
}

/*
 * Whether a path is meant: a name has no slash but that of /dev/mapper. A word without one is the
 * mapping of that name where there is one, else the file.
 */
static bool is_path(const char *operand)
{
	_cleanup_mapping_state_ struct mapping_state state = {0};
	struct stat st;

	if (cli_mapping_name(operand) != operand || stat(operand, &st) < 0)
		return false;
	return strchr(operand, '/') || mapping_query(operand, &state) < 0;
}

static int cmd_status(const struct args *args)
{
	_cleanup_subject_ struct subject s = {.args = args};
	const char *operand = args->operand[0];
	int r;

	if (!operand)
		return status_of_all(args);
	if (is_path(operand))
		return status_of_device(args);
	r = load_open(&s, cli_mapping_name(operand));
	return r < 0 ? r : show(&s);
}

ACTION(status, "Volumes", "status", "[<name or device>]", "show a volume, or all that are open",
       "Show an open volume, by its name, its device or image file, or a closed one: first whether "
       "its protection is on, or off and for how many boots (protector disable), or none is left that "
       "opens it; the devices below it, "
       "cipher, target and engine and what the target counted, the state of the header's MAC, and "
       "the protectors; for those of the TPM, whether it would release its key now, and how many "
       "tries are left. No secret is asked for. Without an operand, all volumes that are open.",
       OPT_TPM, OPT_JSON);

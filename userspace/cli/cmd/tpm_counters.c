// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup tpm counters' action: whose counters fill the TPM, and freeing those of nobody. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/object.h"
#include "cli/table.h"
#include "custody/audit.h"
#include "os/device.h"
#include "os/state.h"
#include "tpm/tpm.h"

#define UUID_SIZE    64 /* of a text with its NUL; LUKS2 has 40 */
#define DEVICES_SIZE 256

struct owner {
	char uuid[UUID_SIZE];	    /* "": nobody here knows it */
	char devices[DEVICES_SIZE]; /* with blanks between them; "": no such volume is attached */
};

struct counters {
	struct tpm_counter_entry list[TPM_COUNTERS];
	struct owner owner[TPM_COUNTERS];
	size_t n;
	bool unread; /* there are devices that this process may not look at */
};

/* Counters tell by a hash whose they are: who has a UUID asks which of them are its own. */
static void claim(struct counters *c, const char *uuid, const char *device)
{
	uint8_t policy[SHA256_SIZE];

	if (strlen(uuid) >= UUID_SIZE || policy_counter_policy(uuid, policy) < 0)
		return;
	for (size_t i = 0; i < c->n; i++) {
		struct owner *o = &c->owner[i];
		size_t length = strlen(o->devices);

		if (!c->list[i].ours || memcmp(c->list[i].policy, policy, sizeof(policy)))
			continue;
		snprintf(o->uuid, sizeof(o->uuid), "%s", uuid);
		if (device && length + strlen(device) + 2 <= sizeof(o->devices))
			sprintf(o->devices + length, "%s%s", length ? " " : "", device);
	}
}

static int claim_attached(void *data, const struct device_volume *volume)
{
	claim(data, volume->uuid, volume->path);
	return 0;
}

static int claim_known(void *data, const char *uuid)
{
	claim(data, uuid, NULL);
	return 0;
}

static int read_counters(struct tpm *tpm, struct counters *c)
{
	enum reason reason;
	int r = tpm_counter_list(tpm, c->list, &c->n, &reason);

	if (r < 0)
		return log_errno(-r, "cannot list the counters in the TPM: %s (%s)",
				 reason_text(reason), reason_code(reason));
	r = device_each_volume(claim_attached, c, &c->unread);
	/* The volumes whose identity this machine has noted, which may lie on a shelf. */
	return r < 0 ? r : state_each("identity", "", claim_known, c);
}

static const char *state_of(const struct counters *c, size_t i)
{
	return !c->list[i].ours	      ? "foreign"
	       : *c->owner[i].devices ? "attached"
	       : *c->owner[i].uuid    ? "known"
				      : "unknown";
}

/* --- showing them --------------------------------------------------------------------------- */

static struct json_object *devices_json(const struct owner *o)
{
	struct json_object *array = json_object_new_array();
	char list[DEVICES_SIZE], *rest = list, *device;

	snprintf(list, sizeof(list), "%s", o->devices);
	while ((device = strsep(&rest, " ")))
		if (*device)
			json_object_array_add(array, json_object_new_string(device));
	return array;
}

static int show_json(const struct counters *c)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < c->n; i++) {
		struct json_object *o = json_object_new_object();

		object_number(o, "nv_index", c->list[i].counter.index);
		object_text(o, "state", state_of(c, i));
		object_known(o, "uuid", c->owner[i].uuid);
		json_object_object_add(o, "devices", devices_json(&c->owner[i]));
		json_object_array_add(array, o);
	}
	return object_print_seen("counters", array, true, !c->unread);
}

static void show_text(const struct counters *c)
{
	bool nobody = false;

	printf("%-10s %-9s %-37s %s\n", "NV INDEX", "STATE", "UUID", "DEVICE");
	for (size_t i = 0; i < c->n; i++) {
		const struct owner *o = &c->owner[i];

		printf("0x%-8x %-9s %-37s %s\n", c->list[i].counter.index, state_of(c, i),
		       *o->uuid ? o->uuid : "-", *o->devices ? o->devices : "-");
		nobody |= c->list[i].ours && !*o->uuid;
	}
	if (nobody)
		log_notice("What is unknown belongs to a volume that was never here, or is no "
			   "more; to free it: fvesetup tpm counters --free INDEX");
	if (c->unread)
		log_notice("Some block devices may not be read, and were not looked at.");
}

/* --- freeing one ---------------------------------------------------------------------------- */

static int find_index(const char *text, const struct counters *c, size_t *ret)
{
	unsigned long index;
	char *end;

	errno = 0;
	index = strtoul(text, &end, 16);
	if (errno || end == text || *end)
		return log_errno(EINVAL, "--free takes an NV index such as 0x1846500, not %s",
				 text);
	for (*ret = 0; *ret < c->n; (*ret)++)
		if (c->list[*ret].counter.index == index)
			return 0;
	return log_errno(ENOENT,
			 "the TPM has no counter at NV index 0x%lx; see: fvesetup tpm "
			 "counters",
			 index);
}

static int check_free(const struct args *args, const struct counters *c, size_t i)
{
	const struct owner *o = &c->owner[i];
	uint32_t index = c->list[i].counter.index;

	if (!c->list[i].ours)
		return log_errno(ENODEV,
				 "NV index 0x%x is no counter that fvesetup has made: who made it "
				 "may remove it (tpm2_nvundefine 0x%x)",
				 index, index);
	if (*o->devices && !args->force)
		return log_errno(EBUSY,
				 "NV index 0x%x is the counter of volume %s on %s, which may open "
				 "by it; to free it all the same: --force",
				 index, o->uuid, o->devices);
	if (c->unread && !args->force)
		return log_errno(
			EACCES,
			"some block devices may not be read here, and NV index 0x%x may be "
			"the counter of a volume there: ask as root, or --force",
			index);
	return prompt_confirm(
		args->batch_mode,
		"What opens by the counter at NV index 0x%x, of %s%s%s, will not open by "
		"this TPM any more, wherever it is now.",
		index, *o->uuid ? "volume " : "a volume that is not known here", o->uuid,
		*o->uuid && !*o->devices ? ", which is not attached" : "");
}

static int free_counter(const struct args *args, struct tpm *tpm, const struct counters *c)
{
	enum reason reason = REASON_NONE;
	char name[16];
	size_t i = 0;
	int r = find_index(args->free_index, c, &i);

	if (r == 0)
		r = check_free(args, c, i);
	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "0x%x", c->list[i].counter.index);
	r = tpm_counter_remove(tpm, &c->list[i].counter, &reason);
	if (r < 0)
		return log_errno(-r, "cannot free NV index %s: %s (%s)", name, reason_text(reason),
				 reason_code(reason));
	log_notice("NV index %s is free.", name);
	audit_note(args->unlock.tcti, "counter-freed",
		   (const struct audit_field[]){
			   {"volume", *c->owner[i].uuid ? c->owner[i].uuid : NULL},
			   {"detail", name},
		   },
		   2);
	return 0;
}

static int cmd_tpm_counters(const struct args *args)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	struct counters c = {0};
	enum reason reason;
	int r = tpm_open(args->unlock.tcti, &tpm, &reason);

	if (r < 0)
		return log_errno(-r, "cannot use the TPM: %s (%s)", reason_text(reason),
				 reason_code(reason));
	if (args->free_index && args->json)
		return log_errno(EINVAL, "--json does not go with --free");
	r = read_counters(tpm, &c);
	if (r < 0)
		return r;
	if (args->free_index)
		return free_counter(args, tpm, &c);
	if (args->json)
		return show_json(&c);
	show_text(&c);
	return 0;
}

ACTION(tpm_counters, "TPM policy", "tpm counters", "",
       "show whose counters are in the TPM, or free one",
       "List the counters in the TPM by which approvals are revoked. Each volume with a protector "
       "in the TPM has one, and a TPM has room for few. A counter goes with its volume's last TPM "
       "protector, with release, erase and format; where the volume was lost or wiped by other "
       "means it stays. The state is attached where a volume with that UUID is on a block device "
       "here; known where this machine has had it; unknown; or foreign, where somebody else has "
       "made what is there. With --free a counter is removed; one of a volume that is attached "
       "is refused without --force. Volumes in files that no loop device shows are not seen.",
       OPT_FREE, OPT_FORCE, OPT_TPM, OPT_JSON);

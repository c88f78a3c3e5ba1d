// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup list' action: every volume that is there, open or not. */
#include <stdio.h>
#include <string.h>

#include "cli/object.h"
#include "cli/show.h"
#include "cli/table.h"
#include "os/device.h"

struct listing {
	struct json_object *array; /* NULL: print text */
	/* Of the volume that is looked for among the open ones. */
	const char *uuid;
	struct volume_status open;
	char name[128]; /* "": it is not open */
};

static int is_open_as(void *data, const char *name)
{
	struct listing *l = data;
	struct volume_status status = {0};

	if (volume_status(name, &status) < 0)
		return 0;
	if (strcmp(status.uuid, l->uuid)) {
		volume_status_free(&status);
		return 0;
	}
	l->open = status;
	snprintf(l->name, sizeof(l->name), "%s", name);
	return 1;
}

static int list_volume(void *data, const char *path, const char *uuid, const char *label)
{
	struct listing *l = data;
	const char *state;

	l->uuid = uuid;
	*l->name = '\0';
	l->open = (struct volume_status){0};
	volume_each(is_open_as, l);
	state = !*l->name ? "closed" : l->open.suspended ? "suspended" : "open";
	if (l->array) {
		struct json_object *o = json_object_new_object();

		object_text(o, "device", path);
		object_text(o, "uuid", uuid);
		object_known(o, "label", label);
		object_text(o, "state", state);
		object_known(o, "name", l->name);
		json_object_array_add(l->array, o);
	} else {
		_cleanup_free_ char *id = printable_copy(uuid), *text = printable_copy(label);

		printf("%-16s %-36s %-9s %-16s %s\n", path, id ?: "", state,
		       *l->name ? l->name : "-", text ?: "");
	}
	volume_status_free(&l->open);
	return 0;
}

static int cmd_list(const struct args *args)
{
	struct listing l = {.array = args->json ? json_object_new_array() : NULL};

	if (!args->json)
		printf("%-16s %-36s %-9s %-16s %s\n", "DEVICE", "UUID", "STATE", "NAME", "LABEL");
	device_each_volume(list_volume, &l);
	if (!args->json)
		return 0;
	return object_print_list("volumes", l.array);
}

ACTION(list, "Volumes", "list", "", "show all volumes that are there",
       "Show every block device that holds a volume, and which of them are open. Devices whose I/O "
       "would wait for a suspended mapping are left out.",
       OPT_JSON);

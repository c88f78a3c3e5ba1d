// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup list' action: every volume that is there, open or not. */
#include <stdio.h>
#include <string.h>

#include "cli/object.h"
#include "cli/show.h"
#include "cli/table.h"
#include "os/device.h"

/* @data: an array for JSON, or NULL. */
static int list_volume(void *data, const char *path, const char *uuid, const char *label)
{
	_cleanup_volume_status_ struct volume_status open = {0};
	char name[VOLUME_NAME_SIZE] = "";
	int r = volume_find_open(path, name, &open);
	const char *state = r == 0 ? "closed" : open.suspended ? "suspended" : "open";

	if (r < 0)
		return r;
	if (data) {
		struct json_object *o = json_object_new_object();

		object_text(o, "device", path);
		object_text(o, "uuid", uuid);
		object_known(o, "label", label);
		object_text(o, "state", state);
		object_known(o, "name", name);
		json_object_array_add(data, o);
	} else {
		_cleanup_free_ char *id = printable_copy(uuid), *text = printable_copy(label);

		printf("%-16s %-36s %-9s %-16s %s\n", path, id ?: "", state, *name ? name : "-",
		       text ?: "");
	}
	return 0;
}

static int cmd_list(const struct args *args)
{
	struct json_object *array = args->json ? json_object_new_array() : NULL;

	int r;

	if (!args->json)
		printf("%-16s %-36s %-9s %-16s %s\n", "DEVICE", "UUID", "STATE", "NAME", "LABEL");
	r = device_each_volume(list_volume, array);
	if (r < 0)
		json_object_put(array);
	if (r < 0 || !args->json)
		return r;
	return object_print_list("volumes", array);
}

ACTION(list, "Volumes", "list", "", "show all volumes that are there",
       "Show every block device that holds a volume, and which of them are open. Devices whose I/O "
       "would wait for a suspended mapping are left out.",
       OPT_JSON);

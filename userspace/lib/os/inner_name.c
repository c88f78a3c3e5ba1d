// SPDX-License-Identifier: LGPL-2.1-or-later
/* The names are kept in a file names/MAPPING of the state, in two lines: "UUID=...", "LABEL=...".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os/device.h"
#include "os/inner_name.h"
#include "os/state.h"

static char *file_name(const char *mapping)
{
	char *name;

	/* A mapping's name has no "/", and is not ".." (volume_check_name). */
	return strchr(mapping, '/') || asprintf(&name, "names/%s", mapping) < 0 ? NULL : name;
}

int inner_name_read(const char *mapping, struct inner_name *ret)
{
	_cleanup_free_ char *path = NULL;
	struct inner_name name = {0};
	int r;

	if (asprintf(&path, "/dev/mapper/%s", mapping) < 0)
		return -ENOMEM;
	r = device_inner_name(path, name.uuid, name.label, sizeof(name.uuid));
	if (r < 0)
		return r;
	*ret = name;
	return 0;
}

int inner_name_recall(const char *mapping, struct inner_name *ret)
{
	_cleanup_free_ char *file = file_name(mapping), *text = NULL;
	struct inner_name name = {0};
	char *rest, *line;
	int r = file ? state_read(file, &text) : -ENOMEM;

	if (r < 0)
		return r;
	rest = text;
	while ((line = strsep(&rest, "\n")))
		if (!strncmp(line, "UUID=", 5))
			snprintf(name.uuid, sizeof(name.uuid), "%s", line + 5);
		else if (!strncmp(line, "LABEL=", 6))
			snprintf(name.label, sizeof(name.label), "%s", line + 6);
	*ret = name;
	return 0;
}

int inner_name_remember(const char *mapping)
{
	_cleanup_free_ char *file = file_name(mapping), *text = NULL;
	struct inner_name found, known = {0};
	int r = inner_name_read(mapping, &found);

	if (r == -ENOENT)
		return 0;
	if (r < 0 || !file)
		return r < 0 ? r : -ENOMEM;
	if (inner_name_recall(mapping, &known) == 0 && !strcmp(known.uuid, found.uuid) &&
	    !strcmp(known.label, found.label))
		return 0;
	if (asprintf(&text, "UUID=%s\nLABEL=%s\n", found.uuid, found.label) < 0)
		return -ENOMEM;
	return state_write(file, text);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup list' action: every volume that is there, open or not. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/object.h"
#include "cli/show.h"
#include "cli/table.h"
#include "header/copies.h"
#include "os/device.h"
#include "os/mapping.h"

enum column {
	DEVICE,
	SIZE,
	UUID,
	STATE,
	NAME,
	MOUNTED,
	LABEL,
	COLUMNS,
};

static const char *const titles[COLUMNS] = {"DEVICE", "SIZE",	 "UUID", "STATE",
					    "NAME",   "MOUNTED", "LABEL"};

struct row {
	char *cell[COLUMNS]; /* owned */
};

struct listing {
	struct json_object *array; /* or NULL: rows for people */
	struct row *rows;
	size_t n;
	bool mappings; /* the kernel tells which volumes are open */
	int error;     /* it did not tell that of one */
	bool unmarked; /* there is a volume without its subsystem */
};

static void listing_free(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		for (size_t k = 0; k < COLUMNS; k++)
			free(l->rows[i].cell[k]);
	free(l->rows);
	json_object_put(l->array);
}

#define _cleanup_listing_ __attribute__((cleanup(listing_free)))

static int add_json(struct listing *l, const struct device_volume *volume, const char *state,
		    const char *name, const char *mountpoint)
{
	struct json_object *o = json_object_new_object();

	object_text(o, "device", volume->path);
	object_number(o, "size", (int64_t)volume->size);
	object_text(o, "uuid", volume->uuid);
	object_known(o, "label", volume->label);
	object_text(o, "state", state);
	object_known(o, "name", name);
	object_text(o, "mountpoint", mountpoint);
	object_bool(o, "marked", volume->marked);
	return json_object_array_add(l->array, o) < 0 ? -ENOMEM : 0;
}

static char *cell_of(const char *text)
{
	return printable_copy(text && *text ? text : "-");
}

static int add_row(struct listing *l, const struct device_volume *volume, const char *state,
		   const char *name, const char *mountpoint)
{
	struct row *grown = reallocarray(l->rows, l->n + 1, sizeof(*grown));
	char size[SHOW_SIZE_MAX];
	struct row row;

	if (!grown)
		return -ENOMEM;
	l->rows = grown;
	show_size(volume->size, size);
	row = (struct row){{
		[DEVICE] = cell_of(volume->path),
		[SIZE] = cell_of(size),
		/* As much as a recovery password is asked for with; status has all of it. */
		[UUID] = cell_of(volume->uuid),
		[STATE] = cell_of(state),
		[NAME] = cell_of(name),
		[MOUNTED] = cell_of(mountpoint),
		[LABEL] = cell_of(volume->label),
	}};
	l->rows[l->n++] = row;
	for (size_t k = 0; k < COLUMNS; k++)
		if (!row.cell[k])
			return -ENOMEM;
	row.cell[UUID][strcspn(row.cell[UUID], "-")] = '\0';
	return 0;
}

static int list_volume(void *data, const struct device_volume *volume)
{
	_cleanup_volume_status_ struct volume_status open = {0};
	_cleanup_free_ char *mountpoint = NULL;
	char name[VOLUME_NAME_SIZE] = "";
	struct listing *l = data;
	const char *state = "unknown";
	int r;

	if (!volume->marked && !header_copies_have_vmk(volume->path))
		return 0;
	l->unmarked |= !volume->marked;
	if (l->mappings) {
		r = volume_find_open(volume->path, name, &open);
		if (r < 0)
			l->error = r;
		else
			state = r == 0 ? "closed" : open.suspended ? "suspended" : "open";
		mountpoint = r > 0 ? show_mountpoint(open.number) : NULL;
	}
	return l->array ? add_json(l, volume, state, name, mountpoint)
			: add_row(l, volume, state, name, mountpoint);
}

static void print_rows(const struct listing *l)
{
	int width[COLUMNS];

	for (size_t k = 0; k < COLUMNS; k++) {
		width[k] = (int)strlen(titles[k]);
		for (size_t i = 0; i < l->n; i++)
			if ((int)strlen(l->rows[i].cell[k]) > width[k])
				width[k] = (int)strlen(l->rows[i].cell[k]);
	}
	for (size_t i = 0; i <= l->n; i++)
		for (size_t k = 0; k < COLUMNS; k++) {
			const char *text = i ? l->rows[i - 1].cell[k] : titles[k];

			if (k == LABEL)
				printf("%s\n", text);
			else
				printf("%-*s ", width[k], text);
		}
}

static int cmd_list(const struct args *args)
{
	_cleanup_listing_ struct listing l = {
		.array = args->json ? json_object_new_array() : NULL,
		.mappings = mapping_may_list(),
	};
	bool unread;
	int r = device_each_volume(list_volume, &l, &unread);

	if (r < 0)
		return r;
	if (args->json) {
		r = object_print_seen("volumes", steal(l.array), l.mappings && !l.error, !unread);
		return r < 0 ? r : l.error;
	}
	print_rows(&l);
	if (l.unmarked)
		log_notice("A volume among these has lost its subsystem; fvesetup adopt DEVICE "
			   "sets it again.");
	if (!l.mappings)
		log_notice("Which volumes are open only root can see.");
	if (unread)
		log_notice("Some block devices may not be read, and were not looked at.");
	return l.error;
}

ACTION(list, "Volumes", "list", "", "show all volumes that are there",
       "Show every block device that holds a volume, its size, which of them are open, and where "
       "they are mounted. Of the UUID the first eight digits are shown, as when a recovery "
       "password is asked for. A volume whose subsystem a stock tool has removed is listed, too. "
       "Devices whose I/O would wait for a suspended mapping are left out. Who is not root sees "
       "less, and is told what is missing.",
       OPT_JSON);

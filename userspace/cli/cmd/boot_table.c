// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The 'fvesetup boot-table' action: the table as it goes into an initramfs. Every volume that is
 * opened there gets its identity, so that what the TPM measures says which volumes are meant.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/boot.h"
#include "cli/object.h"
#include "cli/table.h"
#include "os/inner_name.h"

/* The volume's identity as this machine remembers it, by the UUID that the table or a header has.
 */
static int recall(const struct fvetab_entry *entry, uint8_t ret[IDENTITY_SIZE])
{
	struct boot_volume volume = {.entry = entry};
	int r;

	if (!strncmp(entry->device, "UUID=", 5))
		return identity_recall(entry->device + 5, ret);
	r = boot_load_header(&volume);
	if (r == 0 && volume.identity_known)
		memcpy(ret, volume.identity, IDENTITY_SIZE);
	else if (r == 0)
		r = -ENOENT;
	header_close(volume.header);
	return r;
}

static int print_line(const struct args *args, const char *line, const struct fvetab_entry *entry)
{
	char path[FVETAB_PATH_MAX + 32];
	_cleanup_free_ char *whole = NULL;
	uint8_t identity[IDENTITY_SIZE];
	int r;

	inner_name_remember(entry->name);
	if (!entry->initrd) {
		puts(line);
		return 0;
	}
	if (entry->identity_is == FVETAB_IDENTITY_ANY)
		log_error("WARNING: %s has identity=any: whoever has had this machine in hand can "
			  "put a volume of his own in its place, and it will be opened",
			  entry->name);
	if (entry->identity_is != FVETAB_IDENTITY_UNSET) {
		puts(line);
		return 0;
	}
	r = recall(entry, identity);
	if (r == -ENOENT && fvetab_device_path(entry->device, path) == 0)
		return log_errno(ENOENT,
				 "the identity of %s is not known, and an initramfs without it "
				 "would open whatever has its UUID. Once: fvesetup identity %s; or "
				 "identity=any in %s",
				 entry->name, path, args->table_file ?: BOOT_TABLE);
	if (r < 0)
		return r;
	whole = fvetab_add_identity(line, identity);
	return whole && puts(whole) >= 0 ? 0 : -ENOMEM;
}

/* What programs ask of the table: those of fvetab(5) that they need. */
static int print_json(const char *text)
{
	struct json_object *array = json_object_new_array();
	struct fvetab table;

	fvetab_parse(text, &table, boot_complain);
	for (size_t i = 0; i < table.n; i++) {
		const struct fvetab_entry *entry = &table.entry[i];
		struct json_object *o = json_object_new_object();
		char path[FVETAB_PATH_MAX + 32];

		object_text(o, "name", entry->name);
		object_text(o, "device", fvetab_device_path(entry->device, path) < 0 ? NULL : path);
		object_bool(o, "initrd", entry->initrd);
		object_bool(o, "net", entry->initrd && entry->ask_servers);
		object_text(o, "reseal", *entry->reseal ? entry->reseal : "ask");
		json_object_array_add(array, o);
	}
	return object_print_list("volumes", array);
}

static int cmd_boot_table(const struct args *args)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	int result = boot_read_table(args, &text);

	if (result < 0)
		return result;
	if (args->json)
		return print_json(text);
	rest = text;
	while (result == 0 && (line = strsep(&rest, "\n"))) {
		struct fvetab one;

		if (fvetab_parse(line, &one, boot_complain))
			result = log_errno(EINVAL,
					   "a line that cannot be read would be missing in the "
					   "initramfs: %s",
					   line);
		if (one.n)
			result = print_line(args, line, &one.entry[0]);
	}
	return result;
}

ACTION(boot_table, "Boot", "boot-table", "", "fvetab as it goes into an initramfs",
       "Print the table with the identity of each volume that is opened in the initramfs, as this "
       "machine remembers it (fvesetup identity). Fails where one is not known and the table does "
       "not say identity=any, and where a line cannot be read. What dracut's module calls. With --json all volumes of the table "
       "are told, and what scripts have to know of them.",
       OPT_TABLE, OPT_JSON);

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The 'fvesetup boot-table' action: the table as it goes into an initramfs. Every volume that is
 * opened there gets its identity, so that what the TPM measures says which volumes are meant.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/boot.h"
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

/* The line as it is, with the identity as its last option. */
static int print_with_identity(const char *line, const uint8_t identity[IDENTITY_SIZE])
{
	_cleanup_free_ char *hex = hex_encode(identity, IDENTITY_SIZE);
	char field[4][FVETAB_LINE_MAX] = {"", "", "-", ""};

	if (!hex)
		return -ENOMEM;
	sscanf(line, "%1023s %1023s %1023s %1023s", field[0], field[1], field[2], field[3]);
	if (!strcmp(field[3], "-") || !strcmp(field[3], "none") || !strcmp(field[3], "defaults"))
		*field[3] = '\0';
	printf("%s %s %s %s%sidentity=%s\n", field[0], field[1], field[2], field[3],
	       *field[3] ? "," : "", hex);
	return 0;
}

static int print_line(const struct args *args, const char *line, const struct fvetab_entry *entry)
{
	char path[FVETAB_PATH_MAX + 32];
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
	return r < 0 ? r : print_with_identity(line, identity);
}

static int cmd_boot_table(const struct args *args)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	int result = boot_read_table(args, &text);

	rest = text;
	while (result == 0 && (line = strsep(&rest, "\n"))) {
		struct fvetab one;

		fvetab_parse(line, &one, boot_complain);
		if (one.n)
			result = print_line(args, line, &one.entry[0]);
	}
	return result;
}

ACTION(boot_table, "Boot", "boot-table", "", "fvetab as it goes into an initramfs",
       "Print the table with the identity of each volume that is opened in the initramfs, as this "
       "machine remembers it (fvesetup identity). Fails where one is not known and the table does "
       "not say identity=any. What dracut's module calls.",
       OPT_TABLE);

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The 'fvesetup boot check' action: what on this machine falls short of docs/threat-model.md,
 * though it works. Each finding has a code, and says what to do.
 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/boot.h"
#include "cli/object.h"
#include "cli/table.h"
#include "os/inner_name.h"
#include "protector/concerns.h"

#define UNITS  "/etc/systemd/system"
#define SMBIOS "/sys/firmware/dmi"

struct check {
	const struct args *args;
	struct boot boot;
	struct {
		struct inner_name inner;      /* what is inside; all "" where it is not known */
		char uuid[64];		      /* of the volume, or "" */
		bool identity, lockout, pcrs; /* what --fix can do */
	} volume[FVETAB_MAX];
	struct json_object *array; /* NULL: findings are printed */
	unsigned int n;		   /* of findings */
};

static int _printf_(4, 5)
	found(struct check *check, const char *code, const char *what, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	struct json_object *o;
	va_list list;
	int n;

	va_start(list, format);
	n = vasprintf(&text, format, list);
	va_end(list);
	if (n < 0)
		return -ENOMEM;
	check->n++;
	if (!check->array) {
		printf("%s: %s (%s)\n", what, text, code);
		return 0;
	}
	o = json_object_new_object();
	object_text(o, "code", code);
	object_text(o, "subject", what);
	object_text(o, "text", text);
	return json_object_array_add(check->array, o) < 0 ? -ENOMEM : 0;
}

/* --- volumes ---------------------------------------------------------------------------------- */

static int check_identity(struct check *check, size_t i)
{
	const struct boot_volume *volume = &check->boot.volume[i];
	const char *name = volume->entry->name;

	if (volume->entry->identity_is == FVETAB_IDENTITY_ANY)
		return found(
			check, "identity-any", name,
			"identity=any opens whatever has its UUID: take that out of the table");
	if (volume->identity_known)
		return 0;
	check->volume[i].identity = true;
	return found(check, "identity-missing", name,
		     "another volume with its UUID could take its place: fvesetup identity %s, "
		     "then dracut --force",
		     header_path(volume->header));
}

/* What the volume's protectors in this TPM fall short of. */
static int check_concerns(struct check *check, size_t i)
{
	const struct boot_volume *volume = &check->boot.volume[i];
	enum reason list[CONCERNS_MAX];
	size_t n = concerns_read(volume->header, check->args->unlock.tcti, list);
	int r = 0;

	for (size_t k = 0; r == 0 && k < n; k++) {
		check->volume[i].pcrs |= list[k] == REASON_WEAK_PCRS;
		check->volume[i].lockout |= list[k] == REASON_LOCKOUT_OPEN;
		r = found(check, reason_code(list[k]), volume->entry->name, "%s: %s %s",
			  reason_text(list[k]), concerns_remedy(list[k]),
			  header_path(volume->header));
	}
	return r;
}

static int check_volume(struct check *check, size_t i)
{
	struct boot_volume *volume = &check->boot.volume[i];
	const struct fvetab_entry *entry = volume->entry;
	char path[FVETAB_PATH_MAX + 32];
	int r;

	if (inner_name_read(entry->name, &check->volume[i].inner) < 0)
		inner_name_recall(entry->name, &check->volume[i].inner);
	/* A disk that is not there now is no finding. */
	if (fvetab_device_path(entry->device, path) < 0 || access(path, F_OK) < 0)
		return 0;
	if (boot_load_header(volume) < 0)
		return 0;
	snprintf(check->volume[i].uuid, sizeof(check->volume[i].uuid), "%s",
		 header_uuid(volume->header));
	r = check_identity(check, i);
	return r < 0 ? r : check_concerns(check, i);
}

/* --- names ------------------------------------------------------------------------------------ */

/* "UUID=x" and "/dev/disk/by-uuid/x" alike; NULL for what is no such name. */
static const char *name_in(const char *spec, const char *tag, const char *directory)
{
	if (!strncmp(spec, tag, strlen(tag)))
		return spec + strlen(tag);
	return strncmp(spec, directory, strlen(directory)) ? NULL : spec + strlen(directory);
}

static bool is_named(const char *name, const char *inner)
{
	return name && *inner && !strcasecmp(name, inner);
}

/* @spec is where a file system or swap is said to be: a name that anybody can give to his disk? */
static int check_spec(struct check *check, const char *where, const char *spec)
{
	const char *uuid = name_in(spec, "UUID=", "/dev/disk/by-uuid/");
	const char *label = name_in(spec, "LABEL=", "/dev/disk/by-label/");

	for (size_t i = 0; i < check->boot.table.n; i++) {
		const struct inner_name *inner = &check->volume[i].inner;
		const char *name = check->boot.table.entry[i].name;

		if (is_named(uuid, inner->uuid) || is_named(label, inner->label))
			return found(check, "inner-name", where,
				     "%s is inside the volume %s, and anybody can copy that name: "
				     "write /dev/mapper/%s",
				     spec, name, name);
	}
	return 0;
}

static int check_crypttab_spec(struct check *check, const char *where, const char *spec)
{
	const char *uuid = name_in(spec, "UUID=", "/dev/disk/by-uuid/");

	for (size_t i = 0; i < check->boot.table.n; i++)
		if (is_named(uuid, check->volume[i].uuid) ||
		    !strcmp(spec, check->boot.table.entry[i].device))
			return found(check, "stock-table", where,
				     "%s is the volume %s of fvetab: take the line out", spec,
				     check->boot.table.entry[i].name);
	return 0;
}

/* Field @field of each line of the table @path. */
static int check_table(struct check *check, const char *path, int field,
		       int (*judge)(struct check *, const char *, const char *))
{
	_cleanup_free_ char *text = NULL;
	unsigned int number = 0;
	char *rest, *line;
	int r = boot_read_text(path, &text);

	rest = text;
	while (r == 0 && (line = strsep(&rest, "\n"))) {
		char first[FVETAB_LINE_MAX], second[FVETAB_LINE_MAX], where[300];
		int n = sscanf(line, "%1023s %1023s", first, second);

		number++;
		if (n <= field || *first == '#')
			continue;
		snprintf(where, sizeof(where), "%.255s line %u", path, number);
		r = judge(check, where, field ? second : first);
	}
	return r;
}

/* "What=" of the units that somebody wrote. */
static int check_unit(struct check *check, const char *path)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;
	int r = boot_read_text(path, &text);

	rest = text;
	while (r == 0 && (line = strsep(&rest, "\n")))
		if (!strncmp(line, "What=", 5))
			r = check_spec(check, path, line + 5);
	return r;
}

static int check_units(struct check *check)
{
	_cleanup_dir_ DIR *dir = opendir(UNITS);
	const struct dirent *entry;
	int r = 0;

	while (dir && r == 0 && (entry = readdir(dir))) {
		const char *tail = strrchr(entry->d_name, '.');
		_cleanup_free_ char *path = NULL;

		if (!tail || (strcmp(tail, ".swap") && strcmp(tail, ".mount")))
			continue;
		if (asprintf(&path, UNITS "/%s", entry->d_name) < 0)
			r = -ENOMEM;
		else
			r = check_unit(check, path);
	}
	return r;
}

/* What systemd(1) takes of SMBIOS strings is in no PCR of the default: units, files, settings. */
static int check_credentials(struct check *check)
{
	const struct boot *boot = &check->boot;

	if (!boot->table.n || boot->kernel.no_credentials || access(SMBIOS, F_OK) < 0)
		return 0;
	return found(check, "firmware-credentials", "the kernel command line",
		     "systemd does what credentials of the firmware say, which nothing measures: "
		     "add systemd.import_credentials=no");
}

/* --- doing it --------------------------------------------------------------------------------- */

/* Each change reads the header anew, and so nothing here may hold it open. */
static int fix_volume(struct check *check, size_t i)
{
	struct boot_volume *volume = &check->boot.volume[i];
	_cleanup_free_ char *device = NULL;
	struct approve_request approve = {.unlock = check->args->unlock, .pcrs = "default"};
	int r = 0;

	if (!volume->header)
		return 0;
	device = strdup(header_path(volume->header));
	if (!device)
		return -ENOMEM;
	header_close(steal(volume->header));
	approve.unlock.device = device;
	if (check->volume[i].identity)
		r = cli_identity(&approve.unlock, false, false);
	if (r == 0 && check->volume[i].lockout)
		r = cli_lockout(&approve.unlock);
	if (r == 0 && check->volume[i].pcrs)
		r = cli_approve(&approve);
	return r;
}

static int fix(struct check *check)
{
	int result = 0;

	for (size_t i = 0; i < check->boot.table.n; i++) {
		int r = fix_volume(check, i);

		result = result ?: r;
	}
	if (result == 0)
		log_notice("The volumes are up to date. Change what else is named above; then make "
			   "the initramfs again, dracut --force, and have the TPM approve it: "
			   "fvesetup tpm approve, after its first boot.");
	return result;
}

/* The whole table, and not only what is opened now. */
static int load(const struct args *args, struct check *check)
{
	int r = boot_load(args, FVETAB_SYSTEM, NULL, &check->boot);

	check->boot.table = check->boot.all;
	for (size_t i = 0; r == 0 && i < check->boot.table.n; i++)
		check->boot.volume[i].entry = &check->boot.table.entry[i];
	return r;
}

static int run(struct check *check)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < check->boot.table.n; i++)
		r = check_volume(check, i);
	if (r == 0)
		r = check_spec(check, "root= of the kernel command line", check->boot.kernel.root);
	if (r == 0)
		r = check_spec(check, "resume= of the kernel command line",
			       check->boot.kernel.resume);
	if (r == 0)
		r = check_table(check, "/etc/fstab", 0, check_spec);
	if (r == 0)
		r = check_table(check, "/etc/crypttab", 1, check_crypttab_spec);
	if (r == 0)
		r = check_units(check);
	return r < 0 ? r : check_credentials(check);
}

static int cmd_boot_check(const struct args *args)
{
	struct check check = {
		.args = args,
	};
	int r;

	if (args->fix && args->json)
		return log_errno(EINVAL, "--fix and --json do not go together");
	check.array = args->json ? json_object_new_array() : NULL;
	r = load(args, &check);

	if (r == 0)
		r = run(&check);
	if (r == 0 && args->fix && check.n) {
		r = fix(&check);
		boot_free(&check.boot);
		return r;
	}
	boot_free(&check.boot);
	if (args->json && r == 0)
		r = object_print_list("findings", check.array);
	if (r == 0 && !check.n && !args->json)
		puts("Nothing to do.");
	return r == 0 && check.n ? -EINVAL : r;
}

ACTION(boot_check, "Boot", "boot check", "", "tell what falls short, though it boots",
       "Look at the volumes of fvetab(5), at fstab, crypttab, the mount and swap units and the "
       "kernel command line of this machine, and tell what is less safe than it can be: a volume "
       "whose identity nobody took note of, PCRs that another system can replay, a TPM that lets "
       "anybody forget wrong PINs, file systems that are named by what anybody can copy "
       "to another disk. Each with what to do about it. Exits with 1 where there is something. With "
       "--fix the volumes are brought up to date, each unlocked as by open: identity, lockoutAuth, "
       "PCRs. Files, and the initramfs, are left to you.",
       TO_UNLOCK, OPT_FIX, OPT_TABLE, OPT_KERNEL_CMDLINE, OPT_JSON);

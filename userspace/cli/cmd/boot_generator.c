// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The 'fvesetup boot-generator' action: a systemd generator. For each volume of the table drop-ins
 * say that its device appears when fve-unlock.service is done, so that mounts wait for a person
 * who types, and not much longer once that has failed; and keep stock units of the same name from
 * opening it. What opens is one unit and not one for each volume: one unseal, one question.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/boot.h"
#include "cli/table.h"
#include "os/inner_name.h"

/* A name in a unit's name, as systemd.unit(5) "STRING ESCAPING FOR INCLUSION IN UNIT NAMES". */
static void escape(char *ret, const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789:_.";

	for (; *name; name++)
		ret += sprintf(ret, strchr(plain, *name) ? "%c" : "\\x%02x", (unsigned char)*name);
	*ret = '\0';
}

/* The device of a volume waits for the unlock, for a person who types may take any time. */
#define DEVICE_DROP_IN(unit) \
	"[Unit]\n"           \
	"After=" unit "\n"   \
	"JobRunningTimeoutSec=10\n" /* for udev, once it is mapped */

static const char device_drop_in[] = DEVICE_DROP_IN("fve-unlock.service");
static const char network_drop_in[] = DEVICE_DROP_IN("fve-unlock-network.service");

/*
 * systemd-gpt-auto-generator takes each LUKS partition of the root's disk whose type it knows
 * (root, home, srv, var, swap) for its own, and calls it by that type. One that the table opens
 * under this name is open already, and nobody is to be asked for it.
 */
static const char cryptsetup_drop_in[] = "[Unit]\n"
					 "After=fve-unlock.service\n"
					 "[Service]\n"
					 "ExecStart=\n"
					 "ExecStart=/bin/true\n"
					 "ExecStop=\n";

static int make_directory(const char *path)
{
	return mkdir(path, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* DIRECTORY/UNIT.d/50-fve.conf */
static int write_drop_in(const char *directory, const char *unit, const char *text)
{
	_cleanup_free_ char *dir = NULL, *path = NULL;
	FILE *file;
	int r;

	if (asprintf(&dir, "%s/%s.d", directory, unit) < 0 ||
	    asprintf(&path, "%s/50-fve.conf", dir) < 0)
		return -ENOMEM;
	r = make_directory(dir);
	if (r < 0)
		return r;
	file = fopen(path, "we");
	if (!file)
		return -errno;
	fputs(text, file);
	return fclose(file) ? -EIO : 0;
}

/*
 * Whoever puts a disk beside ours can give it the names of what is inside a volume, and what was to
 * be encrypted would be written there in clear: to udev such a disk is not ready, and has no links.
 * What has another name in a udev rule than in plain letters has no rule.
 */
static void write_rule(FILE *file, const char *property, const char *value)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789:_.-";

	if (*value && !value[strspn(value, plain)])
		fprintf(file,
			"SUBSYSTEM==\"block\", ENV{%s}==\"%s\", ENV{DM_UUID}!=\"FVE-*\", "
			"ENV{SYSTEMD_READY}=\"0\", SYMLINK=\"\"\n",
			property, value);
}

/* Labels are short, and others may have one by chance: only such as fstab(5) uses. */
static bool fstab_has_label(const char *label)
{
	_cleanup_free_ char *word = NULL, *line = NULL;
	_cleanup_file_ FILE *file = fopen("/etc/fstab", "re");
	size_t size = 0;

	if (asprintf(&word, "LABEL=%s", label) < 0)
		word = NULL;
	while (file && word && getline(&line, &size, file) > 0) {
		char *field = line + strspn(line, " \t");

		field[strcspn(field, " \t\n")] = '\0';
		if (!strcmp(field, word))
			return true;
	}
	return false;
}

/* DIRECTORY/62-fve-names.rules, which fve-generator puts where udev looks. */
static int write_rules(const char *directory, const struct boot *boot)
{
	_cleanup_free_ char *path = NULL;
	struct inner_name inner;
	FILE *file;

	if (asprintf(&path, "%s/62-fve-names.rules", directory) < 0)
		return -ENOMEM;
	file = fopen(path, "we");
	if (!file)
		return -errno;
	for (size_t i = 0; i < boot->all.n; i++)
		if (inner_name_recall(boot->all.entry[i].name, &inner) == 0) {
			write_rule(file, "ID_FS_UUID", inner.uuid);
			if (fstab_has_label(inner.label))
				write_rule(file, "ID_FS_LABEL", inner.label);
		}
	return fclose(file) ? -EIO : 0;
}

static int want(const char *directory, const char *unit, const char *wanted)
{
	_cleanup_free_ char *dir = NULL, *link = NULL, *target = NULL;
	int r;

	if (asprintf(&dir, "%s/%s.wants", directory, unit) < 0 ||
	    asprintf(&link, "%s/%s", dir, wanted) < 0 ||
	    asprintf(&target, "/lib/systemd/system/%s", wanted) < 0)
		return -ENOMEM;
	r = make_directory(dir);
	if (r < 0)
		return r;
	if (symlink(target, link) < 0 && errno != EEXIST)
		r = -errno;
	return r;
}

/* What waits for each volume that is opened now, or with @network then. */
static int write_volumes(const char *directory, const struct boot *boot, bool network)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < boot->table.n; i++) {
		char name[4 * FVETAB_NAME_MAX + 1], unit[sizeof(name) + 32];

		escape(name, boot->table.entry[i].name);
		snprintf(unit, sizeof(unit), "dev-mapper-%s.device", name);
		r = write_drop_in(directory, unit, network ? network_drop_in : device_drop_in);
		snprintf(unit, sizeof(unit), "systemd-cryptsetup@%s.service", name);
		if (r == 0)
			r = write_drop_in(directory, unit, cryptsetup_drop_in);
	}
	return r;
}

static int write_network(const struct args *args, const char *directory)
{
	_cleanup_boot_ struct boot boot = {0};
	int r = boot_load(args, FVETAB_NETWORK, NULL, &boot);

	if (r < 0 || boot.initrd || !boot.table.n)
		return r;
	r = write_volumes(directory, &boot, true);
	return r < 0 ? r : want(directory, "multi-user.target", "fve-unlock-network.service");
}

static int cmd_boot_generator(const struct args *args)
{
	_cleanup_boot_ struct boot boot = {0};
	const char *directory = args->operand[0];
	int r = boot_load(args, FVETAB_SYSTEM, NULL, &boot);

	/* Generators make files that others read. */
	umask(022);
	if (r == 0)
		r = write_network(args, directory);
	if (r == 0 && boot.all.n)
		r = write_rules(directory, &boot);
	if (r < 0 || !boot.table.n)
		return r;
	r = write_volumes(directory, &boot, false);
	if (r == 0)
		r = want(directory, "sysinit.target", "fve.target");
	/* A driver that comes late brings a TPM that nobody has capped. */
	if (r == 0)
		r = want(directory, "dev-tpmrm0.device", "fve-cap.service");
	if (r == 0 && !boot.initrd)
		r = want(directory, "multi-user.target", "fve-finish.service");
	if (r < 0)
		return log_errno(-r, "cannot write units to %s: %s", directory, strerror(-r));
	return 0;
}

ACTION(boot_generator, "Boot", "boot-generator", "<directory>",
       "what systemd has to know of /etc/fvetab",
       "Write into <directory> what systemd.generator(7) expects: that the devices of fvetab(5) "
       "appear when the volumes are open, and that this is to be done.",
       OPT_TABLE, OPT_KERNEL_CMDLINE, OPT_IN_INITRD);

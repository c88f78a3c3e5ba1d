// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the boot-* actions share. */
#include <errno.h>
#include <string.h>

#include "cli/boot.h"
#include "cli/boot_net.h"
#include "os/device.h"
#include "os/file.h"
#include "os/twin.h"
#include "volume/cap.h"

#define TEXT_MAX (256 * 1024) /* bytes of a table */

void boot_complain(unsigned int line, const char *what, const char *word)
{
	if (line)
		log_error("line %u of the table: %s: %s", line, what, word);
	else
		log_error("%s: %s", what, word);
}

int boot_read_text(const char *path, char **ret)
{
	struct blob text = {0};
	int r = file_read(path, TEXT_MAX, &text);

	if (r < 0 && r != -ENOENT)
		return log_errno(-r, "cannot read %s: %s", path, strerror(-r));
	*ret = r < 0 ? strdup("") : (char *)text.data;
	return *ret ? 0 : -ENOMEM;
}

int boot_read_table(const struct args *args, char **ret)
{
	return boot_read_text(args->table_file ?: BOOT_TABLE, ret);
}

int boot_load(const struct args *args, enum fvetab_phase phase, const char *name, struct boot *ret)
{
	_cleanup_free_ char *table = NULL, *cmdline = NULL;
	int r;

	ret->args = args;
	ret->initrd = args->in_initrd || access("/etc/initrd-release", F_OK) == 0;
	r = boot_read_text(args->cmdline_file ?: BOOT_CMDLINE, &cmdline);
	if (r < 0)
		return r;
	r = boot_read_table(args, &table);
	if (r < 0)
		return r;
	bootargs_parse(cmdline, &ret->kernel, boot_complain);
	ret->n_wrong = fvetab_parse(table, &ret->table, boot_complain);
	ret->all = ret->table;
	fvetab_select(&ret->table, &ret->kernel, ret->initrd ? FVETAB_INITRD : phase, name);
	if (ret->initrd && ret->kernel.disabled)
		ret->table.n = 0;
	for (size_t i = 0; i < ret->table.n; i++) {
		ret->volume[i].entry = &ret->table.entry[i];
		ret->volume[i].initrd = ret->initrd;
	}
	return 0;
}

void boot_free(struct boot *boot)
{
	for (size_t i = 0; i < boot->table.n; i++) {
		boot_net_free(&boot->volume[i]);
		header_close(boot->volume[i].header);
		secret_free(boot->volume[i].fvek);
	}
}

/*
 * Which volume it has to be: what the table says, or what the machine remembers. The initramfs
 * remembers nothing, and its table, which the TPM measured, has the identity of each volume.
 */
static int find_identity(struct boot_volume *volume)
{
	const struct fvetab_entry *entry = volume->entry;
	int r;

	volume->identity_missing = false;
	volume->identity_known = entry->identity_is == FVETAB_IDENTITY_GIVEN;
	if (volume->identity_known)
		memcpy(volume->identity, entry->identity, IDENTITY_SIZE);
	if (entry->identity_is != FVETAB_IDENTITY_UNSET)
		return 0;
	r = identity_recall(header_uuid(volume->header), volume->identity);
	volume->identity_known = r == 0;
	/* One that cannot be read is not one that was never noted: noise on a disk is enough for
	 * it. */
	volume->identity_missing = r < 0 && (r != -ENOENT || volume->initrd);
	if (r == -ENOENT && volume->initrd)
		log_error("%s: no identity of it is known here, so only a person may open it. "
			  "Make the initramfs again: fvesetup boot check",
			  entry->name);
	return r == -ENOMEM ? r : 0;
}

int boot_load_header_of(struct boot_volume *volume, const char *device)
{
	/* "/dev/sda2" says more to a person than a link does. */
	_cleanup_free_ char *real = realpath(device, NULL);
	int r;

	if (volume->header)
		return 0;
	r = header_load(real ?: device, &volume->header);
	return r < 0 ? r : find_identity(volume);
}

int boot_load_header(struct boot_volume *volume)
{
	char path[FVETAB_PATH_MAX + 32];

	if (fvetab_device_path(volume->entry->device, path) < 0)
		return -ENAMETOOLONG;
	return boot_load_header_of(volume, path);
}

/* By which value of a partition the table names devices there; NULL: by what the header says. */
static const struct {
	const char *directory, *key;
} shared_names[] = {
	{"/dev/disk/by-uuid/", NULL},
	{"/dev/disk/by-label/", NULL},
	{"/dev/disk/by-partuuid/", "PART_ENTRY_UUID"},
	{"/dev/disk/by-partlabel/", "PART_ENTRY_NAME"},
};

struct copy {
	const struct boot_volume *volume;
	const char *key;
};

static int refuse_copy(void *data, const char *twin)
{
	const struct copy *copy = data;
	const char *path = header_path(copy->volume->header), *name = copy->volume->entry->name;

	if (copy->key && !device_partitions_alike(path, twin, copy->key))
		return 0;
	return log_errno(ENOTUNIQ,
			 "%s: %s is on %s and on %s, of which one is a copy of the other, and "
			 "neither is opened. Detach the copy, or open the right one: fvesetup open "
			 "DEVICE %s; to keep both, name it in fvetab by a path such as "
			 "/dev/disk/by-id/...",
			 name, copy->volume->entry->device, path, twin, name);
}

int boot_refuse_copy(struct boot_volume *volume)
{
	struct copy copy = {.volume = volume};
	char path[FVETAB_PATH_MAX + 32];
	bool shared = false;
	int r = fvetab_device_path(volume->entry->device, path);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(shared_names) && !shared; i++) {
		const char *directory = shared_names[i].directory;

		shared = !strncmp(path, directory, strlen(directory));
		copy.key = shared_names[i].key;
	}
	if (!shared || !volume->header)
		return 0;
	r = twin_each(header_path(volume->header), header_uuid(volume->header), refuse_copy, &copy);
	volume->copied = r < 0;
	return r;
}

/* Whether a TPM that is not capped could release a key; a header that cannot be read may. */
static bool has_tpm_protector(struct boot *boot)
{
	for (size_t i = 0; i < boot->table.n; i++)
		if (boot_load_header(&boot->volume[i]) < 0 ||
		    cap_has_tpm_protector(boot->volume[i].header))
			return true;
	return false;
}

int boot_cap(struct boot *boot, const uint8_t *identity)
{
	enum reason reason;
	int r = cap_tpm(boot->args->unlock.tcti, identity, &reason);

	if (r == 0)
		log_verbose("The TPM is capped: it releases no key again in this boot.");
	if (r == 0 || r == -ENODEV)
		return 0;
	if (!has_tpm_protector(boot)) {
		log_error("the TPM cannot be capped: %s (%s); no volume here depends on it",
			  reason_text(reason), reason_code(reason));
		return 0;
	}
	return log_errno(EIO,
			 "the TPM cannot be capped, and would release the key to whoever is next: "
			 "%s (%s); the boot does not go on",
			 reason_text(reason), reason_code(reason));
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The volumes of a boot: waiting for their devices, and mapping those that opened. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/boot.h"
#include "cli/boot_note.h"
#include "keys/identity.h"
#include "os/device.h"
#include "os/mapping.h"
#include "volume/volume.h"

#define DEVICE_TIMEOUT_S 90 /* systemd's for a device */
#define NOFAIL_TIMEOUT_S 10 /* a volume that the boot can do without */

static uint32_t device_timeout(const struct boot *boot, const struct fvetab_entry *entry)
{
	uint32_t standard = entry->nofail ? NOFAIL_TIMEOUT_S : DEVICE_TIMEOUT_S;

	return boot_chosen(boot->kernel.timeout_s, boot_chosen(entry->timeout_s, standard));
}

/* A mapping that was locked, and that somebody still had open. */
static bool is_dead(const struct mapping_state *state)
{
	return !strcmp(state->target, "error") || strstr(state->status, "revoked");
}

void boot_find_devices(struct boot *boot)
{
	time_t start = time(NULL);

	for (size_t i = 0; i < boot->table.n; i++) {
		struct boot_volume *volume = &boot->volume[i];
		const struct fvetab_entry *entry = volume->entry;
		_cleanup_mapping_state_ struct mapping_state state = {0};
		uint32_t timeout = device_timeout(boot, entry);
		time_t passed = time(NULL) - start;
		char path[FVETAB_PATH_MAX + 32];

		if (!boot->args->test && mapping_query(entry->name, &state) == 0) {
			if (is_dead(&state) && volume_close(entry->name) < 0)
				continue; /* in use, and its name with it */
			volume->open = !is_dead(&state);
		}
		if (volume->open) {
			log_verbose("%s is open already.", entry->name);
			continue;
		}
		if (fvetab_device_path(entry->device, path) < 0)
			continue;
		if (passed < 0 || passed > timeout)
			passed = timeout;
		if (device_wait(path, timeout - (uint32_t)passed) < 0)
			log_error("%s: the device %s is not there after %u s", entry->name,
				  entry->device, timeout);
		else if (boot_load_header(volume) == 0)
			boot_refuse_copy(volume);
	}
}

/* For who comes after: which protector opened, and whether it is the machine's volume. */
static int leave_note(const struct boot_volume *volume)
{
	struct boot_note note = {
		.kind = volume->used.kind,
		.mismatch = volume->mismatch,
		.whose = volume->foreign	  ? BOOT_FOREIGN
			 : volume->identity_known ? BOOT_OURS
						  : BOOT_ANY,
	};
	int r = identity_of(volume->fvek, note.identity);

	snprintf(note.id, sizeof(note.id), "%s", volume->used.head.id);
	if (r == 0)
		r = boot_note_write(volume->entry->name, &note);
	return r < 0 ? log_errno(-r, "cannot take note that %s is open: %s", volume->entry->name,
				 strerror(-r))
		     : 0;
}

/* The note comes first: what is mapped without one would be nobody's. */
static int map_and_note(const struct boot_volume *volume, const struct volume_flags *flags)
{
	const char *name = volume->entry->name;
	_cleanup_close_ int lock = -1;
	int r = boot_hold(&lock);

	if (r < 0)
		return r;
	if (boot_note_unattended(volume->used.kind) && boot_is_locked())
		return log_errno(EPERM,
				 "%s stays closed: volumes are locked in this boot, and only "
				 "a secret opens them: fvesetup boot-unlock",
				 name);
	r = leave_note(volume);
	if (r < 0)
		return r;
	r = volume_open(volume->header, volume->fvek, name, flags);
	if (r < 0)
		boot_note_remove(name);
	return r;
}

int boot_map(const struct boot *boot, struct boot_volume *volume)
{
	const struct fvetab_entry *entry = volume->entry;
	struct volume_flags flags = {
		.read_only = entry->read_only,
		.allow_discards = entry->discard,
	};
	int r = *entry->target ? volume_target_parse(entry->target, &flags.target) : 0;

	if (r < 0)
		return r;
	if (!boot->args->test)
		r = map_and_note(volume, &flags);
	if (r < 0)
		return r;
	volume->open = true;
	log_notice("%s (%s) opened by protector %s %s%s%s", entry->name,
		   header_path(volume->header), protector_kind_name(volume->used.kind),
		   volume->used.head.id, *volume->used.head.label ? ", " : "",
		   volume->used.head.label);
	return 0;
}

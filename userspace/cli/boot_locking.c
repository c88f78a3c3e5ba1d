// SPDX-License-Identifier: LGPL-2.1-or-later
/* Locking the volumes of a boot that nobody attends. */
#include <errno.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "cli/boot_locking.h"
#include "cli/boot_note.h"
#include "os/mapping.h"
#include "os/storage.h"
#include "volume/revoke.h"

static int collect(void *data, const char *name)
{
	_cleanup_volume_status_ struct volume_status status = {0};
	struct boot_open *all = data;
	struct boot_note note;
	bool noted;
	int r;

	if (all->n == BOOT_OPEN_MAX)
		return log_errno(E2BIG, "more than %d volumes are open", BOOT_OPEN_MAX);
	r = volume_status(name, &status);
	if (r < 0)
		return r;
	noted = boot_note_read(name, &note) == 0;
	snprintf(all->volume[all->n].name, FVETAB_NAME_MAX + 1, "%s", name);
	all->volume[all->n].number = status.number;
	all->volume[all->n].ours = noted && note.whose != BOOT_FOREIGN;
	all->volume[all->n].unattended = !noted || boot_note_unattended(note.kind);
	all->unattended |= all->volume[all->n].unattended;
	all->n++;
	return 0;
}

int boot_find_open(struct boot_open *ret)
{
	int r;

	*ret = (struct boot_open){0};
	r = volume_each(collect, ret);
	if (boot_attended())
		ret->unattended = false;
	return r;
}

size_t boot_numbers(const struct boot_open *open, dev_t ret[BOOT_OPEN_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < open->n; i++)
		if (open->volume[i].ours)
			ret[n++] = open->volume[i].number;
	return n;
}

/* A mapping that stands on another one, such as a logical volume. */
static int remove_holder(void *data, const char *name, const char *uuid)
{
	_cleanup_mapping_state_ struct mapping_state state = {0};
	const dev_t *below = data;
	dev_t number;

	(void)uuid;
	if (mapping_query(name, &state) < 0)
		return 0;
	number = makedev(state.major, state.minor);
	if (number != *below && storage_stands_on(number, *below))
		mapping_remove_deferred(name);
	return 0;
}

/* What a dead mapping still carries goes, so that its name is free for who has a secret. */
static int lock_one(const struct boot_open *open, size_t i)
{
	dev_t number = open->volume[i].number;
	int r = revoke_volume(open->volume[i].name);

	boot_note_remove(open->volume[i].name);
	if (r < 0)
		return log_errno(-r, "%s could not be locked; the boot does not go on",
				 open->volume[i].name);
	mapping_list(remove_holder, &number);
	log_notice("%s is locked again: nobody had typed a secret. To open it: fvesetup "
		   "boot-unlock",
		   open->volume[i].name);
	return 0;
}

/*
 * The volume that the booted system itself stands on comes last: without it udev answers no more,
 * and the removal of another mapping would wait for that without end.
 */
static int lock_all(const struct boot_open *open)
{
	dev_t root = storage_of_path("/");
	int result = 0, r;

	for (int last = 0; last < 2; last++)
		for (size_t i = 0; i < open->n; i++) {
			if (last != (root && storage_stands_on(root, open->volume[i].number)))
				continue;
			r = lock_one(open, i);
			result = result ?: r;
		}
	return result;
}

int boot_lock_volumes(struct boot *boot)
{
	_cleanup_close_ int lock = -1;
	struct boot_open open;
	int result = boot_cap(boot, NULL), r;

	if (result < 0)
		return result;
	result = boot_hold(&lock);
	if (result == 0)
		result = boot_find_open(&open);
	if (result < 0 || boot_attended())
		return result;
	/* Even with nothing open: whoever is to unlock may be about to. */
	result = boot_mark_locked();
	r = lock_all(&open);
	return result ?: r;
}

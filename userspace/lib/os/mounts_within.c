// SPDX-License-Identifier: LGPL-2.1-or-later
/* Comparing all devices of mounted file systems, of which btrfs can have several. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/util.h"
#include "os/mounts.h"
#include "os/mounts_within.h"
#include "os/storage.h"

#define BTRFS_DEVICES_MAX 64

struct devices {
	dev_t list[BTRFS_DEVICES_MAX];
	size_t n;
};

/* Read the devices of a directory /sys/fs/btrfs/<fsid>/devices; return whether @one is among them.
 */
static bool read_btrfs(const char *path, dev_t one, struct devices *ret)
{
	_cleanup_dir_ DIR *dir = opendir(path);
	const struct dirent *entry;
	bool found = false;

	ret->n = 0;
	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *name = NULL;
		struct stat st;

		if (*entry->d_name == '.')
			continue;
		/* A device that cannot be told, or is one too many, becomes 0, which is never good.
		 */
		if (ret->n == BTRFS_DEVICES_MAX || asprintf(&name, "/dev/%s", entry->d_name) < 0 ||
		    stat(name, &st) < 0) {
			ret->list[ret->n ? ret->n - 1 : ret->n++] = 0;
			continue;
		}
		ret->list[ret->n++] = st.st_rdev;
		found |= st.st_rdev == one;
	}
	return found;
}

/* Find all devices of the btrfs that has @one, since it may read from any that has the same ids. */
static void find_btrfs(dev_t one, struct devices *ret)
{
	_cleanup_dir_ DIR *dir = opendir("/sys/fs/btrfs");
	const struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir))) {
		_cleanup_free_ char *path = NULL;

		if (*entry->d_name != '.' &&
		    asprintf(&path, "/sys/fs/btrfs/%s/devices", entry->d_name) >= 0)
			found = read_btrfs(path, one, ret);
	}
	if (!found)
		*ret = (struct devices){.list = {one}, .n = 1};
}

/* Find the devices of a mount; a file system without a block device has none. */
static void find_devices(const struct mount *mount, struct devices *ret)
{
	*ret = (struct devices){.list = {mount->device}, .n = mount->device != 0};
	if (ret->n && !major(mount->number))
		find_btrfs(mount->device, ret);
}

/* Return whether a file system of @type holds only what this running system has put there. */
static bool is_of_kernel(const char *type)
{
	static const char *const types[] = {"proc",	"sysfs",      "devtmpfs", "devpts",
					    "tmpfs",	"ramfs",      "cgroup2",  "cgroup",
					    "mqueue",	"securityfs", "debugfs",  "tracefs",
					    "configfs", "efivarfs",   "bpf",	  "pstore",
					    "hugetlbfs"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

struct within {
	const char *top;
	const dev_t *good;
	size_t n;
	bool any; /* a file system with devices is mounted at @top itself */
	char *bad;
};

static bool is_below(const char *path, const char *top)
{
	size_t length = strlen(top);

	return !strncmp(path, top, length) && (!path[length] || path[length] == '/');
}

static int check_mount(void *data, const struct mount *mount)
{
	struct within *within = data;
	struct devices devices;

	if (!is_below(mount->point, within->top))
		return 0;
	find_devices(mount, &devices);
	/* Nothing is known of what an overlay or a network file system is made of. */
	if (!devices.n && !is_of_kernel(mount->type)) {
		within->bad = strdup(mount->source);
		return within->bad ? 1 : -ENOMEM;
	}
	/* Of several mounts on one directory the last is the one that is seen. */
	if (!strcmp(mount->point, within->top))
		within->any = devices.n > 0;
	for (size_t i = 0; i < devices.n; i++)
		if (!storage_within(devices.list[i], within->good, within->n)) {
			within->bad = strdup(mount->source);
			return within->bad ? 1 : -ENOMEM;
		}
	return 0;
}

int mounts_within(const char *top, const dev_t *good, size_t n, char **ret_bad)
{
	struct within within = {.top = top, .good = good, .n = n};
	int r = mounts_each(check_mount, &within);

	if (r < 0)
		return r;
	if (r == 0 && within.any)
		return 1;
	*ret_bad = within.bad ? within.bad : strdup("nothing");
	return *ret_bad ? 0 : -ENOMEM;
}

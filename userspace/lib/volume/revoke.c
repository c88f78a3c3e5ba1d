// SPDX-License-Identifier: LGPL-2.1-or-later
/* Revoking an open volume. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/log.h"
#include "os/mapping.h"
#include "os/mounts.h"
#include "os/storage.h"
#include "volume/revoke.h"
#include "volume/volume.h"

#define FREEZE_MS   10000
#define INTERVAL_MS 20
#define MOUNTS_MAX  256

/* Where file systems are mounted that stand on one device. */
struct mounts {
	char *points[MOUNTS_MAX]; /* owned */
	size_t n;
};

static void mounts_free(struct mounts *mounts)
{
	for (size_t i = 0; i < mounts->n; i++)
		free(mounts->points[i]);
}

#define _cleanup_mounts_ __attribute__((cleanup(mounts_free)))

struct mounts_on {
	dev_t device;
	struct mounts *found;
};

static int collect_mount(void *data, const struct mount *mount)
{
	const struct mounts_on *on = data;
	struct mounts *found = on->found;

	if (found->n == MOUNTS_MAX || !storage_stands_on(mount->device, on->device))
		return 0;
	found->points[found->n] = strdup(mount->point);
	return found->points[found->n] ? (found->n++, 0) : -ENOMEM;
}

static int find_mounts(dev_t device, struct mounts *ret)
{
	return mounts_each(collect_mount, &(struct mounts_on){.device = device, .found = ret});
}

static void freeze_or_thaw(const struct mounts *mounts, bool freeze)
{
	for (size_t i = 0; i < mounts->n; i++) {
		_cleanup_close_ int fd =
			open(mounts->points[i], O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NONBLOCK);

		if (fd >= 0)
			ioctl(fd, freeze ? FIFREEZE : FITHAW, 0);
	}
}

/* Whether @child ends within FREEZE_MS. */
static bool ends(pid_t child)
{
	for (int waited = 0; waited < FREEZE_MS; waited += INTERVAL_MS) {
		if (waitpid(child, NULL, WNOHANG) == child)
			return true;
		usleep(INTERVAL_MS * 1000);
	}
	return false;
}

/*
 * By a child, since a disk that hangs must not keep the key in memory: when its time is over the
 * key goes all the same, the child's I/O fails, and it ends.
 */
static pid_t freeze(const struct mounts *mounts)
{
	pid_t child = mounts->n ? fork() : -1;

	if (child == 0) {
		freeze_or_thaw(mounts, true);
		_exit(0);
	}
	return child > 0 && !ends(child) ? child : -1;
}

/* No page of it stays in the cache; dentries and inodes go, too. */
static void drop_caches(const char *name)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int device = -1, caches = -1;

	if (asprintf(&path, "/dev/mapper/%s", name) < 0)
		return;
	device = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (device >= 0)
		ioctl(device, BLKFLSBUF, 0);
	caches = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
	if (caches < 0 || write(caches, "3", 1) != 1)
		log_error("cannot drop caches: %m; what was read of %s may still be in memory",
			  name);
}

int revoke_volume(const char *name)
{
	_cleanup_volume_status_ struct volume_status status = {0};
	_cleanup_mounts_ struct mounts mounts = {0};
	pid_t freezing;
	int r = volume_status(name, &status);

	if (r < 0)
		return r;
	find_mounts(status.number, &mounts);
	freezing = status.suspended ? -1 : freeze(&mounts);
	r = strcmp(status.target, "crypt") ? mapping_message(name, "revoke") : mapping_fail(name);
	if (r == 0 && status.suspended)
		r = mapping_resume(name);
	if (r < 0)
		log_error("cannot revoke the key of %s: %s", name, strerror(-r));
	if (freezing > 0 && !ends(freezing))
		log_error("a file system on %s still waits for its disk", name);
	freeze_or_thaw(&mounts, false);
	/* With "/" would go whatever is mounted below it: /proc and /dev, which are needed yet. */
	for (size_t i = mounts.n; i > 0; i--)
		if (strcmp(mounts.points[i - 1], "/") &&
		    umount2(mounts.points[i - 1], MNT_DETACH) < 0)
			log_error("cannot unmount %s: %m", mounts.points[i - 1]);
	drop_caches(name);
	if (r == 0)
		r = mapping_remove_deferred(name);
	return r;
}

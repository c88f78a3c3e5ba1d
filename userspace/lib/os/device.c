// SPDX-License-Identifier: LGPL-2.1-or-later
/* Looking at a device, and locking it. This is the only file that includes libblkid. */
#include <blkid/blkid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/log.h"
#include "os/device.h"
#include "os/storage.h"

#define LOCK_DIRECTORY	   "/run/fve"
#define LOCK_TRIES	   100
#define LOCK_INTERVAL_USEC 100000
#define WAIT_INTERVAL_USEC 100000

static void blkid_free_probep(blkid_probe *probe)
{
	if (*probe)
		blkid_free_probe(*probe);
}

#define _cleanup_probe_ __attribute__((cleanup(blkid_free_probep)))

/* Make a probe for superblocks and partition tables on @fd. NULL on failure. */
static blkid_probe signature_probe(int fd)
{
	blkid_probe probe = blkid_new_probe();

	if (!probe)
		return NULL;
	if (blkid_probe_set_device(probe, fd, 0, 0)) {
		blkid_free_probe(probe);
		return NULL;
	}
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_MAGIC);
	blkid_probe_enable_partitions(probe, 1);
	blkid_probe_set_partitions_flags(probe, BLKID_PARTS_MAGIC);
	return probe;
}

static void find_signature(int fd, struct device_info *info)
{
	_cleanup_probe_ blkid_probe probe = signature_probe(fd);
	const char *type = NULL;

	if (!probe || blkid_do_probe(probe) != 0)
		return;
	if (blkid_probe_lookup_value(probe, "TYPE", &type, NULL) &&
	    blkid_probe_lookup_value(probe, "PTTYPE", &type, NULL))
		type = "unknown data";
	snprintf(info->signature, sizeof(info->signature), "%s", type);
}

int device_probe(const char *path, struct device_info *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct device_info info = {.sector_size = 512};
	struct stat st;
	int sector_size, read_only;

	if (fd < 0 || fstat(fd, &st) < 0)
		return log_errno(errno, "cannot open %s: %m", path);
	if (S_ISBLK(st.st_mode)) {
		/* A process that waits for I/O there cannot even be killed. */
		if (storage_suspended(st.st_rdev))
			return log_errno(EBUSY,
					 "%s is suspended, or a mapping below it is; for I/O to go "
					 "on: dmsetup resume NAME",
					 path);
		info.is_block = true;
		if (ioctl(fd, BLKGETSIZE64, &info.size) < 0 ||
		    ioctl(fd, BLKSSZGET, &sector_size) < 0 || ioctl(fd, BLKROGET, &read_only) < 0)
			return log_errno(errno, "cannot read the size of %s: %m", path);
		info.sector_size = (uint32_t)sector_size;
		info.read_only = read_only;
	} else if (S_ISREG(st.st_mode)) {
		info.size = (uint64_t)st.st_size;
	} else {
		return log_errno(ENOTBLK, "%s is neither a block device nor an image file", path);
	}
	find_signature(fd, &info);
	*ret = info;
	return 0;
}

int device_wait(const char *path, uint32_t timeout_s)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (access(path, F_OK) < 0) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec >= (time_t)timeout_s)
			return -ETIMEDOUT;
		usleep(WAIT_INTERVAL_USEC);
	}
	return 0;
}

/* Open @path and return the descriptor. -EBUSY: somebody has claimed it. Prints the message. */
static int open_unused(const char *path, int mode)
{
	struct stat st;
	int exclusive, fd;

	if (stat(path, &st) < 0)
		return log_errno(errno, "cannot open %s: %m", path);
	/* O_EXCL on a block device fails while a mount or a mapping claims it: open(2). */
	exclusive = S_ISBLK(st.st_mode) ? O_EXCL : 0;
	fd = open(path, mode | exclusive | O_CLOEXEC);
	if (fd < 0 && errno == EBUSY)
		return log_errno(EBUSY, "%s is in use: it is mounted, or open already", path);
	if (fd < 0)
		return log_errno(errno, "cannot open %s: %m", path);
	return fd;
}

int device_check_unused(const char *path)
{
	_cleanup_close_ int fd = open_unused(path, O_RDONLY);

	return fd < 0 ? fd : 0;
}

bool device_is_known(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_probe_ blkid_probe probe = fd < 0 ? NULL : signature_probe(fd);

	return probe && blkid_do_safeprobe(probe) == 0;
}

/* Return a value that blkid found, or "". */
static const char *value_of(blkid_probe probe, const char *name)
{
	const char *value;

	return blkid_probe_lookup_value(probe, name, &value, NULL) ? "" : value;
}

int device_inner_name(const char *path, char *ret_uuid, char *ret_label, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_probe_ blkid_probe probe = fd < 0 ? NULL : blkid_new_probe();

	if (!probe || blkid_probe_set_device(probe, fd, 0, 0))
		return -ENOENT;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_UUID | BLKID_SUBLKS_LABEL |
							 BLKID_SUBLKS_USAGE);
	/* USAGE is "filesystem", or "other" for swap; members of other volumes are "raid" or
	 * "crypto".
	 */
	if (blkid_do_safeprobe(probe) != 0 || (strcmp(value_of(probe, "USAGE"), "filesystem") &&
					       strcmp(value_of(probe, "USAGE"), "other")))
		return -ENOENT;
	snprintf(ret_uuid, size, "%s", value_of(probe, "UUID"));
	snprintf(ret_label, size, "%s", value_of(probe, "LABEL"));
	return *ret_uuid || *ret_label ? 0 : -ENOENT;
}

static int probe_volume(const char *path,
			int (*each)(void *data, const struct device_volume *volume), void *data,
			bool *unread)
{
	char luks[] = "crypto_LUKS", *only[] = {luks, NULL};
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_probe_ blkid_probe probe = fd < 0 ? NULL : blkid_new_probe();
	const char *subsystem;

	if (fd < 0 && (errno == EACCES || errno == EPERM))
		*unread = true;
	/* There is nothing to list on a drive without a medium, or on a device that went away. */
	if (!probe || blkid_probe_set_device(probe, fd, 0, 0))
		return 0;
	blkid_probe_enable_superblocks(probe, 1);
	blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
							 BLKID_SUBLKS_LABEL | BLKID_SUBLKS_VERSION);
	blkid_probe_filter_superblocks_type(probe, BLKID_FLTR_ONLYIN, only);
	if (blkid_do_probe(probe) != 0 || strcmp(value_of(probe, "VERSION"), "2"))
		return 0;
	subsystem = value_of(probe, "SUBSYSTEM");
	if (*subsystem && strcmp(subsystem, "fve"))
		return 0;
	return each(data, &(struct device_volume){
				  .path = path,
				  .uuid = value_of(probe, "UUID"),
				  .label = value_of(probe, "LABEL"),
				  .marked = *subsystem,
				  .size = (uint64_t)blkid_probe_get_size(probe),
			  });
}

int device_each_volume(int (*each)(void *data, const struct device_volume *volume), void *data,
		       bool *ret_unread)
{
	struct dirent **list;
	int n = scandir("/sys/class/block", &list, NULL, versionsort), r = 0;

	*ret_unread = false;
	if (n < 0)
		return log_errno(errno, "cannot list the block devices: %m");
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = NULL;

		if (*list[i]->d_name != '.' && r == 0 &&
		    asprintf(&path, "/dev/%s", list[i]->d_name) >= 0 &&
		    !storage_suspended(storage_number(path)))
			r = probe_volume(path, each, data, ret_unread);
		free(list[i]);
	}
	free(list);
	return r;
}

static char *partition_value(const char *path, const char *key)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_probe_ blkid_probe probe = fd < 0 ? NULL : blkid_new_probe();

	if (!probe || blkid_probe_set_device(probe, fd, 0, 0))
		return NULL;
	blkid_probe_enable_superblocks(probe, 0);
	blkid_probe_enable_partitions(probe, 1);
	blkid_probe_set_partitions_flags(probe, BLKID_PARTS_ENTRY_DETAILS);
	blkid_do_probe(probe);
	return strdup(value_of(probe, key));
}

bool device_partitions_alike(const char *a, const char *b, const char *key)
{
	_cleanup_free_ char *one = partition_value(a, key), *other = partition_value(b, key);

	return one && other && *one && !strcmp(one, other);
}

int device_wipe_signatures(const char *path)
{
	_cleanup_close_ int fd = open_unused(path, O_RDWR);
	_cleanup_probe_ blkid_probe probe = fd < 0 ? NULL : signature_probe(fd);

	if (fd < 0)
		return fd;
	if (!probe)
		return -ENOMEM;
	while (blkid_do_probe(probe) == 0)
		if (blkid_do_wipe(probe, 0))
			return log_errno(EIO, "cannot wipe the old signature of %s", path);
	return 0;
}

/* An attempt to write says "Input/output error", and comes after the first question. */
static int check_writable(const char *path)
{
	struct device_info info;
	int r = device_probe(path, &info);

	if (r < 0)
		return r;
	if (info.read_only)
		return log_errno(EROFS, "%s is read-only (blockdev --getro); nothing was changed",
				 path);
	if (access(path, W_OK) < 0)
		return log_errno(errno, "cannot write to %s: %m; nothing was changed", path);
	return 0;
}

int device_lock(const char *path, enum device_use use, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	char lock_path[64];
	struct stat st;

	if (stat(path, &st) < 0)
		return log_errno(errno, "cannot open %s: %m", path);
	if (use == DEVICE_TO_CHANGE) {
		int r = check_writable(path);

		if (r < 0)
			return r;
	}
	if (S_ISBLK(st.st_mode))
		snprintf(lock_path, sizeof(lock_path), LOCK_DIRECTORY "/block-%u:%u",
			 major(st.st_rdev), minor(st.st_rdev));
	else
		snprintf(lock_path, sizeof(lock_path), LOCK_DIRECTORY "/file-%ju-%ju",
			 (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	if (mkdir(LOCK_DIRECTORY, 0700) < 0 && errno != EEXIST)
		return log_errno(errno, "cannot create " LOCK_DIRECTORY ": %m");
	fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return log_errno(errno, "cannot create the lock file %s: %m", lock_path);
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return log_errno(errno, "cannot lock %s: %m", lock_path);
		if (i == 0)
			log_notice("Another fvesetup is changing %s; waiting for it.", path);
		if (i == LOCK_TRIES)
			return log_errno(EBUSY,
					 "%s is still being changed by another fvesetup; "
					 "try again when it is done",
					 path);
		usleep(LOCK_INTERVAL_USEC);
	}
	*ret_fd = steal_fd(fd);
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading a startup key from removable media. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/log.h"
#include "os/device.h"
#include "protector/key_medium.h"
#include "protector/protector.h"

#define MOUNT_POINT "/run/fve/key"

static int read_key(const char *directory, const char *path, struct secret **ret)
{
	_cleanup_secret_ struct secret *key = secret_new(STARTUP_KEY_SIZE);
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *whole = NULL;
	struct stat st;

	if (!key || asprintf(&whole, "%s%s", directory, path) < 0)
		return -ENOMEM;
	fd = open(whole, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return log_errno(errno, "cannot open the startup key %s: %m", path);
	if (!S_ISREG(st.st_mode) || st.st_size != STARTUP_KEY_SIZE ||
	    read(fd, key->data, key->size) != (ssize_t)key->size)
		return log_errno(EINVAL, "%s is no startup key, which has %d bytes", path,
				 STARTUP_KEY_SIZE);
	*ret = steal(key);
	return 0;
}

/*
 * What sticks are formatted with. Anybody may plug one in, perhaps before the cap: ext4 and its
 * like are far more code of the kernel's to be attacked through what is written on it.
 */
static bool is_used_here(const char *file_system)
{
	static const char *const used[] = {"vfat", "exfat"};

	for (size_t i = 0; i < ARRAY_SIZE(used); i++)
		if (!strcmp(file_system, used[i]))
			return true;
	return false;
}

static int mount_and_read(const char *device, const char *path, struct secret **ret)
{
	struct device_info info;
	int r = device_probe(device, &info);

	if (r < 0)
		return r;
	if (!is_used_here(info.signature))
		return log_errno(EMEDIUMTYPE,
				 "%s holds no file system for a startup key (vfat, exfat)", device);
	if ((mkdir("/run/fve", 0700) < 0 && errno != EEXIST) ||
	    (mkdir(MOUNT_POINT, 0700) < 0 && errno != EEXIST) ||
	    mount(device, MOUNT_POINT, info.signature, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  NULL) < 0)
		return log_errno(errno, "cannot mount %s: %m", device);
	r = read_key(MOUNT_POINT, path, ret);
	if (umount2(MOUNT_POINT, MNT_DETACH) < 0)
		log_error("cannot unmount %s: %m", device);
	return r;
}

int key_medium_read(const char *device, const char *path, uint32_t timeout_s, struct secret **ret)
{
	if (!device)
		return read_key("", path, ret);
	if (device_wait(device, timeout_s) < 0)
		return log_errno(ENOENT,
				 "the medium of the startup key, %s, is not there after %u s",
				 device, timeout_s);
	return mount_and_read(device, path, ret);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"

int file_read(const char *path, size_t max, struct blob *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_blob_ struct blob file = {0};
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return -EFBIG;
	file.data = malloc((size_t)st.st_size + 1);
	if (!file.data)
		return -ENOMEM;
	n = read(fd, file.data, (size_t)st.st_size);
	if (n != st.st_size)
		return n < 0 ? -errno : -EIO;
	file.size = (size_t)n;
	*ret = file;
	file = (struct blob){0};
	return 0;
}

/* Make the last change of a name in the directory of @path last. */
static int sync_directory(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = -1;
	char *slash;

	if (!copy)
		return -ENOMEM;
	slash = strrchr(copy, '/');
	if (slash)
		slash[slash == copy] = '\0';
	fd = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int write_new(const char *path, const void *data, size_t size, mode_t mode)
{
	_cleanup_close_ int fd =
		open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, data, size);
	if (n != (ssize_t)size)
		return n < 0 ? -errno : -ENOSPC;
	return fsync(fd) < 0 ? -errno : 0;
}

int file_replace(const char *path, const void *data, size_t size, mode_t mode)
{
	_cleanup_free_ char *beside = NULL;
	int r;

	if (asprintf(&beside, "%s.new", path) < 0)
		return -ENOMEM;
	r = write_new(beside, data, size, mode);
	if (r == 0 && rename(beside, path) < 0)
		r = -errno;
	if (r < 0) {
		unlink(beside);
		return r;
	}
	return sync_directory(path);
}

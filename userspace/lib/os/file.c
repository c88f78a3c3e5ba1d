// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "os/file.h"

static int open_regular(const char *path, size_t max, int *ret_fd, size_t *ret_size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return -EFBIG;
	*ret_size = (size_t)st.st_size;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int read_whole(int fd, void *data, size_t size)
{
	ssize_t n = read(fd, data, size);

	return n < 0 ? -errno : (size_t)n == size ? 0 : -EIO;
}

int file_read(const char *path, size_t max, struct blob *ret)
{
	_cleanup_blob_ struct blob file = {0};
	_cleanup_close_ int fd = -1;
	int r = open_regular(path, max, &fd, &file.size);

	if (r < 0)
		return r;
	file.data = malloc(file.size + 1);
	r = file.data ? read_whole(fd, file.data, file.size) : -ENOMEM;
	if (r < 0)
		return r;
	*ret = file;
	file = (struct blob){0};
	return 0;
}

int file_read_secret(const char *path, size_t max, struct secret **ret)
{
	_cleanup_secret_ struct secret *file = NULL;
	_cleanup_close_ int fd = -1;
	size_t size;
	int r = open_regular(path, max, &fd, &size);

	if (r < 0)
		return r;
	file = secret_new(size);
	r = file ? read_whole(fd, file->data, size) : -ENOMEM;
	if (r == 0)
		*ret = steal(file);
	return r;
}

int file_read_small(const char *path, struct blob *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t buffer[65536];
	ssize_t n = fd < 0 ? -1 : read(fd, buffer, sizeof(buffer));

	if (n < 0)
		return log_errno(errno, "cannot read %s: %m", path);
	if (n == sizeof(buffer))
		return log_errno(EFBIG, "%s is too long", path);
	return blob_set(ret, buffer, (size_t)n);
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

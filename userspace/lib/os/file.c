// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "os/file.h"

#define SMALL_MAX  65535
#define FIRST_ROOM 4096

/* Up to @room bytes, fewer only at the end; their number. */
static ssize_t read_up_to(int fd, void *data, size_t room)
{
	size_t size = 0;
	ssize_t n = 1;

	while (n && size < room) {
		n = read(fd, (uint8_t *)data + size, room - size);
		if (n < 0 && errno != EINTR)
			return -errno;
		size += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)size;
}

/* What the kernel makes up as it is read has no size before. */
int file_read(const char *path, size_t max, struct blob *ret)
{
	_cleanup_blob_ struct blob file = {0};
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t room = 0;

	if (fd < 0)
		return -errno;
	while (file.size == room) {
		uint8_t *more;
		ssize_t n;

		if (room > max)
			return -EFBIG;
		room = room ? 2 * room : FIRST_ROOM;
		more = realloc(file.data, room + 1);
		if (!more)
			return -ENOMEM;
		file.data = more;
		n = read_up_to(fd, file.data + file.size, room - file.size);
		if (n < 0)
			return (int)n;
		file.size += (size_t)n;
	}
	if (file.size > max)
		return -EFBIG;
	file.data[file.size] = '\0';
	*ret = steal_struct(file);
	return 0;
}

/* Locked memory is scarce: as much as the file is long. */
int file_read_secret(const char *path, size_t max, struct secret **ret)
{
	_cleanup_secret_ struct secret *file = NULL;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return -EFBIG;
	file = secret_new((size_t)st.st_size);
	if (!file)
		return -ENOMEM;
	n = read_up_to(fd, file->data, file->size);
	if (n != (ssize_t)file->size)
		return n < 0 ? (int)n : -EIO;
	*ret = steal(file);
	return 0;
}

int file_read_small(const char *path, struct blob *ret)
{
	int r = file_read(path, SMALL_MAX, ret);

	if (r == -EFBIG)
		return log_errno(EFBIG, "%s is too long", path);
	return r < 0 ? log_errno(-r, "cannot read %s: %s", path, strerror(-r)) : 0;
}

int file_sync_name(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = -1;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int write_all(int fd, const void *data, size_t size)
{
	ssize_t n = write(fd, data, size);

	return n < 0 ? -errno : (size_t)n == size ? 0 : -ENOSPC;
}

int file_create_begin(const char *path, mode_t mode, int *ret_fd)
{
	*ret_fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	return *ret_fd < 0 ? log_errno(errno, "cannot write %s: %m", path) : 0;
}

int file_try_create(const char *path, uint64_t size)
{
	_cleanup_close_ int fd = -1;
	int error, r = file_create_begin(path, 0600, &fd);

	if (r < 0)
		return r;
	error = posix_fallocate(fd, 0, (off_t)size);
	if (unlink(path) < 0 && !error)
		error = errno;
	return error ? log_errno(error, "cannot write %s: %s", path, strerror(error)) : 0;
}

int file_check_new(const char *path, const char *what)
{
	if (!path)
		return 0;
	/* Of a file that is read it means standard input. */
	if (!strcmp(path, "-"))
		return log_errno(EINVAL, "a %s is not written to -; a file of that name is ./-",
				 what);
	if (access(path, F_OK) == 0)
		return log_errno(EEXIST, "%s exists; a %s is not written over it", path, what);
	return file_try_create(path, SMALL_MAX);
}

static int stat_directory(const char *path, struct stat *ret)
{
	_cleanup_free_ char *copy = strdup(path);

	return copy ? stat(dirname(copy), ret) : -1;
}

bool file_is_one(const char *a, const char *b)
{
	_cleanup_free_ char *copy_a = a ? strdup(a) : NULL, *copy_b = b ? strdup(b) : NULL;
	struct stat in_a, in_b;

	return copy_a && copy_b && !strcmp(basename(copy_a), basename(copy_b)) &&
	       stat_directory(a, &in_a) == 0 && stat_directory(b, &in_b) == 0 &&
	       in_a.st_dev == in_b.st_dev && in_a.st_ino == in_b.st_ino;
}

int file_create_end(const char *path, int fd, int r)
{
	int synced = 0;

	if (r == 0)
		synced = fsync(fd) < 0 ? -errno : file_sync_name(path);
	if (synced < 0)
		r = log_errno(-synced, "cannot write %s: %s", path, strerror(-synced));
	if (r < 0)
		unlink(path);
	return r;
}

int file_create(const char *path, mode_t mode, const void *data, size_t size)
{
	_cleanup_close_ int fd = -1;
	int r = file_create_begin(path, mode, &fd);

	if (r < 0)
		return r;
	/* Sticks may have no modes at all. */
	if (mode & S_IROTH && fchmod(fd, mode) < 0)
		r = -errno;
	if (r == 0)
		r = write_all(fd, data, size);
	if (r < 0)
		log_error("cannot write %s: %s", path, strerror(-r));
	return file_create_end(path, fd, r);
}

int file_replace(const char *path, const void *data, size_t size, mode_t mode)
{
	_cleanup_free_ char *beside = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&beside, "%s.new", path) < 0)
		return -ENOMEM;
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	r = mode & S_IROTH && fchmod(fd, mode) < 0 ? -errno : 0;
	if (r == 0)
		r = write_all(fd, data, size);
	if (r == 0 && (fsync(fd) < 0 || rename(beside, path) < 0))
		r = -errno;
	if (r == 0)
		return file_sync_name(path);
	unlink(beside);
	return r;
}

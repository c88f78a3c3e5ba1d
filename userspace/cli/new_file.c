// SPDX-License-Identifier: LGPL-2.1-or-later
/* Creating files. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cli/new_file.h"

int cli_check_new_file(const char *path, const char *what)
{
	if (path && access(path, F_OK) == 0)
		return log_errno(EEXIST, "%s exists; a %s is not written over it", path, what);
	return 0;
}

/* The name of a new file must survive a power cut as its contents do. */
int cli_sync_directory(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = -1;

	if (!copy)
		return -ENOMEM;
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* What others are to read needs its mode set past the umask; sticks may have no modes at all. */
static bool set_mode(int fd, mode_t mode)
{
	return !(mode & S_IROTH) || fchmod(fd, mode) == 0;
}

static int write_new(const char *path, mode_t mode, const void *data, size_t size)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	if (fd < 0)
		return log_errno(errno, "cannot create %s: %m", path);
	if (!set_mode(fd, mode) || write(fd, data, size) != (ssize_t)size || fsync(fd) < 0 ||
	    cli_sync_directory(path) < 0) {
		int error = errno ?: EIO;

		unlink(path);
		return log_errno(error, "cannot write %s: %s", path, strerror(error));
	}
	return 0;
}

/* No line end: stock `cryptsetup --key-file` takes every byte of the file. */
int cli_write_secret(const char *path, const struct secret *secret)
{
	return write_new(path, 0600, secret->data, secret->size);
}

/* Nothing in it is secret: whoever brings it away need not be root. */
int cli_write_packet(const char *path, const struct blob *packet)
{
	return write_new(path, 0644, packet->data, packet->size);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading and replacing the files of the machine's state. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/log.h"
#include "os/file.h"
#include "os/state.h"

#define STATE_DIRECTORY	 "/var/lib/fve"
#define STATE_SIZE_MAX	 (1024 * 1024)
#define LOCK_WAIT_MS	 10000
#define LOCK_INTERVAL_MS 50

const char *state_directory(void)
{
	return secure_getenv("FVE_STATE") ?: STATE_DIRECTORY;
}

int state_check_name(const char *what, const char *name, size_t max)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	if (*name && *name != '.' && strlen(name) <= max && strspn(name, allowed) == strlen(name))
		return 0;
	return log_errno(EINVAL,
			 "%s is no name for a %s: it takes letters, digits, -, _ and ., and at "
			 "most %zu of them",
			 name, what, max);
}

static char *state_path(const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", state_directory(), name) < 0 ? NULL : path;
}

int state_read(const char *name, char **ret)
{
	_cleanup_free_ char *path = state_path(name);
	_cleanup_blob_ struct blob blob = {0};
	int r = path ? file_read(path, STATE_SIZE_MAX, &blob) : -ENOMEM;

	if (r == -ENOENT)
		return r;
	if (r < 0)
		return log_errno(-r, "cannot read %s: %s", path ?: name, strerror(-r));
	*ret = (char *)steal(blob.data);
	return 0;
}

char *state_record(const char *directory, const char *name)
{
	char *file;

	return asprintf(&file, "%s/%s" STATE_SUFFIX, directory, name) < 0 ? NULL : file;
}

int state_read_record(const char *what, const char *directory, const char *name, size_t max,
		      char **ret)
{
	_cleanup_free_ char *file = NULL;
	int r = state_check_name(what, name, max);

	if (r < 0)
		return r;
	file = state_record(directory, name);
	r = file ? state_read(file, ret) : -ENOMEM;
	return r == -ENOENT ? log_errno(ENOENT, "there is no %s %s; see: fvesetup %s list", what,
					name, what)
			    : r;
}

int state_read_secret(const char *name, struct secret **ret)
{
	_cleanup_free_ char *path = state_path(name);
	int r = path ? file_read_secret(path, STATE_SIZE_MAX, ret) : -ENOMEM;

	return r < 0 && r != -ENOENT
		       ? log_errno(-r, "cannot read %s: %s", path ?: name, strerror(-r))
		       : r;
}

/* Make the state directory, and in it the directory of @path. */
static int make_directories(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	char *parent;

	if (!copy)
		return -ENOMEM;
	parent = dirname(copy);
	if ((mkdir(state_directory(), 0700) < 0 && errno != EEXIST) ||
	    (mkdir(parent, 0700) < 0 && errno != EEXIST))
		return -errno;
	return file_sync_name(parent);
}

static int write_file(const char *path, const char *text)
{
	int r = make_directories(path);

	return r < 0 ? r : file_replace(path, text, strlen(text), 0600);
}

int state_write(const char *name, const char *text)
{
	_cleanup_free_ char *path = state_path(name);
	int r = path ? write_file(path, text) : -ENOMEM;

	return r < 0 ? log_errno(-r, "cannot write %s: %s", path ?: name, strerror(-r)) : 0;
}

int state_remove(const char *name)
{
	_cleanup_free_ char *path = state_path(name);
	int r;

	if (!path)
		return -ENOMEM;
	if (unlink(path) < 0)
		return errno == ENOENT ? 0 : log_errno(errno, "cannot remove %s: %m", path);
	r = file_sync_name(path);
	return r < 0 ? log_errno(-r, "cannot remove %s: %s", path, strerror(-r)) : 0;
}

int state_each(const char *name, const char *suffix, int (*each)(void *data, const char *stem),
	       void *data)
{
	_cleanup_free_ char *path = state_path(name);
	struct dirent **entries;
	int n, r = 0;

	if (!path)
		return -ENOMEM;
	n = scandir(path, &entries, NULL, alphasort);
	if (n < 0)
		return errno == ENOENT ? 0 : log_errno(errno, "cannot read %s: %m", path);
	for (int i = 0; i < n; i++) {
		char *file = entries[i]->d_name;
		size_t length = strlen(file), tail = strlen(suffix);

		if (r == 0 && length > tail && !strcmp(file + length - tail, suffix)) {
			file[length - tail] = '\0';
			r = each(data, file);
		}
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* Return the file descriptor of the lock, or -errno. */
static int open_lock(const char *path)
{
	int fd, r = make_directories(path);

	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

int state_lock(int *ret_fd)
{
	_cleanup_free_ char *path = state_path("lock");
	_cleanup_close_ int fd = path ? open_lock(path) : -ENOMEM;

	if (fd < 0)
		return log_errno(-fd, "cannot use %s: %s", state_directory(), strerror(-fd));
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += LOCK_INTERVAL_MS) {
		if (waited >= LOCK_WAIT_MS)
			return log_errno(EBUSY, "another fvesetup is changing %s",
					 state_directory());
		usleep(LOCK_INTERVAL_MS * 1000);
	}
	*ret_fd = steal_fd(fd);
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Preloaded into fvesetup: power goes in the middle of the FVE_CUT_AT-th write to FVE_CUT_FILE.
 * Half of it, in whole sectors, is written; then the process is killed.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512

static int is_cut_now(int fd)
{
	static long count;
	const char *path = getenv("FVE_CUT_FILE"), *at = getenv("FVE_CUT_AT");
	struct stat file, image;

	if (!path || !at || fstat(fd, &file) < 0 || stat(path, &image) < 0 ||
	    file.st_dev != image.st_dev || file.st_ino != image.st_ino)
		return 0;
	return ++count == strtol(at, NULL, 10);
}

typedef ssize_t (*write_function)(int, const void *, size_t);
typedef ssize_t (*pwrite_function)(int, const void *, size_t, off_t);

/* NOLINTBEGIN: the C library names its parameters otherwise. */
ssize_t write(int fd, const void *buf, size_t n)
{
	write_function next = (write_function)dlsym(RTLD_NEXT, "write");

	if (!is_cut_now(fd))
		return next(fd, buf, n);
	next(fd, buf, n / 2 / SECTOR * SECTOR);
	kill(getpid(), SIGKILL);
	return -1;
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t offset)
{
	pwrite_function next = (pwrite_function)dlsym(RTLD_NEXT, "pwrite");

	if (!is_cut_now(fd))
		return next(fd, buf, n, offset);
	next(fd, buf, n / 2 / SECTOR * SECTOR, offset);
	kill(getpid(), SIGKILL);
	return -1;
}

ssize_t pwrite64(int fd, const void *buf, size_t n, off_t offset) __attribute__((alias("pwrite")));
/* NOLINTEND */

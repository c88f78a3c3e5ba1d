// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Preloaded into fvesetup: power goes in the middle of the FVE_CUT_AT-th write to FVE_CUT_FILE.
 * Half of it, in whole sectors, is written; then the process is killed. With FVE_CUT_SIGNAL it gets
 * that signal before the write instead, and goes on as it can; with FVE_CUT_ERROR that write, and
 * each later one, fails with that error. The number of writes goes to the file FVE_CUT_COUNT in the
 * end.
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512

static long number(const char *name)
{
	const char *text = getenv(name);

	return text ? strtol(text, NULL, 10) : 0;
}

static long count;

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("FVE_CUT_COUNT");
	FILE *file = path ? fopen(path, "we") : NULL;

	if (!file)
		return;
	fprintf(file, "%ld\n", count);
	fclose(file);
}

static int is_counted(int fd)
{
	const char *path = getenv("FVE_CUT_FILE");
	struct stat file, image;

	return path && fstat(fd, &file) == 0 && stat(path, &image) == 0 &&
	       file.st_dev == image.st_dev && file.st_ino == image.st_ino;
}

/* What is to become of this write. */
static enum {
	WRITE,
	CUT,
	FAIL
} fate(int fd)
{
	if (!is_counted(fd))
		return WRITE;
	count++;
	if (number("FVE_CUT_ERROR") && count >= number("FVE_CUT_AT")) {
		errno = (int)number("FVE_CUT_ERROR");
		return FAIL;
	}
	if (count != number("FVE_CUT_AT"))
		return WRITE;
	if (!number("FVE_CUT_SIGNAL"))
		return CUT;
	kill(getpid(), (int)number("FVE_CUT_SIGNAL"));
	return WRITE;
}

typedef ssize_t (*write_function)(int, const void *, size_t);
typedef ssize_t (*pwrite_function)(int, const void *, size_t, off_t);

/* NOLINTBEGIN: the C library names its parameters otherwise. */
ssize_t write(int fd, const void *buf, size_t n)
{
	write_function next = (write_function)dlsym(RTLD_NEXT, "write");

	switch (fate(fd)) {
	case WRITE:
		return next(fd, buf, n);
	case CUT:
		next(fd, buf, n / 2 / SECTOR * SECTOR);
		kill(getpid(), SIGKILL);
		return -1;
	default:
		return -1;
	}
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t offset)
{
	pwrite_function next = (pwrite_function)dlsym(RTLD_NEXT, "pwrite");

	switch (fate(fd)) {
	case WRITE:
		return next(fd, buf, n, offset);
	case CUT:
		next(fd, buf, n / 2 / SECTOR * SECTOR, offset);
		kill(getpid(), SIGKILL);
		return -1;
	default:
		return -1;
	}
}

ssize_t pwrite64(int fd, const void *buf, size_t n, off_t offset) __attribute__((alias("pwrite")));
/* NOLINTEND */

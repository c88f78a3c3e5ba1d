// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Preloaded into fvesetup: it is killed before the FVE_KILL_AT-th call that leaves anything outside
 * of it: on a disk, in a file, in the TPM. Between two of these a kill does what it does just
 * before the second, so that all of them are all the moments there are, however fast the machine
 * is. Without FVE_KILL_AT the number of such calls is written to the file FVE_KILL_COUNT in the
 * end.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

static pid_t owner;
static long count, at;

/* Providers and other children live on. */
__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("FVE_KILL_AT");

	unsetenv("LD_PRELOAD");
	owner = getpid();
	at = text ? strtol(text, NULL, 10) : 0;
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("FVE_KILL_COUNT");
	FILE *file = path && getpid() == owner ? fopen(path, "we") : NULL;

	if (!file)
		return;
	fprintf(file, "%ld\n", count);
	fclose(file);
}

static void step(void)
{
	if (getpid() == owner && ++count == at)
		kill(owner, SIGKILL);
}

#define COUNTED(type, name, parameters, arguments)                                    \
	type name parameters                                                          \
	{                                                                             \
		type(*next) parameters = (type(*) parameters)dlsym(RTLD_NEXT, #name); \
                                                                                      \
		step();                                                               \
		return next arguments;                                                \
	}

/* NOLINTBEGIN: the C library names its parameters otherwise. */
COUNTED(ssize_t, write, (int fd, const void *buf, size_t n), (fd, buf, n))
COUNTED(ssize_t, pwrite, (int fd, const void *buf, size_t n, off_t offset), (fd, buf, n, offset))
COUNTED(ssize_t, pwrite64, (int fd, const void *buf, size_t n, off_t offset), (fd, buf, n, offset))
COUNTED(ssize_t, send, (int fd, const void *buf, size_t n, int flags), (fd, buf, n, flags))
COUNTED(int, fsync, (int fd), (fd))
COUNTED(int, fdatasync, (int fd), (fd))
COUNTED(int, ftruncate, (int fd, off_t size), (fd, size))
COUNTED(int, rename, (const char *from, const char *to), (from, to))
COUNTED(int, unlink, (const char *path), (path))
COUNTED(int, flock, (int fd, int operation), (fd, operation))
/* NOLINTEND */

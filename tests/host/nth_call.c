// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Preloaded into fvesetup: something befalls the FVE_CALL_AT-th call that leaves anything outside
 * of it: on a disk, in a file, in the TPM.
 *
 *   FVE_CALL_ERROR=N    it is not made, and gives errno N; a command to the TPM gets the response
 *                       code FVE_CALL_RC instead, and so do FVE_CALL_TIMES of them
 *   without             the process is killed before it. Between two of these calls a kill does
 *                       what it does just before the second, so that all of them are all the
 *                       moments there are, however fast the machine is
 *
 * With FVE_CALL_FILE=PATH reads of that file are such calls as well. A disk that does not sync once
 * does not sync again.
 *
 * The number of such calls is written to the file FVE_CALL_COUNT in the end, and with it the name
 * of the one that failed.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define RC_FAILURE 0x101 /* TPM_RC_FAILURE */
#define TPM_HEADER 10	 /* bytes: tag, size, command or response code */

static pid_t owner;
static long count, at, error, rc, times;
static const char *failed = "";
static int is_dead; /* the disk does not sync any more */
/* While a response that the TPM did not give is read from @tpm_fd, its connection is @kept. */
static int tpm_fd = -1, kept = -1;

static long number(const char *name, long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtol(text, NULL, 0) : otherwise;
}

/* Providers and other children live on. */
__attribute__((constructor)) static void begin(void)
{
	unsetenv("LD_PRELOAD");
	owner = getpid();
	at = number("FVE_CALL_AT", 0);
	error = number("FVE_CALL_ERROR", 0);
	rc = number("FVE_CALL_RC", RC_FAILURE);
	times = number("FVE_CALL_TIMES", 1);
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("FVE_CALL_COUNT");
	FILE *file = path && getpid() == owner ? fopen(path, "we") : NULL;

	if (!file)
		return;
	fprintf(file, "%ld%s%s\n", count, *failed ? " " : "", failed);
	fclose(file);
}

/* True if this call, @name, is to fail. */
static int step(const char *name)
{
	if (is_dead && !strcmp(name, "fsync")) {
		errno = (int)error;
		return 1;
	}
	if (getpid() != owner || ++count != at)
		return 0;
	if (!error)
		kill(owner, SIGKILL);
	failed = name;
	is_dead = !strcmp(name, "fsync");
	errno = (int)error;
	return 1;
}

static int is_command(int fd, const uint8_t *data, size_t size)
{
	struct stat st;
	uint32_t length;

	if (size < TPM_HEADER || data[0] != 0x80 || fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode))
		return 0;
	memcpy(&length, data + 2, sizeof(length));
	return ntohl(length) == size;
}

/* What is read from @fd next is a response with the code @rc. */
static int answer(int fd)
{
	uint8_t response[TPM_HEADER] = {0x80, 0x01};
	uint32_t fields[2] = {htonl(sizeof(response)), htonl((uint32_t)rc)};
	int pair[2];

	memcpy(response + 2, fields, sizeof(fields));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	if (kept < 0)
		kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	tpm_fd = fd;
	if (kept < 0 || dup2(pair[0], fd) < 0 ||
	    send(pair[1], response, sizeof(response), 0) != sizeof(response))
		return -1;
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static void end_answer(int fd)
{
	if (kept < 0 || fd != tpm_fd)
		return;
	dup2(kept, fd);
	close(kept);
	kept = -1;
}

/* The number may be another file's next, which is not to become the connection. */
static void drop_answer(int fd)
{
	if (kept < 0 || fd != tpm_fd)
		return;
	tpm_fd = -1;
	close(kept);
	kept = -1;
}

/* True if what is written to @fd is not: *@ret is what the caller gets. */
static int is_lost(int fd, const void *data, size_t size, ssize_t *ret)
{
	int is_tpm = is_command(fd, data, size);

	if (!step(is_tpm ? "tpm" : "write")) {
		end_answer(fd);
		return 0;
	}
	if (is_tpm && --times > 0)
		at++; /* the next one, too */
	*ret = is_tpm && answer(fd) == 0 ? (ssize_t)size : -1;
	return 1;
}

static int is_read(int fd)
{
	const char *path = getenv("FVE_CALL_FILE");
	struct stat file, wanted;

	return path && fstat(fd, &file) == 0 && stat(path, &wanted) == 0 &&
	       file.st_dev == wanted.st_dev && file.st_ino == wanted.st_ino && step("read");
}

typedef ssize_t (*write_function)(int, const void *, size_t);
typedef ssize_t (*send_function)(int, const void *, size_t, int);

/* NOLINTBEGIN: the C library names its parameters otherwise. */
ssize_t write(int fd, const void *buf, size_t n)
{
	ssize_t r;

	return is_lost(fd, buf, n, &r) ? r
				       : ((write_function)dlsym(RTLD_NEXT, "write"))(fd, buf, n);
}

ssize_t send(int fd, const void *buf, size_t n, int flags)
{
	ssize_t r;

	return is_lost(fd, buf, n, &r)
		       ? r
		       : ((send_function)dlsym(RTLD_NEXT, "send"))(fd, buf, n, flags);
}

#define WITH_FATE(fails, type, name, parameters, arguments)                           \
	type name parameters                                                          \
	{                                                                             \
		type(*next) parameters = (type(*) parameters)dlsym(RTLD_NEXT, #name); \
                                                                                      \
		return (fails) ? -1 : next arguments;                                 \
	}
#define COUNTED(type, name, ...)      WITH_FATE(step(#name), type, name, __VA_ARGS__)
#define COUNTED_READ(type, name, ...) WITH_FATE(is_read(fd), type, name, __VA_ARGS__)

COUNTED(ssize_t, pwrite, (int fd, const void *buf, size_t n, off_t offset), (fd, buf, n, offset))
COUNTED(ssize_t, pwrite64, (int fd, const void *buf, size_t n, off_t offset), (fd, buf, n, offset))
COUNTED_READ(ssize_t, read, (int fd, void *buf, size_t n), (fd, buf, n))
COUNTED_READ(ssize_t, pread, (int fd, void *buf, size_t n, off_t offset), (fd, buf, n, offset))
COUNTED_READ(ssize_t, pread64, (int fd, void *buf, size_t n, off_t offset), (fd, buf, n, offset))
COUNTED(int, fsync, (int fd), (fd))
COUNTED(int, fdatasync, (int fd), (fd))
COUNTED(int, ftruncate, (int fd, off_t size), (fd, size))
COUNTED(int, rename, (const char *from, const char *to), (from, to))
COUNTED(int, unlink, (const char *path), (path))
COUNTED(int, mkdir, (const char *path, mode_t mode), (path, mode))
COUNTED(int, flock, (int fd, int operation), (fd, operation))
WITH_FATE((drop_answer(fd), 0), int, close, (int fd), (fd))
/* NOLINTEND */

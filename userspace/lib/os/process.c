// SPDX-License-Identifier: LGPL-2.1-or-later
/* The process itself: its descriptors, its memory, its limits. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/log.h"
#include "os/process.h"

#define FREED_BYTE 0x5a /* any but 0: that would turn M_PERTURB off */

/*
 * open() gives the lowest number that is free. If that were 1, a password that is printed would go
 * into the file; if it were 0, the file would be read as a password.
 */
static void fill_descriptors(void)
{
	/* Each is opened in the wrong direction, so that using it fails with EBADF. */
	static const int modes[] = {
		[STDIN_FILENO] = O_WRONLY,
		[STDOUT_FILENO] = O_RDONLY,
		[STDERR_FILENO] = O_RDONLY,
	};

	for (int fd = 0; fd < (int)ARRAY_SIZE(modes); fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			_exit(1);
}

void process_init(void)
{
	static const struct rlimit none = {0, 0};

	fill_descriptors();
	/* Foreign libraries free their copies of keys, passwords and PINs unwiped. */
	mallopt(M_PERTURB, FREED_BYTE);
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	/* A file that grows beyond a limit is an error, and no end between two writes. */
	signal(SIGXFSZ, SIG_IGN);
	umask(077);
}

/* Return whether @room bytes of memory could be mapped now. They are not touched. */
static bool has_room(size_t room)
{
	void *probe =
		mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return probe != MAP_FAILED && munmap(probe, room) == 0;
}

void process_lock_memory(size_t room)
{
	/* Only pages in use: threads' stacks and heaps are mapped far larger than they get. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0 && has_room(room))
		return;
	log_debug("Only keys are locked into memory: %m");
	munlockall();
}

int process_check_stdout(void)
{
	/* A write of no bytes fails where the descriptor or the device takes no byte at all. */
	return fflush(stdout) || write(STDOUT_FILENO, "", 0) < 0 ? -errno : 0;
}

int process_close_stdout(void)
{
	/* An earlier failure has left its mark on the stream, but no errno. Some file systems
	 * report failures only from close(); the stream itself stays open, for the message. */
	if (fflush(stdout) || close(STDOUT_FILENO) < 0)
		return -errno;
	return ferror(stdout) ? -EIO : 0;
}

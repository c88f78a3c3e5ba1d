/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every program of ours does to itself: first of all, before secrets, and last of all. */
#ifndef FVE_PROCESS_H
#define FVE_PROCESS_H

#include <stddef.h>

/*
 * The first call of main(). A standard descriptor that is closed is taken by /dev/null, opened so
 * that whoever uses it gets EBADF as before, and no file that is opened later can be taken for it;
 * where that fails, the program ends with status 1. No core file, no ptrace by the same user, no
 * file that others can read, and freed memory is overwritten.
 */
void process_init(void);

/*
 * Keep all of the process out of swap, libraries' copies of secrets too; struct secret does that
 * for itself. Before the first secret, since it is undone where RLIMIT_MEMLOCK would then refuse
 * the @room bytes that are needed later, by a KDF (KDF_ROOM).
 */
void process_lock_memory(size_t room);

/* 0 where something may be written to standard output. -errno: it is closed, or full. */
int process_check_stdout(void);

/* The last call of main(): 0 where all that was printed has been written. -errno; no message. */
int process_close_stdout(void);

#endif

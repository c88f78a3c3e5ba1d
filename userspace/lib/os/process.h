/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Steps that every program of ours takes for its own process: when it starts, before it has
 * secrets, and when it ends. */
#pragma once

#include <stddef.h>

/*
 * Prepare the process; this is the first call of main(). /dev/null is opened in place of each
 * standard descriptor that is closed, in the wrong direction: using it still fails with EBADF, and
 * no file that is opened later can be taken for it. Where that fails, the program ends with status
 * 1. From then on there is no core file, no ptrace by the same user and no new file that others can
 * read, and freed memory is overwritten.
 */
void process_init(void);

/*
 * Keep the whole process out of swap, with the copies of secrets that libraries make; struct secret
 * does that for itself. It must be called before the first secret is made, since it is undone where
 * RLIMIT_MEMLOCK would then refuse the @room bytes that a KDF needs later (KDF_ROOM).
 */
void process_lock_memory(size_t room);

/* Return 0 where standard output can be written to. -errno: it is closed, or its device is full. */
int process_check_stdout(void);

/* Close standard output; this is the last call of main(). -errno without a message: something that
 * was printed could not be written. */
int process_close_stdout(void);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the machine keeps between boots beside the headers: policies, the audit log. Small text
 * files under /var/lib/fve, each replaced as a whole, so that a power cut leaves the old or the new
 * one.
 */
#ifndef FVE_STATE_H
#define FVE_STATE_H

#include "base/secret.h"
#include "base/util.h"

/* The directory: /var/lib/fve, or what FVE_STATE in the environment says. Borrowed. */
const char *state_directory(void);

/*
 * Whether @name may be that of a @what, which is a file's name here: letters, digits, "-", "_" and
 * ".", and no dot at its beginning. -EINVAL with a message.
 */
int state_check_name(const char *what, const char *name, size_t max);

/* Read @name below it; the caller frees. -ENOENT without a message; others with one. */
int state_read(const char *name, char **ret);

/* The same for what is secret. */
int state_read_secret(const char *name, struct secret **ret);

/* Replace @name by @text, or make it, with its directory. The message is made here. */
int state_write(const char *name, const char *text);

/* Remove @name for good; it may be gone already. The message is made here. */
int state_remove(const char *name);

/*
 * Call @each for every file of directory @name whose name ends in @suffix, with the name without
 * it, in the order of their names, until it gives something else than 0; gives that.
 */
int state_each(const char *name, const char *suffix, int (*each)(void *data, const char *stem),
	       void *data);

/* One reader and writer at a time, until @ret_fd is closed; waits ten seconds. -EBUSY. */
int state_lock(int *ret_fd);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * State that the machine keeps between boots beside the headers, such as key policies and tenants:
 * small text files under /var/lib/fve. Each is replaced as a whole, so that a power cut leaves the
 * old or the new one. Functions return 0 or -errno, and print the message unless they say
 * otherwise.
 */
#pragma once

#include "base/secret.h"
#include "base/util.h"

/* Return the directory, borrowed: FVE_STATE of the environment, or /var/lib/fve. */
const char *state_directory(void);

/*
 * Check that @name may be the name of a @what ("tenant"), which becomes the name of a file: 1 to
 * @max letters, digits, "-", "_" and ".", not beginning with a dot. -EINVAL.
 */
int state_check_name(const char *what, const char *name, size_t max);

/* Read the file @name as text, owned by the caller. -ENOENT without a message: there is none. */
int state_read(const char *name, char **ret);

#define STATE_SUFFIX ".json" /* of a record's file */

/* The file of the record @name in @directory, <directory>/<name>.json, owned by the caller; NULL:
 * no memory. */
char *state_record(const char *directory, const char *name);
/* Read the record of the @what ("tenant") called @name, which is checked as by state_check_name().
 * -ENOENT with a message: there is none. */
int state_read_record(const char *what, const char *directory, const char *name, size_t max,
		      char **ret);

/* Read the file @name as a secret. -ENOENT without a message: there is none. */
int state_read_secret(const char *name, struct secret **ret);

/* Replace the file @name by @text, or make it, and its directory where that is missing. */
int state_write(const char *name, const char *text);

/* Remove the file @name and sync its directory; it may be gone already. */
int state_remove(const char *name);

/*
 * Call @each for every file in directory @name that ends in @suffix, in the order of their names
 * and without the suffix, until it returns something other than 0, and return that.
 */
int state_each(const char *name, const char *suffix, int (*each)(void *data, const char *stem),
	       void *data);

/* Lock the state against other processes until @ret_fd is closed. -EBUSY: it was locked for ten
 * seconds. */
int state_lock(int *ret_fd);

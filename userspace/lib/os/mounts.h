/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mount table, as /proc/self/mountinfo gives it (proc(5)). */
#pragma once

#include <sys/types.h>

/* One mount. Its strings are borrowed from mounts_each(). */
struct mount {
	dev_t number; /* of the file system; its major is 0 where no block device has that number */
	dev_t device; /* the block device, or of several (btrfs) the one that is named; 0: none */
	const char *point;
	const char *type;
	const char *source;
};

/*
 * Call @each for every mount, in the order in which they were made, until it returns something
 * other than 0, and return that. -errno without a message: the table cannot be read.
 */
int mounts_each(int (*each)(void *data, const struct mount *mount), void *data);

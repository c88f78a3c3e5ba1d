/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is mounted where, as proc(5) tells in mountinfo. */
#ifndef FVE_MOUNTS_H
#define FVE_MOUNTS_H

#include <sys/types.h>

/* One mount; strings borrowed from mounts_each(). */
struct mount {
	dev_t number; /* of the file system; its major is 0 where that is no block device's */
	dev_t device; /* the block device, or of several (btrfs) the one that is named; 0: none */
	const char *point;
	const char *type;
	const char *source;
};

/*
 * Call @each for every mount in the order in which they were made, until it gives something else
 * than 0; gives that, or -errno.
 */
int mounts_each(int (*each)(void *data, const struct mount *mount), void *data);

#endif

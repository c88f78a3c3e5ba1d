/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is mounted where, as proc(5) tells in mountinfo. */
#ifndef FVE_MOUNTS_H
#define FVE_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
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

/*
 * Whether all file systems at @top and below it stand on the devices @good with all that they are
 * made of, whatever lies between (storage_within), but for those of the kernel and of its memory.
 * 1; 0 where one does not, or has no block device, or nothing is mounted at @top itself: @ret_bad
 * says which mount, for the caller to free; -errno.
 */
int mounts_within(const char *top, const dev_t *good, size_t n, char **ret_bad);

#endif

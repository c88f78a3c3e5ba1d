/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What mounted file systems stand on. */
#ifndef FVE_MOUNTS_WITHIN_H
#define FVE_MOUNTS_WITHIN_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Whether all file systems at @top and below it stand on the devices @good with all that they are
 * made of, whatever lies between (storage_within), but for those of the kernel and of its memory.
 * 1; 0 where one does not, or has no block device, or nothing is mounted at @top itself: @ret_bad
 * says which mount, for the caller to free; -errno.
 */
int mounts_within(const char *top, const dev_t *good, size_t n, char **ret_bad);

#endif

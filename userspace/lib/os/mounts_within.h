/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding the devices that mounted file systems stand on. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/*
 * Check that every file system mounted at @top or below it stands entirely on the devices @good,
 * whatever lies between (storage_within). File systems of the kernel and of its memory, such as
 * proc and tmpfs, do not count. Returns 1, or 0 where one stands elsewhere or has no block device,
 * or where nothing is mounted at @top itself: @ret_bad, owned by the caller, names it then. -errno
 * without a message.
 */
int mounts_within(const char *top, const dev_t *good, size_t n, char **ret_bad);

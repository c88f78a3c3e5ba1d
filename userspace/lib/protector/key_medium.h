/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A startup key on a stick that may be plugged in only now. */
#pragma once

#include <stdint.h>

#include "base/secret.h"

/*
 * Wait up to @timeout_s seconds for the device @device (a path under /dev, or NULL where @path
 * is on a file system that is mounted already), mount it read-only (vfat or exfat) for as long as
 * it takes, and read the startup key @path from it. -ENOENT: no such device or file in time;
 * -EINVAL: the file is no startup key; -EMEDIUMTYPE: no file system that is used here. The message
 * is made here.
 */
int key_medium_read(const char *device, const char *path, uint32_t timeout_s, struct secret **ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Using a file as a block device. */
#pragma once

#include <stdbool.h>

/*
 * Attach the file @path to a free loop device. @ret_device, owned by the caller, is its path,
 * "/dev/loopN". The kernel detaches it when nobody has it open any more; until it is mapped,
 * @ret_fd keeps it open. Returns 0 or -errno with a message.
 */
int loop_attach(const char *path, bool read_only, char **ret_device, int *ret_fd);

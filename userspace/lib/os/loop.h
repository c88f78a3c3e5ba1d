/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file as a block device. */
#ifndef FVE_LOOP_H
#define FVE_LOOP_H

#include <stdbool.h>

/*
 * Attach the file @path to a free loop device, "/dev/loopN" in @ret_device, owned by the caller. It
 * is detached by the kernel when nobody has it open any more; until then @ret_fd keeps it. The
 * message is made here.
 */
int loop_attach(const char *path, bool read_only, char **ret_device, int *ret_fd);

#endif

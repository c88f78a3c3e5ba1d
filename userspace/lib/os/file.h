/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files of our own state: read whole, replaced whole. */
#ifndef FVE_FILE_H
#define FVE_FILE_H

#include <sys/types.h>

#include "base/secret.h"
#include "base/util.h"

/* All of @path, which has at most @max bytes. -ENOENT; -EFBIG. No message. */
int file_read(const char *path, size_t max, struct blob *ret);

/* The same for what is secret: nothing of it is ever in other memory. */
int file_read_secret(const char *path, size_t max, struct secret **ret);

/* At most 64 KiB of any file: a certificate, or what is signed. The message is made here. */
int file_read_small(const char *path, struct blob *ret);

/*
 * Put @size bytes at @data in the place of @path, in one step that a power cut does not halve: a
 * new file beside it is synced, renamed, and the directory synced. No message.
 */
int file_replace(const char *path, const void *data, size_t size, mode_t mode);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* New files that are handed to somebody: none is written over, and each survives a power cut. */
#ifndef FVE_NEW_FILE_H
#define FVE_NEW_FILE_H

#include "base/secret.h"
#include "base/util.h"

/* Refuse a file for a new @what that exists, before anything is written. NULL is fine. */
int cli_check_new_file(const char *path, const char *what);

/* Make the name of a new file at @path last. -errno, and errno is set; no message. */
int cli_sync_directory(const char *path);

/* Write @secret to the new file @path, for its owner only. The message is made here. */
int cli_write_secret(const char *path, const struct secret *secret);

/* Write a packet or an acknowledgement to the new file @path, for everybody to read. */
int cli_write_packet(const char *path, const struct blob *packet);

#endif

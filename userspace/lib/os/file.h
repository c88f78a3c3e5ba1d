/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files: one way to read one whole, one to make a new one, one to replace one. What is written has
 * survived a power cut when the call comes back.
 */
#pragma once

#include <sys/types.h>

#include "base/secret.h"
#include "base/util.h"

/*
 * All of @path, which has at most @max bytes. Past its end stands a '\0' that does not count, so
 * that a text is a string. -ENOENT; -EFBIG. No message.
 */
int file_read(const char *path, size_t max, struct blob *ret);

/* The same for a regular file that is secret: nothing of it is ever in other memory. */
int file_read_secret(const char *path, size_t max, struct secret **ret);

/* At most 64 KiB of any file: a certificate, or what is signed. The message is made here. */
int file_read_small(const char *path, struct blob *ret);

/*
 * Make a file of @size bytes and remove it: only that tells of a missing directory, permissions,
 * a read-only file system and a full one. The message is made here.
 */
int file_try_create(const char *path, uint64_t size);
/*
 * Refuse a file for a new @what that exists, or cannot be made, before anything is written. NULL is
 * fine. The message is made here.
 */
int file_check_new(const char *path, const char *what);
/* Whether @a and @b, new files or NULL, are to have one name in one directory. */
bool file_is_one(const char *a, const char *b);

/*
 * Make the new file @path with these @size bytes at @data; what others are to read gets its mode
 * whatever the umask. Where that fails there is no file. -EEXIST and others, with a message.
 */
int file_create(const char *path, mode_t mode, const void *data, size_t size);

/* The same in two steps, for who writes it in between: make it, -EEXIST with a message; */
int file_create_begin(const char *path, mode_t mode, int *ret_fd);
/*
 * then sync it and its name. @r: what became of the writing, with its message made. Where that is
 * negative, or this fails, with a message, the file goes. Gives @r, or -errno.
 */
int file_create_end(const char *path, int fd, int r);

/*
 * Put @size bytes at @data in the place of @path, in one step that a power cut does not halve: a
 * new file beside it is synced, renamed, and the directory synced. What others are to read gets its
 * mode whatever the umask. No message.
 */
int file_replace(const char *path, const void *data, size_t size, mode_t mode);

/* Make the last change of a name in the directory of @path last. No message. */
int file_sync_name(const char *path);

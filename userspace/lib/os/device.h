/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Block devices and image files before anything is known of their contents. */
#ifndef FVE_DEVICE_H
#define FVE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct device_info {
	uint64_t size;	      /* bytes */
	uint32_t sector_size; /* logical block size in bytes; 512 for a file */
	bool is_block;
	char signature[32]; /* what libblkid finds there ("ext4", "crypto_LUKS", "gpt"), or "" */
};

/* -ENOENT, -EACCES, -ENOTBLK (neither block device nor regular file); the message is made here. */
int device_probe(const char *path, struct device_info *ret);

/*
 * UUID and label of the file system or swap on @path, "" where it has none; both of @size bytes.
 * -ENOENT without a message where there is neither, or the device is not there.
 */
int device_inner_name(const char *path, char *ret_uuid, char *ret_label, size_t size);

/*
 * Whether libblkid knows, without doubt, what is on @path: a file system, swap, a part of another
 * volume, a partition table. systemd waits for an open volume until udev has found one of these.
 */
bool device_is_known(const char *path);

/* Wait up to @timeout_s seconds until @path is there. -ETIMEDOUT, without a message. */
int device_wait(const char *path, uint32_t timeout_s);

/* -EBUSY with a message when @path is mounted, mapped or otherwise claimed. */
int device_check_unused(const char *path);

/*
 * Call @each for every block device with a LUKS2 header of subsystem "fve", until it gives
 * something else than 0; gives that. Devices whose I/O waits for a suspended mapping are left out.
 */
int device_each_volume(int (*each)(void *data, const char *path, const char *uuid,
				   const char *label),
		       void *data);

/* Wipe every signature that libblkid knows from @path. -EBUSY as above, with nothing wiped. */
int device_wipe_signatures(const char *path);

/*
 * One writer of a header at a time: an advisory lock for @path, held until @ret_fd is closed.
 * Waits up to ten seconds for another fvesetup, then gives -EBUSY. The lock is a file of our own
 * under /run, since libcryptsetup locks the device or file itself.
 */
int device_lock(const char *path, int *ret_fd);

#endif

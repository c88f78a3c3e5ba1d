/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Block devices and image files, looked at from outside: their size, what libblkid recognises on
 * them, who uses them, and the lock under which a header is changed. Functions return 0 or -errno,
 * and print the message unless they say otherwise.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct device_info {
	uint64_t size;	      /* bytes */
	uint32_t sector_size; /* logical block size in bytes; 512 for a file */
	bool is_block;
	bool read_only;	    /* a block device that was set so (blockdev(8), --setro) */
	char signature[32]; /* libblkid's name of what it finds ("ext4", "crypto_LUKS"), or "" */
};

/*
 * Open @path and describe it. -ENOENT; -EACCES; -ENOTBLK: it is no block device and no file;
 * -EBUSY: I/O to it would wait for a mapping that is suspended.
 */
int device_probe(const char *path, struct device_info *ret);

/*
 * Read UUID and label of the file system or swap on @path into buffers of @size bytes each; ""
 * where one is missing. -ENOENT without a message: there is neither, or no such device.
 */
int device_inner_name(const char *path, char *ret_uuid, char *ret_label, size_t size);

/*
 * Return whether libblkid recognises, without doubt, what is on @path: a file system, swap, a
 * member of another volume or a partition table. systemd waits for an open volume until udev has
 * found one of these.
 */
bool device_is_known(const char *path);

/* Wait up to @timeout_s seconds until @path exists. -ETIMEDOUT without a message. */
int device_wait(const char *path, uint32_t timeout_s);

/* Check that nobody uses @path. -EBUSY: it is mounted, mapped or otherwise claimed. */
int device_check_unused(const char *path);

/* A block device with a LUKS2 header, as libblkid sees it. Strings are borrowed. */
struct device_volume {
	const char *path, *uuid, *label;
	bool marked;   /* by the subsystem "fve"; else there is none, and who calls has to look */
	uint64_t size; /* of the device in bytes */
};

/*
 * Call @each for every block device with a LUKS2 header of subsystem "fve" or of none, until it
 * returns something other than 0, and return that. A device is left out where its I/O would wait
 * for a suspended mapping. @ret_unread: there are devices that this process may not read.
 */
int device_each_volume(int (*each)(void *data, const struct device_volume *volume), void *data,
		       bool *ret_unread);

/*
 * Return whether @a and @b are partitions that are called alike by @key, libblkid's
 * "PART_ENTRY_UUID" or "PART_ENTRY_NAME".
 */
bool device_partitions_alike(const char *a, const char *b, const char *key);

/* Wipe every signature that libblkid finds on @path. -EBUSY: it is in use, and nothing is wiped. */
int device_wipe_signatures(const char *path);

enum device_use {
	DEVICE_TO_READ, /* or to map */
	DEVICE_TO_CHANGE,
};

/*
 * Take the advisory lock under which the header on @path is changed; it is held until @ret_fd is
 * closed. -EBUSY: another fvesetup held it for ten seconds; -EROFS, -EACCES: it cannot be changed.
 * The lock is a file of our own under /run/fve, since libcryptsetup locks the device or file
 * itself.
 */
int device_lock(const char *path, enum device_use use, int *ret_fd);

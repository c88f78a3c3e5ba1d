/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a block device is called, and what lies below it or a file, as sysfs tells. */
#ifndef FVE_STORAGE_H
#define FVE_STORAGE_H

#include <stdbool.h>
#include <sys/types.h>

/* The number of block device @path; 0 where it is none. */
dev_t storage_number(const char *path);

/* "/dev/NAME" of a block device as sysfs knows it, owned by the caller; NULL on failure. */
char *storage_name(unsigned int major, unsigned int minor);

/*
 * Whether all that is written to block device @device passes through an encrypting mapping
 * (dm-crypt or ours) before it reaches a disk.
 */
bool storage_encrypts(dev_t device);

/*
 * The same for the file system that holds the directory of @path, which need not exist itself.
 * A file system without a block device of its own (tmpfs, overlay, network) does not count as
 * encrypted. -errno with a message where the directory cannot be read.
 */
int storage_path_encrypted(const char *path);

/* The block device of the file system that holds @path; 0 where there is none. */
dev_t storage_of_path(const char *path);

/* Whether @device is @below or is stacked on it. */
bool storage_stands_on(dev_t device, dev_t below);

/*
 * Whether @device is one of the @n devices @good, or stands on them with all that it is stacked on:
 * of a mirror both halves.
 */
bool storage_within(dev_t device, const dev_t *good, size_t n);

/* Whether I/O to @device would wait for a suspended mapping, itself or one below it. */
bool storage_suspended(dev_t device);

/* One device of a stack. */
struct storage_layer {
	char name[136]; /* of a mapping, or the kernel's */
	char kind[16];	/* "fve", "crypt", "lvm", ...: first part of a mapping's UUID; else "dm",
			 * "md", "loop", "partition" or "disk" */
};

/* @device and all below it, from the top down, into @ret with room for @max; gives their number. */
size_t storage_layers(dev_t device, struct storage_layer *ret, size_t max);

/* Whether @device seeks; what cannot be told does. */
bool storage_rotational(dev_t device);

#endif

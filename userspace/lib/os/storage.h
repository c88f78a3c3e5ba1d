/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The names of block devices, and the stack of devices below a device or a file, from sysfs. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Return the number of block device @path; 0: it is none. */
dev_t storage_number(const char *path);

/* Return whether @path is the block device @device, or the file that this loop device stands for.
 */
bool storage_is(dev_t device, const char *path);

/* Return "/dev/NAME" with the kernel's name of a block device, owned by the caller. NULL on
 * failure.
 */
char *storage_name(unsigned int major, unsigned int minor);

/*
 * Return whether everything written to block device @device passes through an encrypting mapping
 * (dm-crypt or ours) before it reaches a disk.
 */
bool storage_encrypts(dev_t device);

/*
 * Return 1 where storage_encrypts() is true of the file system that holds the directory of @path,
 * which need not exist itself, else 0. A file system without a block device of its own (tmpfs,
 * overlay, network) does not count as encrypted. -errno with a message: there is no such directory.
 */
int storage_path_encrypted(const char *path);

/* Return the block device of the file system that holds @path; 0: it has none. */
dev_t storage_of_path(const char *path);

/* Return whether @device is @below or is stacked on it. */
bool storage_stands_on(dev_t device, dev_t below);

/*
 * Return whether @device is one of the @n devices @good, or every way down its stack meets one of
 * them: both halves of a mirror must.
 */
bool storage_within(dev_t device, const dev_t *good, size_t n);

/* Return whether I/O to @device would wait for a mapping that is suspended: itself or one below. */
bool storage_suspended(dev_t device);

/* One device of a stack. */
struct storage_layer {
	char name[136]; /* of a mapping, or the kernel's */
	char kind[16];	/* "fve", "crypt", "lvm", ...: first part of a mapping's UUID; else "dm",
			 * "md", "loop", "partition" or "disk" */
};

/* List @device and all devices below it, from the top down, in @ret, which has room for @max.
 * Returns their number. */
size_t storage_layers(dev_t device, struct storage_layer *ret, size_t max);

/* Return whether @device is a rotating disk; true where the kernel does not say. */
bool storage_rotational(dev_t device);

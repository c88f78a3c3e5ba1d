/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Device-mapper mappings of the targets fve and crypt. mapping.c is the only file that includes
 * libdevmapper. Functions return 0 or -errno, without a message unless they say otherwise.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Begins the UUID of every mapping made here, and of no other. */
#define MAPPING_UUID_PREFIX "FVE-"

/* A mapping to be made. All strings are borrowed. Both targets take the same table line. */
struct mapping {
	const char *target; /* "fve" or "crypt" */
	const char *name;
	const char *uuid;   /* of the mapping, with the prefix */
	const char *device; /* path of the lower device, for messages */
	dev_t number;	    /* the lower device; a path may have blanks, which a table cannot */
	const char *cipher; /* "aes-xts-plain64" */
	const char *key_description; /* names the logon key that holds the FVEK */
	uint32_t key_size;	     /* bytes */
	uint32_t sector_size;	     /* bytes of a data unit */
	uint64_t iv_offset;	     /* 512-byte sectors */
	uint64_t data_offset;	     /* 512-byte sectors on the lower device */
	uint64_t size;		     /* 512-byte sectors */
	bool read_only;
	bool allow_discards;
	bool no_workqueues; /* crypt only: encrypt where the I/O is submitted, decrypt where it ends
			     */
};

/* The kernel's description of a live mapping. */
struct mapping_state {
	char *uuid;	       /* owned */
	char *table;	       /* parameters of the target, owned */
	char *status;	       /* the target's status line, owned */
	char *target;	       /* target type, owned */
	uint64_t size;	       /* 512-byte sectors */
	uint32_t major, minor; /* of the mapping */
	int32_t open_count;
	bool suspended, read_only;
};

void mapping_state_free(struct mapping_state *state);
#define _cleanup_mapping_state_ __attribute__((cleanup(mapping_state_free)))

/* Read the version of a loaded target: major, minor, patch level. -ENODEV: it is not loaded. */
int mapping_target_version(const char *target, uint32_t ret[3]);

/* Check that the kernel has @target. -ENODEV: it has not, or has no device-mapper at all. */
int mapping_check_target(const char *target);

/*
 * Make a mapping, and wait until udev has made its node. -EEXIST: the name is in use; -EBUSY: the
 * lower device is; -EINVAL: the kernel refused the table. Prints the message.
 */
int mapping_create(const struct mapping *mapping);

/* Describe the mapping @name. -ENODEV: there is none. */
int mapping_query(const char *name, struct mapping_state *ret);

/* Freeze the file system, wait for I/O that is under way, and let new I/O wait. */
int mapping_suspend(const char *name);
/* Let I/O go on again after mapping_suspend(). */
int mapping_resume(const char *name);

/*
 * Replace the mapping's target by the target error, without waiting for I/O. The key that the old
 * target had goes with it.
 */
int mapping_fail(const char *name);

/* Send the mapping's target a message, such as "key wipe". */
int mapping_message(const char *name, const char *message);

/*
 * Call @each for every mapping until it returns something other than 0, and return that. -errno
 * with a message: the kernel has device-mapper, and does not list them.
 */
int mapping_list(int (*each)(void *data, const char *name, const char *uuid), void *data);

/* Return whether the kernel would list them to this process; it does to root alone. */
bool mapping_may_list(void);

/* Remove a mapping. -EBUSY: it is in use. Prints the message. */
int mapping_remove(const char *name);

/* Remove a mapping as soon as its last user has closed it. Prints the message. */
int mapping_remove_deferred(const char *name);

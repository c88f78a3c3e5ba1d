/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Device-mapper mappings of the targets fve and crypt. mapping.c is the only file that includes
 * libdevmapper. */
#ifndef FVE_MAPPING_H
#define FVE_MAPPING_H

#include <stdbool.h>
#include <stdint.h>

#define MAPPING_UUID_PREFIX "FVE-" /* of every mapping made here, and of no other */

/* A mapping as it is asked for; all strings borrowed. The two targets have one table line. */
struct mapping {
	const char *target; /* "fve" or "crypt" */
	const char *name;
	const char *uuid;	     /* of the mapping, with prefix */
	const char *device;	     /* lower device */
	const char *cipher;	     /* "aes-xts-plain64" */
	const char *key_description; /* of a logon key that holds the FVEK */
	uint32_t key_size;	     /* bytes */
	uint32_t sector_size;	     /* bytes; of the data unit */
	uint64_t iv_offset;	     /* 512-byte sectors */
	uint64_t data_offset;	     /* 512-byte sectors on the lower device */
	uint64_t size;		     /* 512-byte sectors */
	bool read_only;
	bool allow_discards;
	bool no_workqueues; /* crypt only: encrypt where the I/O is submitted, decrypt where it ends
			     */
};

/* What the kernel says of a live mapping. */
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

/* The version of a target that is loaded: major, minor, patch level. -ENODEV: it is not. */
int mapping_target_version(const char *target, uint32_t ret[3]);

/* Whether the kernel has the target; -ENODEV where it has not, or has no device-mapper at all. */
int mapping_check_target(const char *target);

/* -EEXIST: the name is in use; -EINVAL: the kernel refused the table. Messages are made here. */
int mapping_create(const struct mapping *mapping);

/* -ENODEV: no such mapping, without a message. */
int mapping_query(const char *name, struct mapping_state *ret);

/*
 * Stop I/O: what is under way is waited for, the file system is frozen, new I/O waits. Then let it
 * go on again. -errno without a message.
 */
int mapping_suspend(const char *name);
int mapping_resume(const char *name);

/*
 * Put the target error in the place of the mapping's own, without waiting for I/O; the key that
 * the old one had goes with it. -errno without a message.
 */
int mapping_fail(const char *name);

/* Send the target a message. -errno without a message for people. */
int mapping_message(const char *name, const char *message);

/* Call @each for every mapping, until it gives something else than 0; gives that. */
int mapping_list(int (*each)(void *data, const char *name, const char *uuid), void *data);

/* Remove a mapping; -EBUSY while it is in use. */
int mapping_remove(const char *name);

/* The same, when the last user has closed it. */
int mapping_remove_deferred(const char *name);

#endif

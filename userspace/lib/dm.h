/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Device-mapper mappings of the fve target. dm.c is the only file that includes libdevmapper. */
#ifndef FVE_DM_H
#define FVE_DM_H

#include <stdbool.h>
#include <stdint.h>

#define DM_UUID_PREFIX "FVE-" /* of every mapping made here, and of no other */

/* An fve mapping as it is asked for; all strings borrowed. */
struct dm_mapping {
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
};

/* What the kernel says of a live mapping. */
struct dm_state {
	char *uuid;	       /* owned */
	char *table;	       /* parameters of the target, owned */
	char *status;	       /* the target's status line, owned */
	char *target;	       /* target type, owned */
	uint64_t size;	       /* 512-byte sectors */
	uint32_t major, minor; /* of the mapping */
	int32_t open_count;
	bool suspended, read_only;
};

void dm_state_free(struct dm_state *state);
#define _cleanup_dm_state_ __attribute__((cleanup(dm_state_free)))

/* Whether the kernel has the target; -ENODEV where it has not, or has no device-mapper at all. */
int dm_check_target(const char *target);

/* -EEXIST: the name is in use; -EINVAL: the kernel refused the table. Messages are made here. */
int dm_create(const struct dm_mapping *mapping);

/* -ENODEV: no such mapping, without a message. */
int dm_query(const char *name, struct dm_state *ret);

/* Remove a mapping; -EBUSY while it is in use. */
int dm_remove(const char *name);

#endif

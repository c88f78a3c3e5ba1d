/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the FVEK to a mapping, and back to none. */
#pragma once

#include <sys/types.h>

#include "header/header.h"

#define VOLUME_NAME_SIZE 128 /* of a mapping; device-mapper's */

/* Which device-mapper target does the work. Both read and write the same bytes. */
enum volume_target {
	VOLUME_TARGET_AUTO,  /* fve; dm-crypt where the kernel has no fve, and it is said */
	VOLUME_TARGET_FVE,   /* fve or nothing */
	VOLUME_TARGET_CRYPT, /* dm-crypt */
};

/* "auto", "fve", "crypt". -EINVAL with a message. */
int volume_target_parse(const char *text, enum volume_target *ret);

struct volume_flags {
	bool read_only;
	bool allow_discards;
	enum volume_target target;
};

/* Whether @name can be that of a mapping; -EINVAL with a message. */
int volume_check_name(const char *name);

/*
 * Map the volume as /dev/mapper/@name, read-only where its device is, which a notice says. The FVEK
 * stands in the kernel keyring only while the table is loaded. -EEXIST: name in use; -EBUSY: the
 * device is; -ENOPKG and a message with module-missing: the kernel has no such target. Where
 * dm-crypt stands in for fve a message with module-missing says so, and the mapping remembers it
 * (volume_status).
 */
int volume_open(const struct header *header, const struct secret *fvek, const char *name,
		const struct volume_flags *flags);

/* Remove the mapping @name, which must be one of ours. */
int volume_close(const char *name);

/*
 * Freeze I/O and wipe the key from the kernel; everything that this process needs to do so is
 * locked into memory first. Without @force a mapping that the root file system, this program or
 * swap stands on is refused (-EBUSY), since nothing could be started to resume it.
 */
int volume_suspend(const char *name, bool force);

/* Give a suspended mapping of the volume of @header its key again, and let I/O go on. */
int volume_resume(const char *name, const struct header *header, const struct secret *fvek);

/* Whether the mapping @name has lost its key for good (revoke_volume()); it stays while somebody
 * has it open. */
bool volume_is_revoked(const char *name);

/* Call @each for the name of every open volume, until it gives something else than 0. */
int volume_each(int (*each)(void *data, const char *name), void *data);

/* What an open volume is; strings owned. */
struct volume_status {
	char *uuid;   /* of the volume, as LUKS2 spells it */
	char *device; /* lower device: /dev/NAME */
	char *cipher;
	char *target;	      /* "fve" or "crypt" */
	char *target_status;  /* the kernel's line, docs/table-format.md; "" of crypt */
	uint32_t key_size;    /* bytes */
	uint32_t sector_size; /* bytes */
	uint64_t data_offset; /* bytes */
	uint64_t size;	      /* bytes */
	int32_t open_count;
	dev_t number; /* of the mapping */
	dev_t lower;  /* of @device */
	bool read_only, suspended, allow_discards;
	bool key_wiped;	     /* while it is suspended */
	bool module_missing; /* dm-crypt stands in for fve, which the kernel had not */
};

/* -ENODEV with a message: no such volume, or not ours. */
int volume_status(const char *name, struct volume_status *ret);
void volume_status_free(struct volume_status *status);

/*
 * Look whether the volume on the device or in the image file @path is open, and as what. A UUID
 * would not tell, since a device and its copy have the same. 1: it is; 0: it is not, and nothing is
 * given; -errno with a message.
 */
int volume_find_open(const char *path, char ret_name[VOLUME_NAME_SIZE], struct volume_status *ret);

#define _cleanup_volume_status_ __attribute__((cleanup(volume_status_free)))

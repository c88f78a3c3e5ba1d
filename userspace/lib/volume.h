/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the FVEK to a mapping, and back to none. */
#ifndef FVE_VOLUME_H
#define FVE_VOLUME_H

#include "header.h"

#define VOLUME_TARGET "fve"

struct volume_flags {
	bool read_only;
	bool allow_discards;
};

/* Whether @name can be that of a mapping; -EINVAL with a message. */
int volume_check_name(const char *name);

/*
 * Map the volume as /dev/mapper/@name. The FVEK stands in the kernel keyring only while the
 * table is loaded. -EEXIST: name in use; -EBUSY: the device is; -ENOPKG and a message with
 * module-missing: the kernel has no fve target.
 */
int volume_open(const struct header *header, const struct secret *fvek, const char *name,
		const struct volume_flags *flags);

/* Remove the mapping @name, which must be one of ours. */
int volume_close(const char *name);

/* What an open volume is; strings owned. */
struct volume_status {
	char *uuid;   /* of the volume, as LUKS2 spells it */
	char *device; /* lower device: /dev/NAME */
	char *cipher;
	char *target_status;  /* the kernel's line, docs/table-format.md */
	uint32_t key_size;    /* bytes */
	uint32_t sector_size; /* bytes */
	uint64_t data_offset; /* bytes */
	uint64_t size;	      /* bytes */
	int32_t open_count;
	bool read_only, suspended, allow_discards;
};

/* -ENODEV with a message: no such volume, or not ours. */
int volume_status(const char *name, struct volume_status *ret);
void volume_status_free(struct volume_status *status);

#define _cleanup_volume_status_ __attribute__((cleanup(volume_status_free)))

#endif

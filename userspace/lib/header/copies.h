/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two copies of a LUKS2 header as they lie on the device. libcryptsetup silently repairs one
 * from the other when it loads them; these functions look at them before and after.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct header_copies {
	struct header_copy {
		bool good;	/* magic, version and checksum are right */
		uint64_t seqid; /* LUKS2's own count of writes; 0 where not good */
	} copy[2];		/* the first is at byte 0, the second follows it */
};

/*
 * Read both copies on the device @path. A damaged copy is no error. Returns 0 or -errno without a
 * message.
 */
int header_copies_read(const char *path, struct header_copies *ret);

/*
 * Return whether a good copy on @path has what header_has_vmk() asks for. Nothing is repaired, and
 * no message is printed: this is for looking at other people's volumes.
 */
bool header_copies_have_vmk(const char *path);

/* Return whether both copies are good and have the same seqid. */
bool header_copies_agree(const struct header_copies *copies);

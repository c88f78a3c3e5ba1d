/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two copies of a LUKS2 header as they lie on the device. libcryptsetup repairs one from the
 * other when it loads them, and does not say so; this looks before and after.
 */
#ifndef FVE_HEADER_COPIES_H
#define FVE_HEADER_COPIES_H

#include <stdbool.h>
#include <stdint.h>

struct header_copies {
	struct header_copy {
		bool good;	/* magic, version and checksum are right */
		uint64_t seqid; /* LUKS2's own count of writes; 0 where not good */
	} copy[2];		/* at byte 0, and after it */
};

/* Both damaged is no error. -errno where the device cannot be read; no message. */
int header_copies_read(const char *path, struct header_copies *ret);

/* Whether both are good and say the same. */
bool header_copies_agree(const struct header_copies *copies);

#endif

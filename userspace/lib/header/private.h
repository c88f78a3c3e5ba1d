/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What header.c and keyslots.c share: libcryptsetup's types, an open header, and its errors. This
 * header is the only file of userspace that includes libcryptsetup, and only those two include it.
 */
#pragma once

#include <libcryptsetup.h>

#include "header/header.h"

struct header {
	struct crypt_device *cd;
	int fd; /* of the path, for what libcryptsetup does not tell */
	char *path;
	char *label; /* HEADER_LABEL_MAX + 1 bytes for header_label() */
	struct header_segment segment;
	struct header_copies copies;
};

/*
 * How secrets are stretched that nobody can guess, which is not at all: for keyslots of keys, and
 * for the digest of the FVEK. Without it libcryptsetup measures for a second with each format.
 */
extern const struct crypt_pbkdf_type header_random_pbkdf;

/* Call this before a function of libcryptsetup whose failure header_cause() explains. */
void header_begin(void);
/* The same before one that writes; signals are held from then on. */
void header_begin_write(void);
/* Return what libcryptsetup told of first, or what @r, -errno, means. Borrowed until the next. */
const char *header_cause(int r);
/* Return the errno of @r, which libcryptsetup has returned: -EINVAL is all that it knows of I/O. */
int header_library_error(int r);
/* Return @r, or the error of a sync: libcryptsetup syncs, and takes no notice where that fails. */
int header_synced(const struct header *header, int r);

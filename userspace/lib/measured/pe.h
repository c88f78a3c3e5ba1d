/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PE images as far as firmware measures them: a kernel with an EFI stub, and unified kernel
 * images (Microsoft PE Format; UAPI.5 UKI).
 */
#ifndef FVE_PE_H
#define FVE_PE_H

#include "crypto/crypto.h"

#define PE_SECTIONS_MAX 96 /* of one image; Windows' own limit */

struct pe_section {
	char name[9];	     /* ends with a NUL */
	const uint8_t *data; /* borrowed */
	size_t size;	     /* bytes in the file */
	size_t memory_size;  /* VirtualSize: bytes once loaded */
};

struct pe {
	const uint8_t *data; /* borrowed */
	size_t size;
	size_t headers_size;
	size_t checksum;	/* where it is, 4 bytes */
	size_t certificate_dir; /* where its directory entry is, 8 bytes; 0: there is none */
	size_t certificates;	/* bytes at the end of the file that are signatures */
	struct pe_section sections[PE_SECTIONS_MAX]; /* in the order of the file */
	size_t n_sections;
};

/* Parse the @size bytes at @data, which must outlive @ret. -EBADMSG. Allocates nothing. */
int pe_parse(const uint8_t *data, size_t size, struct pe *ret);

/* Authenticode's digest, which firmware extends PCR 4 with: all but checksum and signatures. */
int pe_authenticode(const struct pe *pe, uint8_t ret[SHA256_SIZE]);

/* The only section of this name, or NULL. */
const struct pe_section *pe_section(const struct pe *pe, const char *name);

#endif

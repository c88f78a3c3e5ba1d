/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PE images, as far as firmware measures them: kernels with an EFI stub, and unified kernel images
 * (Microsoft's PE Format; UAPI.5 UKI).
 */
#pragma once

#include "crypto/crypto.h"

#define PE_SECTIONS_MAX 96 /* sections of one image, which is Windows' limit too */

/* One section of an image. */
struct pe_section {
	char name[9];	     /* ends with a NUL */
	const uint8_t *data; /* borrowed */
	size_t size;	     /* bytes in the file */
	size_t memory_size;  /* VirtualSize: bytes once loaded */
	size_t index;	     /* in the file's table of sections */
};

/* A parsed image. Offsets and sizes are in bytes. */
struct pe {
	const uint8_t *data; /* borrowed */
	size_t size;
	size_t headers_size;
	size_t checksum;	/* offset of CheckSum, 4 bytes */
	size_t certificate_dir; /* offset of the directory entry, 8 bytes; 0: there is none */
	size_t certificates;	/* size of the signatures, which end the file */
	struct pe_section sections[PE_SECTIONS_MAX]; /* in the order of the file */
	size_t n_sections;
};

/* Parse the @size bytes at @data, which must outlive @ret. Nothing is allocated. -EBADMSG without a
 * message: it is no PE image, or one that firmware would not start. */
int pe_parse(const uint8_t *data, size_t size, struct pe *ret);

/* Compute Authenticode's digest, by which firmware extends PCR 4. It covers all but the checksum
 * and the signatures. */
int pe_authenticode(const struct pe *pe, uint8_t ret[SHA256_SIZE]);

/* Return the first section @name at @begin or later and before @end in the file's table of
 * sections, borrowed; NULL: there is none. */
const struct pe_section *pe_first_section(const struct pe *pe, const char *name, size_t begin,
					  size_t end);

/* Return the section @name, borrowed. NULL: there is none, or several. */
const struct pe_section *pe_section(const struct pe *pe, const char *name);

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading binary LUKS2 headers (LUKS2 On-Disk Format Specification 1.1.1, 2.1). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "crypto/crypto.h"
#include "header/copies.h"

#define BINARY_SIZE   4096 /* bytes before the JSON */
#define SIZE_MIN      0x4000
#define SIZE_MAX_LUKS 0x400000
#define VERSION	      2

/* Offsets of the fields in bytes; integers are big-endian. */
#define AT_MAGIC      0
#define AT_VERSION    6
#define AT_SIZE	      8
#define AT_SEQID      16
#define AT_ALGORITHM  72
#define AT_OFFSET     256
#define AT_CHECKSUM   448
#define CHECKSUM_SIZE 64

static const char algorithm[] = "sha256"; /* and its NUL */

static const uint8_t magic[2][6] = {{'L', 'U', 'K', 'S', 0xba, 0xbe},
				    {'S', 'K', 'U', 'L', 0xba, 0xbe}};

static uint64_t big_endian(const uint8_t *p, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | p[i];
	return value;
}

/* Read copy @n, which begins at @offset. @ret_size is its size in bytes, 0 where it is damaged. */
static int read_copy(int fd, int n, uint64_t offset, struct header_copy *ret, uint64_t *ret_size)
{
	uint8_t binary[BINARY_SIZE], stored[SHA256_SIZE], computed[SHA256_SIZE];
	_cleanup_free_ uint8_t *text = NULL;
	struct span parts[] = {{binary, sizeof(binary)}, {0}};
	uint64_t size;
	int r;

	*ret_size = 0;
	if (pread(fd, binary, sizeof(binary), (off_t)offset) != sizeof(binary))
		return 0;
	size = big_endian(binary + AT_SIZE, 8);
	if (memcmp(binary + AT_MAGIC, magic[n], sizeof(magic[n])) ||
	    big_endian(binary + AT_VERSION, 2) != VERSION || size < SIZE_MIN ||
	    size > SIZE_MAX_LUKS || size % BINARY_SIZE ||
	    big_endian(binary + AT_OFFSET, 8) != offset ||
	    memcmp(binary + AT_ALGORITHM, algorithm, sizeof(algorithm)))
		return 0;
	text = malloc(size - BINARY_SIZE);
	if (!text)
		return -ENOMEM;
	if (pread(fd, text, size - BINARY_SIZE, (off_t)(offset + BINARY_SIZE)) !=
	    (ssize_t)(size - BINARY_SIZE))
		return 0;
	memcpy(stored, binary + AT_CHECKSUM, sizeof(stored));
	memset(binary + AT_CHECKSUM, 0, CHECKSUM_SIZE);
	parts[1] = (struct span){text, size - BINARY_SIZE};
	r = crypto_sha256(parts, ARRAY_SIZE(parts), computed);
	if (r < 0 || memcmp(stored, computed, sizeof(stored)))
		return r;
	*ret = (struct header_copy){.good = true, .seqid = big_endian(binary + AT_SEQID, 8)};
	*ret_size = size;
	return 0;
}

int header_copies_read(const char *path, struct header_copies *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t size, second;
	int r;

	*ret = (struct header_copies){0};
	if (fd < 0)
		return -errno;
	r = read_copy(fd, 0, 0, &ret->copy[0], &size);
	if (r < 0)
		return r;
	if (size)
		return read_copy(fd, 1, size, &ret->copy[1], &second);
	/* Without the first copy's size the second is at one of the sizes that LUKS2 allows. */
	for (size = SIZE_MIN; size <= SIZE_MAX_LUKS; size *= 2) {
		r = read_copy(fd, 1, size, &ret->copy[1], &second);
		if (r < 0 || ret->copy[1].good)
			return r;
	}
	return 0;
}

bool header_copies_agree(const struct header_copies *copies)
{
	return copies->copy[0].good && copies->copy[1].good &&
	       copies->copy[0].seqid == copies->copy[1].seqid;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading binary LUKS2 headers (LUKS2 On-Disk Format Specification 1.1.1, 2.1). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/json.h"
#include "crypto/crypto.h"
#include "header/copies.h"
#include "header/header.h"

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

/*
 * Read copy @n, which begins at @offset. @ret_size is its size in bytes, 0 where it is damaged.
 * @ret_text, where it is not NULL: the area of its JSON, owned, with a NUL behind it.
 */
static int read_copy(int fd, int n, uint64_t offset, struct header_copy *ret, uint64_t *ret_size,
		     char **ret_text)
{
	uint8_t binary[BINARY_SIZE], stored[SHA256_SIZE], computed[SHA256_SIZE];
	_cleanup_free_ char *text = NULL;
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
	text = calloc(1, size - BINARY_SIZE + 1);
	if (!text)
		return -ENOMEM;
	if (pread(fd, text, size - BINARY_SIZE, (off_t)(offset + BINARY_SIZE)) !=
	    (ssize_t)(size - BINARY_SIZE))
		return 0;
	memcpy(stored, binary + AT_CHECKSUM, sizeof(stored));
	memset(binary + AT_CHECKSUM, 0, CHECKSUM_SIZE);
	parts[1] = (struct span){(uint8_t *)text, size - BINARY_SIZE};
	r = crypto_sha256(parts, ARRAY_SIZE(parts), computed);
	if (r < 0 || memcmp(stored, computed, sizeof(stored)))
		return r;
	*ret = (struct header_copy){.good = true, .seqid = big_endian(binary + AT_SEQID, 8)};
	*ret_size = size;
	if (ret_text)
		*ret_text = steal(text);
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
	r = read_copy(fd, 0, 0, &ret->copy[0], &size, NULL);
	if (r < 0)
		return r;
	if (size)
		return read_copy(fd, 1, size, &ret->copy[1], &second, NULL);
	/* Without the first copy's size the second is at one of the sizes that LUKS2 allows. */
	for (size = SIZE_MIN; size <= SIZE_MAX_LUKS; size *= 2) {
		r = read_copy(fd, 1, size, &ret->copy[1], &second, NULL);
		if (r < 0 || ret->copy[1].good)
			return r;
	}
	return 0;
}

/* In the JSON of a header: a token of the VMK that names a keyslot. */
static bool has_vmk(const char *text)
{
	struct json_object *root = json_tokener_parse(text), *tokens, *type, *keyslots;
	bool found = false;

	if (json_object_object_get_ex(root, "tokens", &tokens) &&
	    json_object_is_type(tokens, json_type_object)) {
		json_object_object_foreach (tokens, number, token) {
			(void)number;
			found |= json_object_object_get_ex(token, "type", &type) &&
				 json_object_is_type(type, json_type_string) &&
				 !strcmp(json_object_get_string(type), TOKEN_TYPE_VMK) &&
				 json_object_object_get_ex(token, "keyslots", &keyslots) &&
				 json_object_is_type(keyslots, json_type_array) &&
				 json_object_array_length(keyslots);
		}
	}
	json_object_put(root);
	return found;
}

bool header_copies_have_vmk(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint64_t size;

	/* The second copy stands at one of the sizes that LUKS2 allows. */
	for (uint64_t at = 0; fd >= 0 && at <= SIZE_MAX_LUKS; at = at ? 2 * at : SIZE_MIN) {
		_cleanup_free_ char *text = NULL;
		struct header_copy copy;

		if (read_copy(fd, at != 0, at, &copy, &size, &text) < 0)
			return false;
		if (text)
			return has_vmk(text);
	}
	return false;
}

bool header_copies_agree(const struct header_copies *copies)
{
	return copies->copy[0].good && copies->copy[1].good &&
	       copies->copy[0].seqid == copies->copy[1].seqid;
}

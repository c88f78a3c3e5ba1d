// SPDX-License-Identifier: LGPL-2.1-or-later
/* The plain text of wraps under root keys: docs/on-disk.md, "Wraps under root keys". */
#include <errno.h>
#include <string.h>

#include "keys/rootwrap.h"

#define UUID_SIZE 16

static const char magic[] = "fve key1"; /* the NUL is not in the file */

struct plain {
	char magic[sizeof(magic) - 1];
	uint8_t object[UUID_SIZE];
	uint8_t policy[UUID_SIZE];
	uint8_t generation[4]; /* big-endian */
	uint8_t key[ROOTWRAP_KEY_SIZE];
};

static int uuid_bytes(const char *text, uint8_t ret[UUID_SIZE])
{
	char hex[2 * UUID_SIZE + 1];
	size_t n = 0;

	for (; *text; text++)
		if (*text != '-') {
			if (n == 2 * UUID_SIZE)
				return -EINVAL;
			hex[n++] = *text;
		}
	hex[n] = '\0';
	return hex_decode(hex, ret, UUID_SIZE);
}

static int fill(const struct rootwrap_binding *binding, struct plain *ret)
{
	int r;

	memcpy(ret->magic, magic, sizeof(ret->magic));
	for (int i = 0; i < 4; i++)
		ret->generation[i] = (uint8_t)(binding->generation >> (24 - 8 * i));
	r = uuid_bytes(binding->object, ret->object);
	return r < 0 ? r : uuid_bytes(binding->policy, ret->policy);
}

int rootwrap_seal(const struct blob *public, const struct rootwrap_binding *binding,
		  const struct secret *key, struct blob *ret)
{
	_cleanup_secret_ struct secret *secret = secret_new(sizeof(struct plain));
	struct plain *plain;
	int r;

	if (!secret)
		return -ENOMEM;
	if (key->size != ROOTWRAP_KEY_SIZE)
		return -EINVAL;
	plain = (struct plain *)secret->data;
	r = fill(binding, plain);
	if (r < 0)
		return r;
	memcpy(plain->key, key->data, ROOTWRAP_KEY_SIZE);
	return crypto_rsa_wrap(public, secret, ret);
}

int rootwrap_check(const struct secret *plain, const struct rootwrap_binding *binding,
		   struct secret **ret_key)
{
	struct plain want = {0};

	if (fill(binding, &want) < 0 || plain->size != sizeof(want) ||
	    memcmp(plain->data, &want, offsetof(struct plain, key)))
		return -EBADMSG;
	*ret_key = secret_copy(plain->data + offsetof(struct plain, key), ROOTWRAP_KEY_SIZE);
	return *ret_key ? 0 : -ENOMEM;
}

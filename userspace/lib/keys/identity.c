// SPDX-License-Identifier: LGPL-2.1-or-later
/* Identities of volumes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "keys/identity.h"
#include "os/state.h"

#define INFO_IDENTITY "fve identity"

/* "identity/<uuid>"; a header's UUID is the attacker's word and must not leave the directory. */
#define NAME_SIZE (sizeof("identity/") + 64)

static int file_name(const char *uuid, char ret[NAME_SIZE])
{
	size_t length = strspn(uuid, "0123456789abcdefABCDEF-");

	if (!length || uuid[length] || length >= 64)
		return -ENOENT;
	snprintf(ret, NAME_SIZE, "identity/%s", uuid);
	return 0;
}

int identity_of(const struct secret *fvek, uint8_t ret[IDENTITY_SIZE])
{
	_cleanup_secret_ struct secret *identity = NULL;
	int r = crypto_derive(fvek, INFO_IDENTITY, &identity);

	if (r < 0)
		return r;
	memcpy(ret, identity->data, IDENTITY_SIZE);
	return 0;
}

int identity_parse(const char *text, uint8_t ret[IDENTITY_SIZE])
{
	if (strlen(text) != 2 * IDENTITY_SIZE)
		return -EINVAL;
	return hex_decode(text, ret, IDENTITY_SIZE) < 0 ? -EINVAL : 0;
}

int identity_recall(const char *uuid, uint8_t ret[IDENTITY_SIZE])
{
	_cleanup_free_ char *text = NULL;
	char name[NAME_SIZE];
	int r = file_name(uuid, name);

	if (r < 0)
		return r;
	r = state_read(name, &text);
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	r = identity_parse(text, ret);
	return r < 0 ? log_errno(EIO, "%s/%s holds no identity", state_directory(), name) : 0;
}

int identity_remember(const char *uuid, const uint8_t identity[IDENTITY_SIZE])
{
	_cleanup_free_ char *hex = hex_encode(identity, IDENTITY_SIZE), *line = NULL;
	char name[NAME_SIZE];
	int r = file_name(uuid, name);

	if (r < 0)
		return log_errno(EINVAL, "a volume with this UUID cannot be remembered");
	if (!hex || asprintf(&line, "%s\n", hex) < 0)
		return -ENOMEM;
	return state_write(name, line);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Secrets from descriptors. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/read_secret.h"

#define FIRST_SIZE 8192 /* bytes; nearly every secret fits, and locked memory is scarce */

/* Give @secret twice its size. */
static int grow(struct secret **secret)
{
	struct secret *larger = secret_new(2 * (*secret)->size);

	if (!larger)
		return -ENOMEM;
	memcpy(larger->data, (*secret)->data, (*secret)->size);
	secret_free(*secret);
	*secret = larger;
	return 0;
}

int read_secret(int fd, bool line, struct secret **ret)
{
	_cleanup_secret_ struct secret *secret = secret_new(FIRST_SIZE);
	size_t size = 0;

	if (!secret)
		return -ENOMEM;
	for (;;) {
		int r = size == secret->size ? grow(&secret) : 0;
		ssize_t n;

		if (r < 0)
			return r;
		n = read(fd, secret->data + size, line ? 1 : secret->size - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0 && line && size == 0)
			return -ENOKEY; /* end of input: nobody is there */
		if (n == 0 || (line && secret->data[size] == '\n'))
			break;
		size += (size_t)n;
		if (size > READ_SECRET_MAX)
			return -E2BIG;
	}
	secret_truncate(secret, size);
	*ret = steal(secret);
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Secrets from descriptors. */
#include <errno.h>
#include <unistd.h>

#include "base/util.h"
#include "cli/read_secret.h"

int read_secret(int fd, bool line, struct secret **ret)
{
	_cleanup_secret_ struct secret *secret = secret_new(READ_SECRET_MAX + 1);
	size_t size = 0;

	if (!secret)
		return -ENOMEM;
	for (;;) {
		ssize_t n = read(fd, secret->data + size, line ? 1 : READ_SECRET_MAX + 1 - size);

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

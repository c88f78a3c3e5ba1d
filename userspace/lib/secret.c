// SPDX-License-Identifier: LGPL-2.1-or-later
/* Locked, wiped memory for keys and passwords. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "secret.h"
#include "util.h"

void secret_wipe(void *data, size_t size)
{
	if (data)
		explicit_bzero(data, size);
}

struct secret *secret_new(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct secret *secret = calloc(1, sizeof(*secret));

	if (!secret)
		return NULL;
	secret->size = size;
	secret->mapped = (size / page + 1) * page;
	secret->data = mmap(NULL, secret->mapped, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (secret->data == MAP_FAILED) {
		free(secret);
		return NULL;
	}
	/* A key that could reach the swap device or a core file is no secret: all or nothing. */
	if (mlock(secret->data, secret->mapped) < 0 ||
	    madvise(secret->data, secret->mapped, MADV_DONTDUMP) < 0 ||
	    madvise(secret->data, secret->mapped, MADV_WIPEONFORK) < 0) {
		secret_free(secret);
		return NULL;
	}
	return secret;
}

struct secret *secret_random(size_t size)
{
	struct secret *secret = secret_new(size);
	size_t done = 0;

	while (secret && done < size) {
		ssize_t n = getrandom(secret->data + done, size - done, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			secret_free(secret);
			return NULL;
		}
		done += (size_t)n;
	}
	return secret;
}

struct secret *secret_copy(const void *data, size_t size)
{
	struct secret *secret = secret_new(size);

	if (secret)
		memcpy(secret->data, data, size);
	return secret;
}

void secret_truncate(struct secret *secret, size_t size)
{
	if (size >= secret->size)
		return;
	secret_wipe(secret->data + size, secret->size - size);
	secret->size = size;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	unsigned int differ = 0;

	if (a->size != b->size)
		return false;
	for (size_t i = 0; i < a->size; i++)
		differ |= a->data[i] ^ b->data[i];
	return differ == 0;
}

void secret_free(struct secret *secret)
{
	if (!secret)
		return;
	secret_wipe(secret->data, secret->mapped);
	munmap(secret->data, secret->mapped);
	free(secret);
}

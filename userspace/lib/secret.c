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

/*
 * What worked on a secret has spilt pieces of it onto the stack, out of reach: locals of foreign
 * libraries, and vector registers, which memcpy() leaves full and the dynamic linker's lazy
 * binding saves. All of that is below the frame of whoever frees the secret now, as deep as the
 * deepest call before: tpm2-tss needs about 20 KiB, Argon2 and OpenSSL less.
 */
#define DEAD_STACK_SIZE (64 * 1024)

static void __attribute__((noinline)) _zero_call_used_regs_ wipe_dead_stack(void)
{
	uint8_t dead[DEAD_STACK_SIZE];

	secret_wipe(dead, sizeof(dead));
}

void secret_free(struct secret *secret)
{
	if (!secret)
		return;
	secret_wipe(secret->data, secret->mapped);
	munmap(secret->data, secret->mapped);
	free(secret);
	wipe_dead_stack();
}

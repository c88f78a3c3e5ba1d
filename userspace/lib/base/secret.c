// SPDX-License-Identifier: LGPL-2.1-or-later
/* Memory for keys and passwords that is locked while it is used and wiped afterwards. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/secret.h"
#include "base/util.h"

void secret_wipe(void *data, size_t size)
{
	if (data)
		explicit_bzero(data, size);
}

/* Map @fd, or pages of this process alone where it is -1. */
static struct secret *secret_map(size_t size, int fd)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct secret *secret = calloc(1, sizeof(*secret));

	if (!secret)
		return NULL;
	secret->size = size;
	secret->mapped = fd < 0 ? (size / page + 1) * page : size;
	secret->data = mmap(NULL, secret->mapped, PROT_READ | PROT_WRITE,
			    fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
	if (secret->data == MAP_FAILED) {
		free(secret);
		return NULL;
	}
	/* A key that can reach a swap device or a core file is no secret, so each of these must
	 * work. */
	if (mlock(secret->data, secret->mapped) < 0 ||
	    madvise(secret->data, secret->mapped, MADV_DONTDUMP) < 0 ||
	    (fd < 0 && madvise(secret->data, secret->mapped, MADV_WIPEONFORK) < 0)) {
		secret_free(secret);
		return NULL;
	}
	return secret;
}

struct secret *secret_new(size_t size)
{
	return secret_map(size, -1);
}

struct secret *secret_shared_new(size_t size, int *ret_fd)
{
	_cleanup_close_ int fd = memfd_create("fve", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct secret *secret;

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return NULL;
	secret = secret_map(size, fd);
	if (!secret)
		return NULL;
	*ret_fd = steal_fd(fd);
	return secret;
}

struct secret *secret_shared_open(int fd, size_t size)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != (off_t)size)
		return NULL;
	return secret_map(size, fd);
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

size_t secret_characters(const struct secret *secret)
{
	size_t n = 0;

	for (size_t i = 0; i < secret->size; i++)
		n += secret->data[i] >> 6 != 2;
	return n;
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
 * Functions that worked on a secret have left pieces of it on the stack: locals of foreign
 * libraries, and vector registers, which memcpy() leaves full and the dynamic linker's lazy binding
 * saves there. All of that lies below the frame of the function that frees the secret now, as deep
 * as the deepest call before: tpm2-tss needs about 20 KiB, Argon2 and OpenSSL less.
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

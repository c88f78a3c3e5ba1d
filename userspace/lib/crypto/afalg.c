// SPDX-License-Identifier: LGPL-2.1-or-later
/* Using the kernel's AES-XTS with libkcapi. */
#include <errno.h>
#include <kcapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/afalg.h"

#define ALGORITHM "xts(aes)"

static struct kcapi_handle *to_handle(struct afalg_cipher *cipher)
{
	return (struct kcapi_handle *)cipher;
}

int afalg_open(const char *driver, const uint8_t *key, size_t size, struct afalg_cipher **ret)
{
	struct kcapi_handle *handle = NULL;
	int r;

	kcapi_set_verbosity(KCAPI_LOG_NONE); /* what went wrong is said by the caller */
	r = kcapi_cipher_init(&handle, driver, 0);
	if (r < 0)
		return r;
	r = kcapi_cipher_setkey(handle, key, (uint32_t)size);
	if (r < 0) {
		kcapi_cipher_destroy(handle);
		return r;
	}
	*ret = (struct afalg_cipher *)handle;
	return 0;
}

void afalg_close(struct afalg_cipher *cipher)
{
	if (cipher)
		kcapi_cipher_destroy(to_handle(cipher));
}

int afalg_crypt(struct afalg_cipher *cipher, enum afalg_direction direction,
		const uint8_t iv[AFALG_IV_SIZE], uint8_t *data, size_t size)
{
	uint32_t n = (uint32_t)size;
	ssize_t r = direction == AFALG_ENCRYPT
			    ? kcapi_cipher_encrypt(to_handle(cipher), data, n, iv, data, n,
						   KCAPI_ACCESS_SENDMSG)
			    : kcapi_cipher_decrypt(to_handle(cipher), data, n, iv, data, n,
						   KCAPI_ACCESS_SENDMSG);

	if (r < 0)
		return (int)r;
	return (size_t)r == size ? 0 : -EIO;
}

/* Read a "key : value" line of /proc/crypto; @value points into @line. False: it has another key.
 */
static bool parse_line(char *line, const char *key, const char **value)
{
	char *colon = strchr(line, ':');

	if (!colon || strncmp(line, key, strlen(key)))
		return false;
	line[strcspn(line, "\n")] = 0;
	*value = colon + 1 + strspn(colon + 1, " ");
	return true;
}

struct proc_entry {
	bool ours, internal;
	struct afalg_driver driver;
};

static void take_entry(const struct proc_entry *entry, struct afalg_driver *best, bool inner)
{
	if (inner) {
		if (entry->internal && !strncmp(entry->driver.name, "__", 2) &&
		    !strcmp(entry->driver.name + 2, best->name))
			strcpy(best->inner, entry->driver.name);
	} else if (entry->ours && !entry->internal && entry->driver.priority >= best->priority) {
		*best = entry->driver;
	}
}

/* Search /proc/crypto, whose entries are blocks of lines that end with an empty one. */
static int read_proc(struct afalg_driver *best, bool inner)
{
	_cleanup_file_ FILE *file = fopen("/proc/crypto", "re");
	struct proc_entry entry = {0};
	char line[256];
	const char *value;

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (*line == '\n') {
			take_entry(&entry, best, inner);
			entry = (struct proc_entry){0};
		} else if (parse_line(line, "name ", &value)) {
			entry.ours = !strcmp(value, ALGORITHM);
		} else if (parse_line(line, "driver ", &value)) {
			snprintf(entry.driver.name, sizeof(entry.driver.name), "%.*s",
				 AFALG_NAME_SIZE - 1, value);
		} else if (parse_line(line, "priority ", &value)) {
			entry.driver.priority = (int)strtol(value, NULL, 10);
		} else if (parse_line(line, "internal ", &value)) {
			entry.internal = !strcmp(value, "yes");
		}
	}
	return *best->name ? 0 : -ENOENT;
}

int afalg_find_driver(struct afalg_driver *ret)
{
	_cleanup_afalg_ struct afalg_cipher *cipher = NULL;
	static const uint8_t key[32] = {1}; /* halves that differ: XTS in FIPS mode insists */
	struct afalg_driver best = {.priority = -1};
	int r = afalg_open(ALGORITHM, key, sizeof(key), &cipher); /* loads what there is */

	if (r < 0)
		return r;
	r = read_proc(&best, false);
	if (r < 0)
		return r;
	r = read_proc(&best, true);
	if (r < 0)
		return r;
	*ret = best;
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * provider_probe info URI               what its provider says of a root key
 * provider_probe status URI
 * provider_probe wrap URI KEY OUT       wrap the file KEY, by public key or provider; OUT: alg,
 * newline, blob provider_probe unwrap KEY [URI OUT]...    ask them as a hedge, and compare with KEY
 * Each line of what status and unwrap print begins with an outcome. The deadline is FVE_DEADLINE
 * ms. With FVE_FROM_HEADER in the environment, URIs that are unwrapped by stood in a header.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "custody/provider.h"

static int deadline_ms = 20000;

static size_t read_file(const char *path, void *ret, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t n = file ? fread(ret, 1, size, file) : 0;

	if (!file || !n) {
		perror(path);
		exit(2);
	}
	fclose(file);
	return n;
}

static int show(const struct provider_error *err, int r)
{
	printf("%s: %s\n", provider_outcome_names[err->outcome], err->detail);
	return r < 0;
}

static int info(const char *uri)
{
	static const char *const recoverable[] = {"unknown", "yes", "no"};
	_cleanup_provider_key_ struct provider_key key = {0};
	struct provider_error err;
	int r = provider_info(uri, deadline_ms, &key, &err);

	if (r == 0)
		printf("alg %s\nbits %u\ntoken %s\nextractable %d\nend-date %s\nrecoverable %s\n",
		       key.alg, key.bits, key.token, key.extractable, key.end_date,
		       recoverable[key.recoverable]);
	return show(&err, r);
}

static int status(const char *uri)
{
	struct provider_error err;
	int r = provider_status(uri, deadline_ms, &err);

	return show(&err, r);
}

static int wrap(const char *uri, const char *key_file, const char *out)
{
	_cleanup_provider_key_ struct provider_key key = {0};
	_cleanup_secret_ struct secret *plain = secret_new(PROVIDER_KEY_MAX);
	_cleanup_blob_ struct blob wrapped = {0};
	struct provider_error err;
	int r = provider_info(uri, deadline_ms, &key, &err);
	FILE *file;

	if (r < 0 || !plain)
		return show(&err, r);
	secret_truncate(plain, read_file(key_file, plain->data, plain->size));
	if (key.spki.size)
		r = crypto_rsa_wrap(&key.spki, plain, &wrapped);
	else
		r = provider_wrap(uri, key.alg, plain, deadline_ms, &wrapped, &err);
	if (r < 0)
		return show(&err, r);
	file = fopen(out, "we");
	if (!file)
		return 2;
	fprintf(file, "%s\n", key.alg);
	fwrite(wrapped.data, 1, wrapped.size, file);
	return fclose(file) != 0;
}

static int unwrap(const char *key_file, char **words, size_t n)
{
	static uint8_t files[PROVIDER_WRAPS_MAX][8192];
	struct provider_wrap wraps[PROVIDER_WRAPS_MAX];
	struct provider_error errs[PROVIDER_WRAPS_MAX];
	_cleanup_secret_ struct secret *plain = secret_new(PROVIDER_KEY_MAX), *key = NULL;
	size_t which;
	int r;

	if (!plain || n > PROVIDER_WRAPS_MAX)
		return 2;
	secret_truncate(plain, read_file(key_file, plain->data, plain->size));
	for (size_t i = 0; i < n; i++) {
		size_t size = read_file(words[2 * i + 1], files[i], sizeof(files[i]));
		uint8_t *end = memchr(files[i], '\n', size);

		if (!end)
			return 2;
		*end++ = '\0';
		wraps[i] = (struct provider_wrap){words[2 * i],
						  (char *)files[i],
						  {end, size - (size_t)(end - files[i])},
						  getenv("FVE_FROM_HEADER") != NULL};
	}
	r = provider_unwrap_any(wraps, n, deadline_ms, &key, &which, errs);
	for (size_t i = 0; i < n; i++)
		show(&errs[i], 0);
	if (r == 0 && !secret_equal(key, plain)) {
		printf("another key\n");
		return 3;
	}
	return r < 0;
}

int main(int argc, char **argv)
{
	const char *action = argc > 2 ? argv[1] : "";

	if (getenv("FVE_DEADLINE"))
		deadline_ms = atoi(getenv("FVE_DEADLINE"));
	if (!strcmp(action, "info") && argc == 3)
		return info(argv[2]);
	if (!strcmp(action, "status") && argc == 3)
		return status(argv[2]);
	if (!strcmp(action, "wrap") && argc == 5)
		return wrap(argv[2], argv[3], argv[4]);
	if (!strcmp(action, "unwrap") && argc > 3 && argc % 2 == 1)
		return unwrap(argv[2], argv + 3, (size_t)(argc - 3) / 2);
	return 2;
}

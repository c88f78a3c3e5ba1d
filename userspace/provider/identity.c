// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading the files of a machine's identity. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "os/file.h"
#include "provider/identity.h"
#include "provider/text.h"

#define CONFIG	  "/etc/fve"
#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt" /* of ca-certificates */
#define FILE_MAX  16384				       /* bytes: a key with its certificates */

void identity_close(struct identity *identity)
{
	free(identity->directory);
	free(identity->ca);
	secret_free(identity->proxy);
}

static bool refuse(const struct identity *identity, const char *path, const char *why)
{
	provider_answer_fail(identity->answer, PROVIDER_BADREQ, "%s %s", path, why);
	return false;
}

/* Check that @path is root's or our own, and that nobody else may do what @mode says. */
static bool check_owner(const struct identity *identity, const char *path, mode_t type, mode_t mode)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return refuse(identity, path, strerror(errno));
	if ((st.st_mode & S_IFMT) != type)
		return refuse(identity, path, "is not what it should be");
	if ((st.st_uid && st.st_uid != geteuid()) || st.st_mode & mode)
		return refuse(identity, path, "is open to others");
	return true;
}

static char *path_of(const struct identity *identity, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/%s", identity->directory, name) >= 0)
		return path;
	provider_answer_fail(identity->answer, PROVIDER_BADREQ, "out of memory");
	return NULL;
}

bool identity_has(const struct identity *identity, const char *name)
{
	_cleanup_free_ char *path = path_of(identity, name);

	return path && access(path, F_OK) == 0;
}

struct secret *identity_secret(const struct identity *identity, const char *name)
{
	_cleanup_free_ char *path = path_of(identity, name);
	_cleanup_secret_ struct secret *file = NULL;
	struct text text;
	int r;

	if (!path || !check_owner(identity, path, S_IFREG, 077))
		return NULL;
	r = file_read_secret(path, FILE_MAX, &file);
	if (r < 0) {
		refuse(identity, path, strerror(-r));
		return NULL;
	}
	while (file->size && strchr("\r\n", file->data[file->size - 1]))
		file->size--;
	if (!file->size || memchr(file->data, 0, file->size)) {
		refuse(identity, path, "holds no text");
		return NULL;
	}
	/* A copy, because the file's pages may end where its text does. */
	text_begin(&text, file->size);
	text_add_bytes(&text, file->data, file->size);
	return text_end(&text);
}

char *identity_file(const struct identity *identity, const char *name)
{
	_cleanup_free_ char *path = path_of(identity, name);
	_cleanup_blob_ struct blob file = {0};
	int r;

	if (!path || !check_owner(identity, path, S_IFREG, 022))
		return NULL;
	r = file_read(path, FILE_MAX, &file);
	if (r < 0)
		refuse(identity, path, strerror(-r));
	return (char *)steal(file.data);
}

bool identity_text(const struct identity *identity, const char *name, const char *fallback,
		   const char *more, char *ret, size_t size)
{
	_cleanup_free_ char *path = path_of(identity, name);
	_cleanup_free_ char *file = NULL;
	const char *c;

	if (!path)
		return false;
	if (fallback && access(path, F_OK) < 0 && errno == ENOENT)
		return snprintf(ret, size, "%s", fallback) < (int)size;
	file = identity_file(identity, name);
	if (!file)
		return false;
	file[strcspn(file, "\r\n")] = '\0';
	for (c = file; *c; c++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", *c) &&
		    !strchr(more, *c))
			break;
	if (*c || c == file || snprintf(ret, size, "%s", file) >= (int)size)
		return refuse(identity, path, "holds no such text");
	return true;
}

/* Find who certifies servers, and the proxy. */
static bool find_route(struct identity *identity)
{
	static const char *const cas[] = {"ca.pem", "../ca.pem"};
	static const char *const proxies[] = {"proxy", "../proxy"};

	for (size_t i = 0; i < ARRAY_SIZE(cas) && !identity->ca; i++)
		if (identity_has(identity, cas[i]))
			identity->ca = path_of(identity, cas[i]);
	if (!identity->ca)
		identity->ca = strdup(SYSTEM_CA);
	if (!identity->ca || !check_owner(identity, identity->ca, S_IFREG, 022))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(proxies) && !identity->proxy; i++) {
		if (!identity_has(identity, proxies[i]))
			continue;
		identity->proxy = identity_secret(identity, proxies[i]);
		if (!identity->proxy)
			return false;
	}
	identity->route = (struct http_route){identity->ca, identity->proxy};
	return true;
}

bool identity_open(struct identity *identity, const char *service, const char *name)
{
	const char *config = secure_getenv("FVE_CONFIG") ?: CONFIG;

	if (asprintf(&identity->directory, "%s/%s/%s", config, service, name) < 0) {
		identity->directory = NULL;
		provider_answer_fail(identity->answer, PROVIDER_BADREQ, "out of memory");
		return false;
	}
	return check_owner(identity, identity->directory, S_IFDIR, 022) && find_route(identity);
}

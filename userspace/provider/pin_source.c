// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading a store's PIN. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "provider/allowed.h"
#include "provider/pin_source.h"

#define PIN_MAX 256

static bool refuse(struct provider_answer *answer, const char *text)
{
	provider_answer_fail(answer, PROVIDER_BADREQ, "%s", text);
	return false;
}

static char *path_of(const char *source, struct provider_answer *answer)
{
	static const char credential[] = "credential:", file[] = "file:";
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char *path = NULL;

	if (!strncmp(source, credential, strlen(credential))) {
		const char *name = source + strlen(credential);

		if (!directory || strchr(name, '/'))
			refuse(answer, "there is no such credential");
		else if (asprintf(&path, "%s/%s", directory, name) < 0)
			path = NULL;
		return path;
	}
	if (!strncmp(source, file, strlen(file)))
		source += strlen(file);
	if (*source == '/')
		return strdup(source);
	refuse(answer, "pin-source is not an absolute path");
	return NULL;
}

/* Open the PIN's file, or return -1. A header may name only files that are meant for headers. */
static int open_file(const char *source, bool from_header, struct provider_answer *answer)
{
	_cleanup_free_ char *path = path_of(source, answer);
	int fd;

	if (!path)
		return -1;
	fd = from_header ? allowed_pin_open(path) : open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -EACCES && from_header)
		provider_answer_fail(answer, PROVIDER_BADREQ,
				     "the header names the PIN's file %s, which is not a file of "
				     "root's in /etc/fve",
				     path);
	else if (fd < 0)
		provider_answer_fail(answer, PROVIDER_BADREQ, "the PIN's file %s: %m", path);
	return fd;
}

bool pin_source_read(const char *source, bool from_header, struct provider_answer *answer,
		     struct secret **ret)
{
	_cleanup_secret_ struct secret *pin = secret_new(PIN_MAX);
	_cleanup_close_ int fd = open_file(source, from_header, answer);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return false;
	if (!pin || fstat(fd, &st) < 0)
		return refuse(answer, "the PIN's file cannot be read");
	if (!S_ISREG(st.st_mode) || st.st_mode & 007)
		return refuse(answer, "the PIN's file is open to everybody, or no file");
	n = read(fd, pin->data, pin->size);
	if (n > 0 && pin->data[n - 1] == '\n')
		n--;
	if (n <= 0 || n == PIN_MAX)
		return refuse(answer, "the PIN's file holds no PIN");
	secret_truncate(pin, (size_t)n);
	*ret = steal(pin);
	return true;
}

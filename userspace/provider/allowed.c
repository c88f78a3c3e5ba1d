// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading what the administrator allows headers to name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "provider/allowed.h"

#define DIRECTORY "/etc/fve" /* FVE_CONFIG names another */
#define MODULES	  "modules"

static const char *config_directory(void)
{
	return secure_getenv("FVE_CONFIG") ?: DIRECTORY;
}

/* Return whether @fd is a file of root's or our own that nobody else may write to. */
static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && !(st.st_mode & 022) &&
	       (!st.st_uid || st.st_uid == geteuid());
}

static FILE *open_list(const char *name)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_file_ FILE *list = NULL;

	if (asprintf(&path, "%s/%s", config_directory(), name) < 0)
		return NULL;
	list = fopen(path, "re");
	return list && is_ours(fileno(list)) ? steal(list) : NULL;
}

static bool names_module(const char *line, const char *path)
{
	_cleanup_free_ char *real = *line == '/' ? realpath(line, NULL) : NULL;

	return real && !strcmp(real, path);
}

static bool names_server(const char *line, const char *server)
{
	return !strcmp(line, server);
}

/* Return whether a line of the list @name names @what, as @names says. */
static bool is_listed(const char *name, bool (*names)(const char *line, const char *what),
		      const char *what)
{
	_cleanup_file_ FILE *list = open_list(name);
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	while (list && getline(&line, &size, list) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (names(line, what))
			return true;
	}
	return false;
}

bool allowed_module(const char *path)
{
	return is_listed(MODULES, names_module, path);
}

bool allowed_server(const char *service, const char *server)
{
	return is_listed(service, names_server, server);
}

int allowed_pin_open(const char *path)
{
	_cleanup_free_ char *directory = realpath(config_directory(), NULL);
	_cleanup_free_ char *real = realpath(path, NULL);
	_cleanup_close_ int fd = -1;
	size_t length;
	int ret;

	if (!directory || !real)
		return -EACCES;
	length = strlen(directory);
	if (strncmp(real, directory, length) != 0 || real[length] != '/' ||
	    strchr(real + length + 1, '/'))
		return -EACCES;
	fd = open(real, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	if (!is_ours(fd))
		return -EACCES;
	ret = steal_fd(fd);
	return ret;
}

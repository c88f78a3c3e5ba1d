// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reading the mount table. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/util.h"
#include "os/mounts.h"

/* Replace escapes such as "\040" by their characters, in place. */
static void unescape(char *text)
{
	char *out = text;

	for (; *text; text++) {
		unsigned int c;

		if (*text == '\\' && sscanf(text + 1, "%3o", &c) == 1 && strlen(text) >= 4) {
			*out++ = (char)c;
			text += 3;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

/* A line is <id> <parent> <major>:<minor> <root> <point> <options> [<tags>] - <type> <source> ...
 */
static int each_line(const char *line, int (*each)(void *data, const struct mount *mount),
		     void *data)
{
	_cleanup_free_ char *point = NULL, *type = NULL, *source = NULL;
	const char *tail = strstr(line, " - ");
	struct mount mount;
	unsigned int major, minor;
	struct stat st;

	if (!tail || sscanf(line, "%*d %*d %u:%u %*s %ms", &major, &minor, &point) != 3 ||
	    sscanf(tail, " - %ms %ms", &type, &source) != 2)
		return 0;
	unescape(point);
	unescape(source);
	mount = (struct mount){.number = makedev(major, minor),
			       .point = point,
			       .type = type,
			       .source = source};
	if (major)
		mount.device = mount.number;
	else if (stat(source, &st) == 0 && S_ISBLK(st.st_mode))
		mount.device = st.st_rdev;
	return each(data, &mount);
}

int mounts_each(int (*each)(void *data, const struct mount *mount), void *data)
{
	_cleanup_free_ char *line = NULL;
	_cleanup_file_ FILE *file = fopen("/proc/self/mountinfo", "re");
	size_t size = 0;
	int r = 0;

	if (!file)
		return -errno;
	while (r == 0 && getline(&line, &size, file) > 0)
		r = each_line(line, each, data);
	return r;
}

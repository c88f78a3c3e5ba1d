// SPDX-License-Identifier: LGPL-2.1-or-later
/* Messages to stderr. */
#include <stdarg.h>
#include <stdio.h>

#include "log.h"

static enum log_level log_max = LOG_LEVEL_NOTICE;

void log_set_level(enum log_level level)
{
	log_max = level;
}

void log_write(enum log_level level, const char *format, ...)
{
	va_list args;

	if (level > log_max)
		return;
	if (level == LOG_LEVEL_ERROR)
		fputs("fvesetup: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

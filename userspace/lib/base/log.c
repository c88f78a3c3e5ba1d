// SPDX-License-Identifier: LGPL-2.1-or-later
/* Messages to stderr. */
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"

static enum log_level log_max = LOG_LEVEL_NOTICE;
static bool log_trying;

void log_set_level(enum log_level level)
{
	log_max = level;
}

void log_set_trying(bool trying)
{
	log_trying = trying;
}

bool log_shows(enum log_level level)
{
	return (log_trying ? LOG_LEVEL_DEBUG : level) <= log_max;
}

void log_write(enum log_level level, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	if (!log_shows(level))
		return;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	/* The text may quote a header, or a library that quotes one. */
	if (text)
		make_printable(text, "\n\t");
	/* Where stdout and stderr are one file, earlier output stays before this line. */
	fflush(stdout);
	/* A line is one write, so that the lines of several processes do not mix. */
	fprintf(stderr, "%s%s\n", level == LOG_LEVEL_ERROR ? "fvesetup: " : "",
		text ?: "out of memory");
}

void log_hex(const char *what, const void *data, size_t size)
{
	_cleanup_free_ char *hex = log_shows(LOG_LEVEL_DEBUG) ? hex_encode(data, size) : NULL;

	if (hex)
		log_debug("%s %s", what, hex);
}

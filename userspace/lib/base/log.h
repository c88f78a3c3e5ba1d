/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages for people, on stderr. The function that knows an object's name makes the text of an
 * error, once; its callers pass -errno on. No message may hold secret bytes.
 */
#pragma once

#include "base/util.h"

enum log_level {
	LOG_LEVEL_ERROR,   /* says what failed, on which object, and what to do */
	LOG_LEVEL_NOTICE,  /* is for the person at the terminal */
	LOG_LEVEL_VERBOSE, /* is printed with --verbose */
	LOG_LEVEL_DEBUG,   /* is printed with --debug */
};

/* Drop messages above @level from now on. The default is LOG_LEVEL_NOTICE. */
void log_set_level(enum log_level level);

/*
 * From now on messages are for --debug alone, until this ends with false: for what is tried, and
 * need not succeed.
 */
void log_set_trying(bool trying);

/* Return whether messages of @level are printed. */
bool log_shows(enum log_level level);

/*
 * Print a message of one line. Control characters in it become "?", since it may quote a header
 * that anybody has written. A failure to print is ignored.
 */
void log_write(enum log_level level, const char *format, ...) _printf_(2, 3);

#define log_error(...)	 log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_notice(...)	 log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_verbose(...) log_write(LOG_LEVEL_VERBOSE, __VA_ARGS__)
#define log_debug(...)	 log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Tell by log_debug() what is not secret, in hexadecimal digits: "@what 0102...". */
void log_hex(const char *what, const void *data, size_t size);

/* Print an error and return -@error, as in: return log_errno(EINVAL, "..."). */
#define log_errno(error, ...) (log_error(__VA_ARGS__), -(error))

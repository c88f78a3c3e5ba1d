/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages. The text of an error is made once, by the function that knows the object's
 * name; everything above passes -errno on. No message may hold secret bytes.
 */
#ifndef FVE_LOG_H
#define FVE_LOG_H

#include "base/util.h"

enum log_level {
	LOG_LEVEL_ERROR,   /* what failed, on which object, what to do */
	LOG_LEVEL_NOTICE,  /* for the person at the terminal */
	LOG_LEVEL_VERBOSE, /* --verbose */
	LOG_LEVEL_DEBUG,   /* --debug */
};

/* Messages above @level are dropped. The default is LOG_LEVEL_NOTICE. All go to stderr. */
void log_set_level(enum log_level level);

/* Whether messages of @level are printed. */
bool log_shows(enum log_level level);

void log_write(enum log_level level, const char *format, ...) _printf_(2, 3);

#define log_error(...)	 log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_notice(...)	 log_write(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_verbose(...) log_write(LOG_LEVEL_VERBOSE, __VA_ARGS__)
#define log_debug(...)	 log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

/* Print an error and give back -@error: return log_errno(EINVAL, "..."). */
#define log_errno(error, ...) (log_error(__VA_ARGS__), -(error))

#endif

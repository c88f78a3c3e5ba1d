// SPDX-License-Identifier: LGPL-2.1-or-later
/* When a person may interrupt. */
#include <signal.h>

#include "cli.h"

/* Blocked and not caught: a handler would make reads of foreign libraries fail with EINTR. */
void signals_hold(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

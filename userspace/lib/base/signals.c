// SPDX-License-Identifier: LGPL-2.1-or-later
/* Blocking signals while a header is written. */
#include <signal.h>
#include <stddef.h>

#include "base/signals.h"

static void mask(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(how, &set, NULL);
}

void signals_hold(void)
{
	mask(SIG_BLOCK);
}

void signals_let(void)
{
	mask(SIG_UNBLOCK);
}

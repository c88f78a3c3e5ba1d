// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Preloaded: the clocks by which libcryptsetup measures how many iterations this machine does in a
 * second go so much faster that the measuring takes milliseconds and ends with the least
 * iterations. It does so even where --iter-time asks for the least: a second or more for each
 * format, which a test that formats hundreds of times needs not wait for. Nothing else reads these
 * clocks: the processor time of the process (PBKDF2), and CLOCK_MONOTONIC_RAW (Argon2).
 */
#include <dlfcn.h>
#include <sys/resource.h>
#include <time.h>

#define FASTER 200

/* The time @sec and @part, of which @parts are a second. */
static void hasten(long *sec, long *part, long parts)
{
	*part *= FASTER;
	*sec = *sec * FASTER + *part / parts;
	*part %= parts;
}

/* NOLINTBEGIN: the C library names its parameters otherwise. */
int getrusage(__rusage_who_t who, struct rusage *usage)
{
	int (*next)(__rusage_who_t, struct rusage *) = dlsym(RTLD_NEXT, "getrusage");
	int r = next(who, usage);

	hasten(&usage->ru_utime.tv_sec, &usage->ru_utime.tv_usec, 1000000);
	hasten(&usage->ru_stime.tv_sec, &usage->ru_stime.tv_usec, 1000000);
	return r;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	int (*next)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
	int r = next(id, now);

	if (id == CLOCK_MONOTONIC_RAW)
		hasten(&now->tv_sec, &now->tv_nsec, 1000000000);
	return r;
}
/* NOLINTEND */

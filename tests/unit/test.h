/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The unit tests' whole framework: CHECK() what must hold, end main() with
 * return test_done();
 */
#pragma once

#include <stdio.h>

static int test_checks, test_failures;

#define CHECK(condition)                                                                  \
	do {                                                                              \
		test_checks++;                                                            \
		if (!(condition)) {                                                       \
			test_failures++;                                                  \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
				#condition);                                              \
		}                                                                         \
	} while (0)

static inline int test_done(void)
{
	printf("%d checks, %d failures\n", test_checks, test_failures);
	return test_failures || !test_checks ? 1 : 0;
}

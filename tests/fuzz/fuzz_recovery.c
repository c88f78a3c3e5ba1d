// SPDX-License-Identifier: LGPL-2.1-or-later
/* A typed recovery password: what is accepted has one canonical form, which is accepted as itself.
 */
#include <errno.h>

#include "base/util.h"
#include "fuzz.h"
#include "keys/recovery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_secret_ struct secret *typed = secret_copy(data, size), *once = NULL,
				       *twice = NULL;
	unsigned int group = 99;
	int r;

	CHECK(typed);
	r = recovery_parse(typed, &once, &group);
	if (r < 0) {
		CHECK(r == -EINVAL && group <= RECOVERY_GROUPS && !once);
		return 0;
	}
	CHECK(once->size == RECOVERY_TEXT_LENGTH);
	CHECK(recovery_parse(once, &twice, &group) == 0 && secret_equal(once, twice));
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Lists of PCRs: what is accepted is written back as a list of the same PCRs. */
#include <errno.h>

#include "base/util.h"
#include "fuzz.h"
#include "tpm/policy_digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = fuzz_text(data, size), *written = NULL;
	uint32_t mask = 0, again = 0;
	int r = pcr_mask_parse(text, &mask);

	CHECK(r == 0 || r == -EINVAL);
	if (r < 0)
		return 0;
	CHECK(mask && mask < 1u << PCR_COUNT);
	written = pcr_mask_format(mask);
	CHECK(written && pcr_mask_parse(written, &again) == 0 && again == mask);
	return 0;
}

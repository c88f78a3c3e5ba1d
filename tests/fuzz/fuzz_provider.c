// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a provider answers (JSON), and what it is asked. */
#include "custody/provider_wire.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = fuzz_text(data, size);
	_cleanup_request_ struct provider_request request = {0};

	for (int action = 0; action < PROVIDER_ACTIONS; action++) {
		_cleanup_answer_ struct provider_answer answer = {0};
		int r = provider_answer_decode((enum provider_action)action, text, &answer);

		/* What was not understood is never a success, or the owner's no. */
		CHECK(r == 0 || answer.outcome == PROVIDER_UNREACHABLE);
		CHECK(answer.outcome < PROVIDER_UNASKED && answer.size <= PROVIDER_KEY_MAX);
		for (const char *c = answer.detail; *c; c++)
			CHECK(*c >= ' ' && *c <= '~');
		if (r == 0) {
			_cleanup_free_ char *again =
				provider_answer_encode((enum provider_action)action, &answer);

			CHECK(again);
		}
	}
	if (provider_request_decode(text, &request) == 0)
		CHECK(strlen(request.uri) <= PROVIDER_URI_MAX && request.size <= PROVIDER_KEY_MAX);
	return 0;
}

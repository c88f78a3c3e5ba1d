// SPDX-License-Identifier: LGPL-2.1-or-later
/* The event log: what is accepted can be replayed, described, compared and predicted from. */
#include <errno.h>

#include "fuzz.h"
#include "measured/event_log.h"
#include "measured/predict.h"

#define PCRS ((1u << 16) - 1)

/* A log always agrees with the values that it replays to, so predicting gets as far as it can. */
static void try_predict(const struct event_log *log, const struct pcr_values *found)
{
	static const struct predict_change changes[] = {
		{.cmdline = "root=/dev/sda2 ro quiet", .old_cmdline = "console=ttyS0"},
		{.kernel = "tests/fuzz/corpus/pe/uki", .initrd = "tests/fuzz/corpus/pe/kernel"},
		{.uki = "tests/fuzz/corpus/pe/uki"},
	};
	static const uint32_t masks[] = {1u << 4 | 1u << 9, 1u << 4 | 1u << 8 | 1u << 9,
					 1u << 4 | 1u << PCR_UKI};
	struct boot_state state;

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		int r = predict(masks[i], found, log, &changes[i], &state);

		CHECK(r == 0 || r == -EOPNOTSUPP);
		CHECK(r < 0 || state.pcrs.mask == (masks[i] | 1u << PCR_CAP));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_event_log_ struct event_log log = {0};
	/* Exactly as long as the log, so that a byte beyond it is an error. */
	_cleanup_free_ uint8_t *copy = malloc(size ? size : 1);
	struct policy_events events;
	struct pcr_values found;
	char text[EVENT_TEXT_SIZE];
	int r;

	CHECK(copy);
	memcpy(copy, data, size);
	r = event_log_parse(copy, size, &log);
	CHECK(r == 0 || r == -EBADMSG || r == -EOPNOTSUPP);
	if (r < 0)
		return 0;
	CHECK(event_log_replay(&log, &found) == 0 && found.mask == PCRS);
	for (size_t i = 0; i < log.n; i++) {
		memset(text, 'x', sizeof(text));
		event_describe(&log.events[i], text);
		CHECK(memchr(text, 0, sizeof(text)));
		for (const char *c = text; *c; c++)
			CHECK(*c >= 0x20 && *c < 0x7f);
		event_tag(&log.events[i]);
	}
	event_log_shorten(&log, PCRS, &events);
	CHECK(events.n <= POLICY_EVENTS_MAX);
	CHECK(!event_log_first_difference(&log, PCRS, &events));
	try_predict(&log, &found);
	return 0;
}

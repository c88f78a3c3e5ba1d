// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The event log of a real boot: Debian 12's OVMF and its kernel 6.1 with an initrd, started by
 * QEMU's -kernel with swtpm behind. tests/vectors/event-log-ovmf-linux-6.1.bin is what the kernel
 * gave as binary_bios_measurements, and these are the PCRs of that boot, by /sys/class/tpm.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "measured/event_log.h"
#include "test.h"

#define LOG "tests/vectors/event-log-ovmf-linux-6.1.bin"

static const struct {
	int pcr;
	const char *value;
} pcrs[] = {
	{0, "3e695b1035f9b7fa5ade7430fc93730efab93bcb6c0a843cdab260323f7734c4"},
	{1, "8e9d1fe23131f12d6a523e9c32eb3223d4dc25e14eb5fd60163e7ba8de0f248c"},
	{2, "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969"},
	{3, "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969"},
	{4, "466e4a17cc8aeef8d24fc2d4dacc52a10885290ed717644fd864b6781480a73c"},
	{5, "a5ceb755d043f32431d63e39f5161464620a3437280494b5850dc1b47cc074e0"},
	{6, "3d458cfe55cc03ea1f443f1562beec8df51c75e14a9fcf9a7234a13f198e7969"},
	{7, "65caf8dd1e0ea7a6347b635d2b379c93b9a1351edc2afc3ecda700e534eb3068"},
	{9, "7dc75d457af75997ea388f4cf9360ba6a6713df32be13aa655c2eb9e937b2781"},
};

static void test_replay(void)
{
	_cleanup_event_log_ struct event_log log = {0};
	struct pcr_values found;
	char text[EVENT_TEXT_SIZE];

	CHECK(event_log_load(LOG, &log) == 0);
	CHECK(log.n == 24);
	CHECK(event_log_replay(&log, &found) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(pcrs); i++) {
		_cleanup_free_ char *hex = hex_encode(found.value[pcrs[i].pcr], SHA256_SIZE);

		CHECK(hex && !strcmp(hex, pcrs[i].value));
	}
	for (size_t i = 0; i < log.n; i++) {
		event_describe(&log.events[i], text);
		if (event_tag(&log.events[i]) == EVENT_TAG_INITRD)
			CHECK(!strcmp(text, "EV_EVENT_TAG Linux initrd"));
	}
}

static void test_difference(void)
{
	_cleanup_event_log_ struct event_log log = {0};
	struct policy_events approved;

	CHECK(event_log_load(LOG, &log) == 0);
	event_log_shorten(&log, 1u << 4 | 1u << 9, &approved);
	CHECK(approved.n == 5);
	CHECK(!event_log_first_difference(&log, 1u << 4 | 1u << 9, &approved));
	approved.list[approved.n - 1].digest[0] ^= 1;
	CHECK(event_tag(event_log_first_difference(&log, 1u << 9, &approved)) == EVENT_TAG_INITRD);
	CHECK(!event_log_first_difference(&log, 1u << 4, &approved));
	approved.n = 0;
	CHECK(!event_log_first_difference(&log, 1u << 9, &approved));
}

/* Cut off anywhere, or with any byte changed, it is refused or read, and never past its end. */
static void test_damage(void)
{
	_cleanup_event_log_ struct event_log log = {0};
	size_t whole = 0;

	CHECK(event_log_load(LOG, &log) == 0);
	for (size_t size = 0; size < log.raw.size; size++) {
		_cleanup_event_log_ struct event_log cut = {0};
		uint8_t *copy = malloc(size + 1);

		if (!copy)
			abort();
		memcpy(copy, log.raw.data, size);
		whole += event_log_parse(copy, size, &cut) == 0;
		free(copy);
	}
	/* Only between two events. */
	CHECK(whole == log.n);
	for (size_t i = 0; i < log.raw.size; i++) {
		_cleanup_event_log_ struct event_log changed = {0};
		struct pcr_values found;
		char text[EVENT_TEXT_SIZE];

		log.raw.data[i] ^= 0xff;
		if (event_log_parse(log.raw.data, log.raw.size, &changed) == 0) {
			CHECK(event_log_replay(&changed, &found) == 0);
			for (size_t k = 0; k < changed.n; k++)
				event_describe(&changed.events[k], text);
		}
		log.raw.data[i] ^= 0xff;
	}
}

int main(void)
{
	test_replay();
	test_difference();
	test_damage();
	return test_done();
}

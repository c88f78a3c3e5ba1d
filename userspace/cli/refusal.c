// SPDX-License-Identifier: LGPL-2.1-or-later
/* Telling why a protector refused, to people and to programs. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/object.h"
#include "measured/event_log.h"

#define DIGEST_SHOWN 8 /* bytes of a PCR value that a person is shown */

/* What firmware and boot loader measure there: UAPI.7 Linux TPM PCR registry. */
static const char *const pcr_meaning[PCR_COUNT] = {
	[0] = "firmware code",
	[1] = "firmware configuration",
	[2] = "option ROMs",
	[3] = "option ROM configuration",
	[4] = "boot loader and kernel image",
	[5] = "partition table",
	[7] = "Secure Boot state",
	[8] = "boot loader commands",
	[9] = "initrd and kernel command line",
	[11] = "unified kernel image",
	[12] = "kernel command line overrides",
	[14] = "MOK certificates",
	[15] = "cap after unlock",
};

static void show_digest(char ret[2 * DIGEST_SHOWN + 4], const uint8_t value[SHA256_SIZE])
{
	_cleanup_free_ char *hex = hex_encode(value, DIGEST_SHOWN);

	sprintf(ret, "%s...", hex ?: "");
}

static void show_lockout(const struct refusal *refusal)
{
	const struct tpm_lockout *lockout = &refusal->lockout;
	uint32_t left = lockout->failed < lockout->max_tries && !lockout->locked
				? lockout->max_tries - lockout->failed
				: 0;

	if (refusal->reason == REASON_PIN_WRONG && left)
		log_notice("  %u %s left before the TPM locks", left, left == 1 ? "try" : "tries");
	else
		log_notice("  the TPM takes another try in at most %u min, if it keeps power; a "
			   "recovery password opens now",
			   (lockout->interval_s + 59) / 60);
}

/* The log of this boot, and in it what differs first from the approved one; NULL: unknown. */
static const struct event *first_difference(const char *event_log, const struct refusal *refusal,
					    struct event_log *log)
{
	if (refusal->reason != REASON_PCR_MISMATCH || event_log_load(event_log, log) < 0)
		return NULL;
	return event_log_first_difference(log, refusal->expected.mask, &refusal->approved);
}

void cli_show_refusal(const char *event_log, const struct protector *protector,
		      const struct refusal *refusal)
{
	const struct pcr_values *expected = &refusal->expected, *found = &refusal->found;
	char was[2 * DIGEST_SHOWN + 4], is[2 * DIGEST_SHOWN + 4], text[EVENT_TEXT_SIZE];
	_cleanup_event_log_ struct event_log log = {0};
	const struct event *event;

	log_notice("Protector %s %s refused: %s (%s)", protector_kind_name(protector->kind),
		   protector->head.id, reason_text(refusal->reason), reason_code(refusal->reason));
	if (*refusal->detail)
		log_notice("  %s", refusal->detail);
	if (refusal->reason == REASON_LOCKOUT_CHANGED)
		log_notice(
			"  %u tries, and one is forgiven every %u s; somebody may be guessing. Open "
			"it by another secret, then: fvesetup tpm lockout",
			refusal->lockout.max_tries, refusal->lockout.interval_s);
	if (refusal->reason == REASON_PIN_WRONG || refusal->reason == REASON_TPM_LOCKED_OUT)
		show_lockout(refusal);
	for (int i = 0; i < PCR_COUNT; i++) {
		if (!(expected->mask & 1u << i))
			continue;
		show_digest(was, expected->value[i]);
		show_digest(is, found->value[i]);
		log_notice("  PCR %d (%s): expected %s found %s", i, pcr_meaning[i] ?: "other", was,
			   is);
	}
	event = first_difference(event_log, refusal, &log);
	if (!event)
		return;
	event_describe(event, text);
	log_notice("  first event that differs: number %zu of the log, PCR %u, %s",
		   (size_t)(event - log.events), event->pcr, text);
}

static struct json_object *pcrs_json(const struct refusal *refusal)
{
	struct json_object *array = json_object_new_array();

	for (int i = 0; i < PCR_COUNT; i++) {
		struct json_object *o;

		if (!(refusal->expected.mask & 1u << i))
			continue;
		o = json_object_new_object();
		object_number(o, "pcr", i);
		object_hex(o, "expected", refusal->expected.value[i], SHA256_SIZE);
		object_hex(o, "found", refusal->found.value[i], SHA256_SIZE);
		json_object_array_add(array, o);
	}
	return array;
}

void cli_refusal_json(const char *event_log, const struct refusal *refusal,
		      struct json_object *object)
{
	_cleanup_event_log_ struct event_log log = {0};
	const struct event *event = first_difference(event_log, refusal, &log);
	struct json_object *o = NULL;
	char text[EVENT_TEXT_SIZE];

	object_reason(object, "reason", refusal->reason);
	object_known(object, "detail", refusal->detail);
	json_object_object_add(object, "pcrs", pcrs_json(refusal));
	if (event) {
		event_describe(event, text);
		o = json_object_new_object();
		object_number(o, "number", event - log.events);
		object_number(o, "pcr", event->pcr);
		object_text(o, "text", text);
	}
	json_object_object_add(object, "event", o);
}

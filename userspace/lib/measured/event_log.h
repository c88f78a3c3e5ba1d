/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The event log, in which firmware, boot loader and kernel list what they measured. Its format is
 * the crypto-agile log of the TCG PC Client Platform Firmware Profile (PFP 1.05, section 10). The
 * log is not trusted: it counts only as far as its replay gives the values that the TPM holds.
 */
#pragma once

#include "tpm/policy_digest.h"

/* The event types that are told apart here (PFP 10.4.1). */
#define EV_NO_ACTION			 0x00000003
#define EV_SEPARATOR			 0x00000004
#define EV_EVENT_TAG			 0x00000006
#define EV_IPL				 0x0000000d
#define EV_EFI_BOOT_SERVICES_APPLICATION 0x80000003

/* taggedEventID of the initrd and the command line, which Linux' EFI stub measures into PCR 9
 * (include/linux/efi.h). */
#define EVENT_TAG_INITRD       0x8f3b22ec
#define EVENT_TAG_LOAD_OPTIONS 0x8f3b22ed

/* One event of the log. */
struct event {
	uint32_t pcr;
	uint32_t type;
	uint8_t digest[SHA256_SIZE]; /* extended into the PCR, unless @type is EV_NO_ACTION */
	const uint8_t *data;	     /* borrowed from the log's bytes */
	size_t size;
};

struct event_log {
	struct event *events; /* owned */
	size_t n;
	struct blob raw; /* owned; the bytes that event_log_load() has read, else empty */
};

void event_log_free(struct event_log *log);
#define _cleanup_event_log_ __attribute__((cleanup(event_log_free)))

/*
 * Parse the @size bytes at @data, which must outlive @ret. Only the events are allocated. -EBADMSG:
 * it is not a log, is cut off, or is followed by other bytes; -EOPNOTSUPP: it has no SHA-256
 * digests. No message.
 */
int event_log_parse(const uint8_t *data, size_t size, struct event_log *ret);

/* Read and parse the log in file @path, or the kernel's where that is NULL. -ENOENT: there is none;
 * else as event_log_parse(). No message. */
#define EVENT_LOG_PATH "/sys/kernel/security/tpm0/binary_bios_measurements"
int event_log_load(const char *path, struct event_log *ret);

/* Compute what PCRs 0 to 15 hold after all events. */
int event_log_replay(const struct event_log *log, struct pcr_values *ret);

/* Extend @value, that of a PCR, with @digest. */
int pcr_extend(uint8_t value[SHA256_SIZE], const uint8_t digest[SHA256_SIZE]);

/* Return the taggedEventID of an EV_EVENT_TAG; 0 for another event. */
uint32_t event_tag(const struct event *event);

/* Describe an event in one line of printable ASCII: its kind, and what it names. */
#define EVENT_TEXT_SIZE 120
void event_describe(const struct event *event, char ret[EVENT_TEXT_SIZE]);

/* Give the events of the PCRs in @mask, shortened, and at most POLICY_EVENTS_MAX of them. */
void event_log_shorten(const struct event_log *log, uint32_t mask, struct policy_events *ret);

/*
 * Return the first event of a PCR in @mask, in the order of the log, that differs from the event of
 * @approved at the same place in that PCR; borrowed. NULL: there is none, since the log ends early,
 * or
 * @approved is empty or was cut off at POLICY_EVENTS_MAX.
 */
const struct event *event_log_first_difference(const struct event_log *log, uint32_t mask,
					       const struct policy_events *approved);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What firmware, boot loader and kernel say they measured: the crypto-agile event log of the TCG
 * PC Client Platform Firmware Profile (1.05, section 10). The log is not trusted: it counts only
 * as far as its replay gives the values that the TPM holds.
 */
#ifndef FVE_EVENT_LOG_H
#define FVE_EVENT_LOG_H

#include "tpm/policy_digest.h"

/* Event types that mean something here (PFP 10.4.1). */
#define EV_NO_ACTION			 0x00000003
#define EV_SEPARATOR			 0x00000004
#define EV_EVENT_TAG			 0x00000006
#define EV_IPL				 0x0000000d
#define EV_EFI_BOOT_SERVICES_APPLICATION 0x80000003

/* taggedEventID of Linux' EFI stub (include/linux/efi.h): initrd and command line, in PCR 9. */
#define EVENT_TAG_INITRD       0x8f3b22ec
#define EVENT_TAG_LOAD_OPTIONS 0x8f3b22ed

struct event {
	uint32_t pcr;
	uint32_t type;
	uint8_t digest[SHA256_SIZE]; /* what was extended; not where @type is EV_NO_ACTION */
	const uint8_t *data;	     /* borrowed from the log's bytes */
	size_t size;
};

struct event_log {
	struct event *events; /* owned */
	size_t n;
	struct blob raw; /* the bytes, where event_log_load() read them */
};

void event_log_free(struct event_log *log);
#define _cleanup_event_log_ __attribute__((cleanup(event_log_free)))

/*
 * Parse the @size bytes at @data, which must outlive @ret. Allocates the events and nothing else.
 * -EBADMSG: not a log, cut off, or followed by something; -EOPNOTSUPP: without SHA-256 digests.
 */
int event_log_parse(const uint8_t *data, size_t size, struct event_log *ret);

/* The same from a file; @path NULL is the kernel's. -ENOENT: there is none. No message. */
#define EVENT_LOG_PATH "/sys/kernel/security/tpm0/binary_bios_measurements"
int event_log_load(const char *path, struct event_log *ret);

/* What the PCRs hold after all events. @ret has all PCRs below 16 in its mask. */
int event_log_replay(const struct event_log *log, struct pcr_values *ret);

/* Extend @value with @digest. */
int pcr_extend(uint8_t value[SHA256_SIZE], const uint8_t digest[SHA256_SIZE]);

/* taggedEventID of an EV_EVENT_TAG; 0 where there is none. */
uint32_t event_tag(const struct event *event);

/* One line for a person, printable ASCII: what kind of event, and what it names. */
#define EVENT_TEXT_SIZE 120
void event_describe(const struct event *event, char ret[EVENT_TEXT_SIZE]);

/* The events of the PCRs in @mask, shortened; those beyond POLICY_EVENTS_MAX are left out. */
void event_log_shorten(const struct event_log *log, uint32_t mask, struct policy_events *ret);

/*
 * The first event of a PCR in @mask, in the order of the log, that is not what @approved has at
 * this place in its PCR. NULL where none is: the log ends early, or @approved is empty or cut.
 */
const struct event *event_log_first_difference(const struct event_log *log, uint32_t mask,
					       const struct policy_events *approved);

#endif

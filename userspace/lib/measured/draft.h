/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The event log of this boot, copied so that predict.c can replace events in it, and the files
 * whose digests go there.
 */
#pragma once

#include "measured/event_log.h"

#define PCR_FILES 9 /* what GRUB reads, and what the kernel's stub tags */

/* The bytes of a file, mapped into memory. */
struct mapped {
	const uint8_t *data;
	size_t size;
};

/* Map @path, which is a file that is not empty. -EBADMSG: it is not. The messages are made here. */
int mapped_open(const char *path, struct mapped *ret);
void mapped_close(struct mapped *file);
#define _cleanup_mapped_ __attribute__((cleanup(mapped_close)))

/* SHA-256 of the whole file, as GRUB and the kernel's stub measure it. Messages as above. */
int mapped_digest(const char *path, uint8_t ret[SHA256_SIZE]);

/* Compute Authenticode's digest of the PE image @path (pe.h). Messages as above. */
int mapped_authenticode(const char *path, uint8_t ret[SHA256_SIZE]);

/* The present command line: @given, or else what /proc/cmdline has, without its line end. -EIO with
 * a message: it cannot be read. */
int draft_cmdline(const char *given, char **ret);

/* Compute what LoadOptions of @cmdline are measured as: UTF-16, of which most boot managers give
 * the NUL at the end as well. */
int draft_load_options(const char *cmdline, bool nul, uint8_t ret[SHA256_SIZE]);

/* A copy of a log; the events' data is borrowed from it. */
struct draft {
	struct event *events; /* owned */
	size_t n;
	/* Index of the first event of the kernel's stub, GRUB and systemd-stub; @n: none. */
	size_t first_stub, first_grub, first_uki;
};

/* Whether @event is an image that the firmware has started or loaded. */
bool event_is_image(const struct event *event);

/* Copy the events of @log, with room for @room more. -ENOMEM. */
int draft_open(const struct event_log *log, size_t room, struct draft *ret);
void draft_free(struct draft *draft);
#define _cleanup_draft_ __attribute__((cleanup(draft_free)))

/* Find the event that the stub tagged @tag. -EOPNOTSUPP without a message: none, or several. */
int draft_find_tag(const struct draft *draft, uint32_t tag, struct event **ret);

/* The last image that was started before event number @before; NULL where there is none. */
struct event *draft_last_image(const struct draft *draft, size_t before);

/*
 * Find the image that was started after event number @after; NULL where there is none.
 * -EOPNOTSUPP without a message: there are several.
 */
int draft_image_after(const struct draft *draft, size_t after, struct event **ret);

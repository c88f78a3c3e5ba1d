/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Predicting the PCRs of a boot that has not happened yet. The prediction takes the event log of
 * this boot and replaces the events of the files that were changed. Where the log leaves room for
 * doubt, it is refused.
 */
#pragma once

#include "measured/boot_state.h"

/* The changes since this boot; a member that is NULL stays as it was. */
struct predict_change {
	const char *kernel;  /* file */
	const char *initrd;  /* file */
	const char *cmdline; /* text that /proc/cmdline will have */
	const char *uki;     /* file: a unified kernel image; goes with none of the others */
	/* The text of /proc/cmdline in this boot, without its line end; NULL: it is read. */
	const char *old_cmdline;
};

/*
 * Give the PCRs of @mask as they will be at the time of unlocking, and the cap's at its start
 * value.
 * @found holds all PCRs as they are now. -ESTALE: @log does not replay to them; -EOPNOTSUPP: @log
 * has no event to be replaced, or several; -EBADMSG and others: a file cannot be used. Prints the
 * message.
 */
int predict(uint32_t mask, const struct pcr_values *found, const struct event_log *log,
	    const struct predict_change *change, struct boot_state *ret);

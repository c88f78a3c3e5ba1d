/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The PCRs of a boot that has not happened yet: the event log of this boot, with the events of
 * what was changed replaced. Where the log leaves room for doubt there is no prediction.
 */
#ifndef FVE_PREDICT_H
#define FVE_PREDICT_H

#include "measured/boot_state.h"

/* What will be different; what is NULL stays as it is. */
struct predict_change {
	const char *kernel;  /* file */
	const char *initrd;  /* file */
	const char *cmdline; /* text, as /proc/cmdline will have it */
	const char *uki;     /* file: a unified kernel image; goes with none of the others */
	/* The present /proc/cmdline, without its line end; NULL is this system's. */
	const char *old_cmdline;
};

/*
 * Give the PCRs of @mask, and the cap's at its start value, as they will be at the time of
 * unlocking. @found: all PCRs now. -ESTALE: the log does not replay to them; -EOPNOTSUPP: the log
 * does not tell what to replace, or several places; -EBADMSG and others: a file. The messages are
 * made here.
 */
int predict(uint32_t mask, const struct pcr_values *found, const struct event_log *log,
	    const struct predict_change *change, struct boot_state *ret);

#endif

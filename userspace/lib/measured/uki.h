/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What systemd-stub will measure of a unified kernel image (UAPI.5) that has not been started yet:
 * the image itself into PCR 4, its sections into PCR 11. Predicted for the stubs of systemd 252 and
 * 254 to 262.
 */
#pragma once

#include "measured/draft.h"

#define UKI_SECTIONS 14 /* kinds of sections that are measured */
#define UKI_EVENTS \
	(2 * UKI_SECTIONS) /* a name and contents each: room that draft_open() is to make */

/*
 * Replace the events of this boot's unified kernel image by those of image @path, with the same
 * profile. @old_cmdline as for draft_cmdline(); PCRs that @mask has not are no reason to refuse.
 * -EOPNOTSUPP: its stub, or one of its sections, is not known, or the log leaves doubt; -EBADMSG
 * and others: the file cannot be used. Prints the message.
 */
int uki_predict(struct draft *draft, const char *path, const char *old_cmdline, uint32_t mask);

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup suspend' and 'fvesetup resume' actions. */
#include <errno.h>

#include "base/signals.h"
#include "cli/table.h"

static int cmd_suspend(const struct args *args)
{
	signals_hold();
	return volume_suspend(cli_mapping_name(args->operand[0]), args->force);
}

ACTION(suspend, "Volumes", "suspend", "<name>", "freeze I/O and wipe the key",
       "Freeze an open volume: I/O under way is waited for, all later I/O waits, and the key is "
       "wiped from the kernel. What of the data is in memory, in the page cache or in programs, "
       "stays there. A volume that holds the root file system, fvesetup itself or swap is "
       "refused without --force: nothing could be started to resume it.",
       OPT_FORCE);

static int cmd_resume(const struct args *args)
{
	_cleanup_volume_status_ struct volume_status status = {0};
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	const char *name = cli_mapping_name(args->operand[0]);
	struct unlock_request how = args->unlock;
	int r = volume_status(name, &status);

	if (r < 0)
		return r;
	if (!status.suspended)
		return log_errno(EINVAL, "%s is not suspended", name);
	/* A key file may lie on what is suspended: reading it would wait for ever. */
	how.kinds = kind_mask(0, KIND_VOLUME);
	how.device = status.device;
	r = header_load(status.device, &header);
	if (r < 0)
		return r;
	r = cli_unlock(&how, header, &fvek, NULL);
	if (r < 0)
		return r;
	signals_hold();
	return volume_resume(name, header, fvek);
}

ACTION(resume, "Volumes", "resume", "<name>", "ask for the key again, and go on",
       "Unlock a suspended volume as by open, give the kernel its key, and let I/O go on. "
       "auto protectors are left alone, since their key file may lie on what is suspended.",
       TO_UNLOCK);

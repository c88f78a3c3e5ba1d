// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup suspend' and 'fvesetup resume' actions. */
#include <errno.h>

#include "base/signals.h"
#include "cli/cli.h"

int cmd_suspend(const struct args *args)
{
	signals_hold();
	return volume_suspend(cli_mapping_name(args->operand[0]), args->force);
}

int cmd_resume(const struct args *args)
{
	_cleanup_volume_status_ struct volume_status status = {0};
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	const char *name = cli_mapping_name(args->operand[0]);
	struct args unlock = *args;
	struct protector used;
	int r = volume_status(name, &status);

	if (r < 0)
		return r;
	if (!status.suspended)
		return log_errno(EINVAL, "%s is not suspended", name);
	/* A key file may lie on what is suspended: reading it would wait for ever. */
	unlock.kinds = ~(1u << PROTECTOR_AUTO);
	unlock.operand[0] = status.device;
	r = header_load(status.device, &header);
	if (r == 0)
		r = cli_unlock(&unlock, header, &fvek, &used);
	if (r < 0)
		return r;
	signals_hold();
	return volume_resume(name, header, fvek);
}

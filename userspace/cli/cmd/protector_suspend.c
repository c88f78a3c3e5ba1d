// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup protector disable|enable' actions: BitLocker's suspend and resume. */
#include <stdio.h>

#include "cli/cli.h"
#include "protector/suspended.h"

int cmd_protector_disable(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	uint32_t boots = args->boots ?: 1;
	int r = cli_open_to_change(args, &lock, &header, &fvek);

	if (r == 0)
		r = protector_suspended_add(header, fvek, args->tcti, boots);
	if (r == 0)
		printf("Protection of %s is suspended for the next %u %s on this machine. To end it "
		       "before: fvesetup protector enable %s\n",
		       args->operand[0], boots, boots == 1 ? "boot" : "boots", args->operand[0]);
	return r;
}

int cmd_protector_enable(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	int r = cli_open_to_change(args, &lock, &header, &fvek);

	return r < 0 ? r : protector_suspended_remove(header, fvek);
}

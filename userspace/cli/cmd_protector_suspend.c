// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup protector disable|enable' actions: BitLocker's suspend and resume. */
#include <stdio.h>

#include "cli.h"
#include "device.h"
#include "protector_suspended.h"

static int unlocked(const struct args *args, int *ret_lock, struct header **ret_header,
		    struct secret **ret_fvek)
{
	struct protector used;
	int r = device_lock(args->operand[0], ret_lock);

	if (r == 0)
		r = header_load(args->operand[0], ret_header);
	if (r == 0)
		r = cli_unlock_to_change(args, *ret_header, ret_fvek, &used);
	if (r == 0)
		signals_hold();
	return r;
}

int cmd_protector_disable(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	uint32_t boots = args->boots ?: 1;
	int r = unlocked(args, &lock, &header, &fvek);

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
	int r = unlocked(args, &lock, &header, &fvek);

	return r < 0 ? r : protector_suspended_remove(header, fvek);
}

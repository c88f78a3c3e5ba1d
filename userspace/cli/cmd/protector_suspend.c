// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup protector disable|enable' actions: BitLocker's suspend and resume. */
#include <stdio.h>

#include "cli/table.h"
#include "protector/suspended.h"

static int cmd_protector_disable(const struct args *args)
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

ACTION(protector_disable, "Protectors", "protector disable", "<device>",
       "suspend protection for some boots",
       "Suspend protection: add a protector suspended that opens the volume in the next --boots "
       "boots on this machine, however it boots, and asks for no PIN. No key in the clear is "
       "written: the key is sealed in the TPM, whose count of resets ends it, and what caps the "
       "TPM after unlocking keeps it back too. After sleep or hibernation, which the TPM does not "
       "count as a reset, it opens again from the next start of the machine on. Whoever has the whole machine can open the volume "
       "meanwhile. All other protectors stay.",
       TO_UNLOCK, OPT_BOOTS);

static int cmd_protector_enable(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	int r = cli_open_to_change(args, &lock, &header, &fvek);

	return r < 0 ? r : protector_suspended_remove(header, fvek);
}

ACTION(protector_enable, "Protectors", "protector enable", "<device>",
       "end that before it ends by itself",
       "Resume protection at once: remove the protector suspended, expired or not.", TO_UNLOCK);

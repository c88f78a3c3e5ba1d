// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup boot-cap' action, on every way out of the unlock phase. */
#include "cli/boot.h"
#include "cli/table.h"

static int cmd_boot_cap(const struct args *args)
{
	_cleanup_boot_ struct boot boot = {0};
	int r = boot_load(args, FVETAB_SYSTEM, NULL, &boot);

	return r < 0 ? r : boot_cap(&boot, NULL);
}

ACTION(boot_cap, "Boot", "boot-cap", "", "let the TPM release no key again in this boot",
       "Extend PCR 15, unless that was done already, so that the TPM releases no key of a volume "
       "again in this boot. Succeeds where there is no TPM. Fails when the TPM does and a volume "
       "of fvetab(5) depends on it.",
       OPT_TPM, OPT_TABLE, OPT_KERNEL_CMDLINE, OPT_IN_INITRD);

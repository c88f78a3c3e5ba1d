// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup boot-cap' action, on every way out of the unlock phase. */
#include "cli/boot.h"

int cmd_boot_cap(const struct args *args)
{
	_cleanup_boot_ struct boot boot = {0};
	int r = boot_load(args, NULL, &boot);

	return r < 0 ? r : boot_cap(&boot, NULL);
}

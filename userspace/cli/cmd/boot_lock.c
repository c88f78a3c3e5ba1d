// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The 'fvesetup boot-lock' action, before any shell that is not asked for a secret. In the
 * initramfs the volumes are locked, and the shell comes after that. In the booted system the shell
 * stands on the root volume itself: where root has a password sulogin asks for it, and else the
 * machine starts again.
 */
#include <errno.h>
#include <shadow.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>

#include "cli/boot_locking.h"
#include "cli/table.h"

#define READING_S 10 /* time to read why */

/* crypt(5): the shortest that is a hash at all is DES's. */
#define HASH_MIN 13

/* Whether sulogin will ask: one noisy sector can make the file say something else. */
static bool root_has_password(void)
{
	_cleanup_file_ FILE *file = fopen("/etc/shadow", "re");
	const struct spwd *entry;

	while (file && (entry = fgetspent(file)))
		if (!strcmp(entry->sp_namp, "root"))
			return strlen(entry->sp_pwdp) >= HASH_MIN && *entry->sp_pwdp != '!' &&
			       *entry->sp_pwdp != '*';
	return false;
}

static int restart(struct boot *boot)
{
	int r;

	log_error("Nobody has typed a secret in this boot, and root has no password that a shell "
		  "could ask for: volumes are locked, and the machine starts again in %d s. Boot "
		  "with rd.fve.recovery=1 and a secret, or set a password for root.",
		  READING_S);
	sleep(READING_S);
	/* What this program needs from the root volume has to be in memory by then. */
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		return log_errno(errno, "cannot lock fvesetup into memory: %m");
	r = boot_lock_volumes(boot);
	reboot(RB_AUTOBOOT);
	return r < 0 ? r : log_errno(errno, "cannot restart the machine: %m");
}

static int cmd_boot_lock(const struct args *args)
{
	_cleanup_boot_ struct boot boot = {0};
	struct boot_open open;
	/* What cannot be told is open to be seen. */
	bool unattended = boot_find_open(&open) < 0 || open.unattended;
	int r = boot_load(args, FVETAB_SYSTEM, NULL, &boot);

	if (boot.initrd)
		return r < 0 ? r : boot_lock_volumes(&boot);
	/* A machine that has nothing open gets its shell, even where the table cannot be read. */
	if (!unattended || root_has_password())
		return 0;
	return r < 0 ? r : restart(&boot);
}

ACTION(boot_lock, "Boot", "boot-lock", "", "lock what nobody opened, before a shell",
       "Cap the TPM, and unless a person's secret, a PIN or a startup key opened a volume in this "
       "boot, revoke the keys of all open volumes and remove their mappings, busy or not. What is "
       "opened again in this boot takes a secret: fvesetup boot-unlock. Every shell of the "
       "initramfs comes after this. In the booted system it does so, and starts the machine "
       "again, only where root has no password.",
       OPT_TPM, OPT_TABLE, OPT_KERNEL_CMDLINE, OPT_IN_INITRD);

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A deliberate fault for t_boot_control: every volume is the machine's own, nothing is locked
 * before a shell, and any root may take over. What is mapped then is what the rules keep from a
 * stranger.
 *
 * wraps: identity_of identity_parse boot_lock_volumes mounts_within
 */
#include <string.h>

#include "cli/boot_locking.h"
#include "keys/identity.h"
#include "os/mounts_within.h"

int __wrap_identity_of(const struct secret *fvek, uint8_t ret[IDENTITY_SIZE]);
int __wrap_identity_parse(const char *text, uint8_t ret[IDENTITY_SIZE]);
int __wrap_boot_lock_volumes(struct boot *boot);
int __wrap_mounts_within(const char *top, const dev_t *good, size_t n, char **ret_bad);

int __wrap_identity_of(const struct secret *fvek, uint8_t ret[IDENTITY_SIZE])
{
	(void)fvek;
	memset(ret, 0, IDENTITY_SIZE);
	return 0;
}

int __wrap_identity_parse(const char *text, uint8_t ret[IDENTITY_SIZE])
{
	(void)text;
	memset(ret, 0, IDENTITY_SIZE);
	return 0;
}

int __wrap_boot_lock_volumes(struct boot *boot)
{
	return boot_cap(boot, NULL);
}

int __wrap_mounts_within(const char *top, const dev_t *good, size_t n, char **ret_bad)
{
	(void)top, (void)good, (void)n, (void)ret_bad;
	return 1;
}

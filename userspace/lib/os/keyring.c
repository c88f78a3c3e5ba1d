// SPDX-License-Identifier: LGPL-2.1-or-later
/* Calling add_key(2) and keyctl(2), which glibc does not wrap. */
#include <errno.h>
#include <linux/keyctl.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "os/keyring.h"

int keyring_add(const char *description, const struct secret *key, int32_t *ret_id)
{
	long id = syscall(SYS_add_key, "logon", description, key->data, key->size,
			  KEY_SPEC_THREAD_KEYRING);

	if (id < 0)
		return log_errno(errno, "cannot put the volume key into the kernel keyring: %m");
	*ret_id = (int32_t)id;
	return 0;
}

void keyring_drop(int32_t id)
{
	if (syscall(SYS_keyctl, KEYCTL_INVALIDATE, id) < 0)
		log_debug("cannot invalidate key %d: %m", id);
	if (syscall(SYS_keyctl, KEYCTL_UNLINK, id, KEY_SPEC_THREAD_KEYRING) < 0 && errno != ENOENT)
		log_debug("cannot unlink key %d: %m", id);
}

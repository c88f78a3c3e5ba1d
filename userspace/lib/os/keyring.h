/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel keyring: the only road by which the FVEK reaches the device-mapper target. */
#ifndef FVE_KEYRING_H
#define FVE_KEYRING_H

#include <stdint.h>

#include "base/secret.h"

/*
 * Put @key into this thread's keyring as a "logon" key: userspace cannot read it back, and it
 * goes away with the thread at the latest. @description needs a "service:" prefix.
 */
int keyring_add(const char *description, const struct secret *key, int32_t *ret_id);

/* Take the key out of the keyring and invalidate it; who holds it already keeps it. */
void keyring_drop(int32_t id);

#endif

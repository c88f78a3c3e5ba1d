/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel keyring, which is the only way by which the FVEK reaches the device-mapper target. */
#pragma once

#include <stdint.h>

#include "base/secret.h"

/*
 * Put @key into this thread's keyring as a "logon" key, which userspace cannot read back and which
 * goes away with the thread at the latest. @description needs a prefix "service:" (keyrings(7)).
 * Returns 0 or -errno with a message.
 */
int keyring_add(const char *description, const struct secret *key, int32_t *ret_id);

/* Invalidate the key and take it out of the keyring. A target that has fetched it keeps its copy.
 */
void keyring_drop(int32_t id);

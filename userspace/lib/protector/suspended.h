/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protection suspended for an update, as BitLocker has it, and without its clear key on disk: a
 * key sealed in the TPM for the next few boots, however the machine boots in them. It needs this
 * TPM, and one that was not capped in this boot; the TPM's count of resets ends it by itself. A
 * boot that is no reset, after TPM2_Shutdown(STATE), would not be counted, and opens nothing: this
 * is how a resumed hibernation looks, too.
 */
#pragma once

#include "protector/protector.h"

/* Remove all that are there, expired or not. -ENOENT with a message. */
int protector_suspended_remove(struct header *header, const struct secret *fvek);

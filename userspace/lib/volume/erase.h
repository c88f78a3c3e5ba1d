/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making a volume one that nothing opens any more. */
#pragma once

#include "header/header.h"

/* Keyslots, then what is in the TPM, then tokens; without a message. @ret_tpm: -EIO, told already,
 * where something stays in the TPM since that answered with an error; all else is done then. */
int volume_erase(struct header *header, const char *tcti, int *ret_tpm);

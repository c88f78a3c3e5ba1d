/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making a volume one that nothing opens any more. */
#pragma once

#include "header/header.h"

/* Keyslots, then what is in the TPM, then tokens; without a message. */
int volume_erase(struct header *header, const char *tcti);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is weaker about a volume's TPM protectors than this version would make it: they open all
 * the same, and whoever shows a status says so.
 */
#pragma once

#include "base/reason.h"
#include "header/header.h"

#define CONCERNS_MAX 2

/*
 * As reasons, without a message; gives how many.
 *
 *	REASON_WEAK_PCRS	an approval that is good is boot_policy_weak()
 *	REASON_LOCKOUT_OPEN	a PIN opens the volume, and the TPM's lockoutAuth is empty
 */
size_t concerns_read(const struct header *header, const char *tcti, enum reason ret[CONCERNS_MAX]);

/* The command that mends it, to be followed by the device: "fvesetup tpm lockout". */
const char *concerns_remedy(enum reason reason);

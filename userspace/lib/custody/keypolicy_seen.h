/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the roots of a key policy said last: kept in the policy, and recorded where it changes. */
#pragma once

#include "custody/keypolicy.h"

/*
 * Keep the outcomes @errs of the roots in @mask (1 << enum wrap_key), and add a line to the audit
 * log for each that is another than before ("root-denied", "root-ok"); @volume, a UUID, says where
 * that was seen, or is NULL. A failure is printed and otherwise ignored.
 */
void keypolicy_seen(struct keypolicy *policy, const char *tcti,
		    const struct provider_error errs[WRAP_ROOTS], uint32_t mask,
		    const char *volume);

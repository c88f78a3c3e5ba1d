/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The recovery password: 128 random bits as eight groups of six digits, each group eleven
 * times a 16-bit value, as BitLocker's. The check per group names a typo by its group.
 */
#pragma once

#include "base/secret.h"

#define RECOVERY_GROUPS	     8
#define RECOVERY_TEXT_LENGTH (RECOVERY_GROUPS * 7 - 1) /* "000000-...-000000" */

/* A new recovery password as text without NUL: what is printed, typed and fed to the keyslot. */
struct secret *recovery_generate(void);

/*
 * Bring what a person typed into the canonical form. Blanks, dashes and a line end may stand
 * anywhere or be missing. -EINVAL when it is no recovery password; @ret_group is then the first
 * wrong group (1 to 8), or 0 when there are not 48 digits or something else stands between them.
 */
int recovery_parse(const struct secret *typed, struct secret **ret, unsigned int *ret_group);

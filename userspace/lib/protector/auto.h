/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A volume that another, open one opens: by a key file that lies there, or by the other's FVEK
 * while both are unlocked in one go.
 */
#pragma once

#include "protector/protector.h"

#define AUTO_KEY_SIZE 32 /* bytes of a key file */

/*
 * Where the key of @protector lies: a path, or a volume's UUID; the other is "". -EBADMSG:
 * the token is damaged. No message.
 */
int protector_auto_source(const struct header *header, const struct protector *protector,
			  char ret_file[TOKEN_PATH_MAX + 1], char ret_volume[UUID_LENGTH + 1]);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A volume that another, open one opens: by a key file that lies there, or by the other's FVEK
 * while both are unlocked in one go.
 */
#ifndef FVE_PROTECTOR_AUTO_H
#define FVE_PROTECTOR_AUTO_H

#include "protector/protector.h"
#include "protector/tpm2.h"

#define AUTO_KEY_SIZE 32 /* bytes of a key file */

/* A volume whose FVEK is at hand; all borrowed. */
struct unlocked_volume {
	const char *uuid;
	const struct secret *fvek;
};

/*
 * Write the token of a protector with @spec's source. @key is what lies there: the contents of
 * the key file, or the FVEK of the volume with UUID @volume (NULL for a file). The new wraps are
 * opened once before they are written.
 */
int protector_auto_add(struct header *header, const struct secret *fvek,
		       const struct protector_spec *spec, const struct secret *key,
		       const char *volume);

/*
 * Where the key of @protector lies: a path, or a volume's UUID; the other is "". -EBADMSG:
 * the token is damaged. No message.
 */
int protector_auto_source(const struct header *header, const struct protector *protector,
			  char ret_file[TOKEN_PATH_MAX + 1], char ret_volume[UUID_LENGTH + 1]);

/*
 * Open the volume by the key file, or by that of the @n volumes at @others which the protector
 * names. On failure @ret_refusal says why, key-absent where there is no such file or volume, and
 * no message is printed.
 */
int protector_auto_open(struct header *header, const struct protector *protector,
			const struct unlocked_volume *others, size_t n, struct secret **ret_fvek,
			struct refusal *ret_refusal);

#endif

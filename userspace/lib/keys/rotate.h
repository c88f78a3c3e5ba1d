/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Replacing the VMK with nobody present: whoever has the FVEK has each machine protector's KEK,
 * wrapped in its token, and can wrap a new VMK under it. People's secrets are not touched.
 */
#pragma once

#include "header/header.h"

/* Whether a token of this type is a protector that this version knows. */
typedef bool rotate_knows(const char *type);

/*
 * Make a new VMK, put it in the place of the old one in all tokens, and destroy the old one's
 * keyslot. Every state in between opens by every protector. Gives the new generation. Where a
 * rotation was interrupted, that one is finished. A token that may hold the VMK and that neither
 * @knows nor this file can read is refused first. The messages are made here.
 */
int rotate_vmk(struct header *header, const struct secret *fvek, rotate_knows *knows,
	       uint32_t *ret_generation);

/*
 * Make the first VMK of a header that verifies, or finish that where it was interrupted; nothing
 * where there is one. As safe to be cut off in as a rotation.
 */
int rotate_first(struct header *header, const struct secret *fvek);

/* Finish a rotation that was interrupted; nothing where there is none. Before any other change. */
int rotate_resume(struct header *header, const struct secret *fvek);

/*
 * Whether what the machine protectors' tokens hold under the FVEK is right: KEK, VMK and policy
 * key. -EBADMSG with a message for each that is not.
 */
int rotate_check(const struct header *header, const struct secret *fvek);

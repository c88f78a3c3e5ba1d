/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which recovery passwords the organisation has acknowledged, as this machine's audit log tells. */
#pragma once

#include "keys/token.h"

struct escrow_seen {
	struct escrow_pair {
		char volume[UUID_LENGTH + 1];
		char protector[TOKEN_ID_LENGTH + 1];
	} * pairs; /* owned */
	size_t n;
};

/*
 * Read them; where there is no log yet there are none. -EACCES without a message: this process may
 * not read it. Another -errno with a message.
 */
int escrow_seen_load(struct escrow_seen *ret);
bool escrow_seen_has(const struct escrow_seen *seen, const char *volume, const char *protector);
void escrow_seen_free(struct escrow_seen *seen);

#define _cleanup_escrow_seen_ __attribute__((cleanup(escrow_seen_free)))

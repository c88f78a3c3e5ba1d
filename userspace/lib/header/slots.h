/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The array "keyslots" that LUKS2 wants in the JSON of every token: the keyslots that it opens. */
#ifndef FVE_HEADER_SLOTS_H
#define FVE_HEADER_SLOTS_H

#include "base/json.h"

/* Take the one keyslot that the token names. -1: it names none, as after an interrupted removal; or
 * there was a fault. */
int reader_slot(struct reader *r);
/* Take the keyslots of a token that may name none. */
void reader_no_slots(struct reader *r);

/* Begin a token of @type that names @slot, or no keyslot where that is below 0. */
struct writer writer_open(const char *type, int slot);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The keyslots that a token names, which LUKS2 wants in every token, in its JSON. */
#ifndef FVE_HEADER_SLOTS_H
#define FVE_HEADER_SLOTS_H

#include "base/json.h"

/* The keyslot that the token names; -1: none, as after an interrupted removal. */
int reader_slot(struct reader *r);
/* A token of a type that names no keyslot. */
void reader_no_slots(struct reader *r);

/* Begin a token of @type that names @slot; @slot < 0: no keyslot. */
struct writer writer_open(const char *type, int slot);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The array "keyslots" that LUKS2 wants in the JSON of every token: the keyslots that it opens. */
#pragma once

#include "base/json.h"

/*
 * Read a token's text, of @type where that is not NULL. @slot becomes the one keyslot that it
 * names; -1: it names none, as after an interrupted removal. Where @slot is NULL it may name none.
 */
int token_parse(const char *json, int *slot, members_of *of, void *data);
/* Write a token of @type that names @slot, or no keyslot where that is below 0. The text is owned
 * by the caller; NULL: no memory. */
char *token_format(const char *type, int slot, members_of *of, void *data);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Members that several of our formats have: of tokens in a header, and of policies. */
#ifndef FVE_TOKEN_JSON_H
#define FVE_TOKEN_JSON_H

#include "base/json.h"
#include "keys/token.h"

uint32_t reader_generation(struct reader *r);
void reader_head(struct reader *r, struct token_head *head);
/* "reset_limit", and "restart_limit" where it is there, which can only be 0. */
void reader_boots(struct reader *r, struct policy_boots *boots);

void writer_generation(struct writer *w, uint32_t generation);
void writer_head(struct writer *w, const struct token_head *head);
void writer_boots(struct writer *w, const struct policy_boots *boots);

#endif

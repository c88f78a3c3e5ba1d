/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Members that several of our formats have: of tokens in a header, and of policies. */
#pragma once

#include "base/json.h"
#include "keys/token.h"

void member_generation(struct members *m, uint32_t *generation);
void member_head(struct members *m, struct token_head *head);
/* "reset_limit", and "restart_limit" where it is there, which can only be 0. */
void member_boots(struct members *m, struct policy_boots *boots);

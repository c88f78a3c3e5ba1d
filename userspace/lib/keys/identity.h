/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which volume is the machine's own. A UUID can be copied to any disk; the identity is derived from
 * the FVEK, so that only who knows that key can make a volume that has it. It is no secret.
 *
 * The machine remembers identities below its state directory (state.h), which lies on the encrypted
 * root; the initramfs has them in its own copy of fvetab, which the TPM measures.
 */
#pragma once

#include "crypto/crypto.h"

#define IDENTITY_SIZE SHA256_SIZE

/* HKDF-SHA-256(FVEK, "fve identity"). */
int identity_of(const struct secret *fvek, uint8_t ret[IDENTITY_SIZE]);

/* 64 hexadecimal digits, as fvetab(5) has them. -EINVAL, without a message. */
int identity_parse(const char *text, uint8_t ret[IDENTITY_SIZE]);

/* The volume @uuid as this machine knows it. -ENOENT without a message: it was never told. */
int identity_recall(const char *uuid, uint8_t ret[IDENTITY_SIZE]);

/* Remember it from now on, in the place of what was known. The message is made here. */
int identity_remember(const char *uuid, const uint8_t identity[IDENTITY_SIZE]);

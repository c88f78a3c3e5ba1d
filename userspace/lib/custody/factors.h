/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The erasable factors of tenants. Each tenant has one, of 32 random bytes; without it neither the
 * tenant's header nor any copy of the header opens, whoever holds the root keys.
 *
 * The factors of all tenants are a table in a file, wrapped by a key in one of the TPM's two slots.
 * A factor is erased by writing the table without it, under a new key in the other slot, and
 * overwriting the first slot. Every older table, in a snapshot or in a disk's worn-out blocks, is
 * then wrapped by a key that is gone. Whoever reads the table next finishes an erasure that a power
 * cut interrupted. docs/on-disk.md has the format.
 *
 * The file is "factors" of os/state.h, whose lock is taken here. Functions return 0 or -errno with
 * a message, and set @ret_reason where the TPM refuses (tpm.h).
 */
#pragma once

#include "tpm/tpm.h"

#define FACTOR_SIZE 32	/* bytes */
#define FACTORS_MAX 512 /* tenants of one machine */

/* Give the factor of tenant @uuid, of 36 characters. -ENOENT without a message: it has none, or
 * none any more. */
int factors_get(struct tpm *tpm, const char *uuid, struct secret **ret, enum reason *ret_reason);

/*
 * Make a factor for tenant @uuid. -EEXIST without a message: it has one; -EUCLEAN: there is no
 * table, but the TPM holds the key of one; -ENOSPC: the table is full.
 */
int factors_add(struct tpm *tpm, const char *uuid, struct secret **ret, enum reason *ret_reason);

/* Erase the factor of tenant @uuid. After 0 no copy of the table anywhere gives it; the tenant may
 * have had none. */
int factors_erase(struct tpm *tpm, const char *uuid, enum reason *ret_reason);

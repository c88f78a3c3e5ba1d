/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The erasable factors of tenants: 32 random bytes for each, without which neither its header nor
 * any copy of it opens, whoever holds the root keys.
 *
 *	key in one of the TPM's two slots --unwrap--> table of factors, a file
 *
 * To erase a factor is to write the table anew without it, under a new key in the other slot, and
 *to overwrite the first slot: every older table, in a snapshot or in a disk's worn-out blocks, is
 *then under a key that is gone. docs/on-disk.md has the format.
 *
 * The table is the file "factors" of state.h, whose lock is taken here. Functions give 0 or -errno;
 * messages are made here, and @ret_reason is for what the TPM says (tpm.h). An erasure that power
 * cut short is finished by whoever reads the table next.
 */
#ifndef FVE_FACTORS_H
#define FVE_FACTORS_H

#include "tpm/tpm.h"

#define FACTOR_SIZE 32	/* bytes */
#define FACTORS_MAX 512 /* tenants of one machine */

/* The factor of tenant @uuid (36 characters). -ENOENT: it has none, or has none any more. */
int factors_get(struct tpm *tpm, const char *uuid, struct secret **ret, enum reason *ret_reason);

/*
 * A new factor for @uuid. -EEXIST: it has one. -EUCLEAN: there is no table, but the TPM holds the
 * key of one.
 */
int factors_add(struct tpm *tpm, const char *uuid, struct secret **ret, enum reason *ret_reason);

/* 0: no copy of the table anywhere gives the factor of @uuid any more; also where it had none. */
int factors_erase(struct tpm *tpm, const char *uuid, enum reason *ret_reason);

#endif

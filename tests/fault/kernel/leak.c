// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module with a deliberate fault: the key schedule of a mapping that is gone stays in memory.
 *
 * wraps: fve_cipher_free
 */
#include "dm-fve.h"
#include "engine.h"

void __wrap_fve_cipher_free(struct fve_cipher *cipher);

void __wrap_fve_cipher_free(struct fve_cipher *cipher)
{
}

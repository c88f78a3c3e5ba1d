/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AES-256-XTS (IEEE Std 1619-2007) by the AES instructions of x86-64: what engine_x86_asm.S has.
 * Also built in user space, where tests/bench/cipher.c measures it and tests/unit checks it.
 */
#ifndef FVE_ENGINE_X86_ASM_H
#define FVE_ENGINE_X86_ASM_H

#include <linux/linkage.h>
#include <linux/types.h>

#define FVE_X86_ROUND_KEYS 15 /* AES-256: one before the 14 rounds, and one for each */

/* Key schedules, as the instructions take them: round keys of 16 bytes in the order of their use.
 */
struct fve_x86_key {
	u8 encrypt[FVE_X86_ROUND_KEYS][16]; /* of the data key */
	u8 decrypt[FVE_X86_ROUND_KEYS][16]; /* of the data key, for AESDEC */
	u8 tweak[FVE_X86_ROUND_KEYS][16];   /* of the tweak key, which only encrypts */
};

/* Consecutive data units. Source and destination are the same place or do not overlap. */
struct fve_x86_run {
	const u8 *src;
	u8 *dst;
	u64 iv;	       /* of the first unit; little endian in the tweak */
	u64 iv_step;   /* from one unit to the next, modulo 2^64 */
	u32 bytes;     /* a multiple of unit_size, not 0 */
	u32 unit_size; /* a multiple of 512 */
};

/*
 * All of these use vector registers, so in the kernel they belong between kernel_fpu_begin() and
 * kernel_fpu_end(). They leave nothing in the registers or on the stack.
 *
 * Expanding a key, and _xmm, need AES-NI, PCLMULQDQ and AVX; _ymm VAES and AVX2; _zmm VAES,
 * VPCLMULQDQ and AVX-512 F and BW. The bytes of a key are the two AES-256 keys of XTS, 64 in all.
 */
asmlinkage void fve_x86_expand_key(struct fve_x86_key *key, const u8 *bytes);

asmlinkage void fve_x86_encrypt_xmm(const struct fve_x86_key *key, const struct fve_x86_run *run);
asmlinkage void fve_x86_decrypt_xmm(const struct fve_x86_key *key, const struct fve_x86_run *run);
asmlinkage void fve_x86_encrypt_ymm(const struct fve_x86_key *key, const struct fve_x86_run *run);
asmlinkage void fve_x86_decrypt_ymm(const struct fve_x86_key *key, const struct fve_x86_run *run);
asmlinkage void fve_x86_encrypt_zmm(const struct fve_x86_key *key, const struct fve_x86_run *run);
asmlinkage void fve_x86_decrypt_zmm(const struct fve_x86_key *key, const struct fve_x86_run *run);

#endif

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AES-256-XTS by the AES instructions of x86-64, for registers of 16 bytes (xmm), 32 (ymm) and 64
 * (zmm). See engine_x86_asm.h for what the functions are given.
 *
 * After IEEE Std 1619-2007, 5.3 and 5.4, with the instructions as the Intel 64 and IA-32
 * Architectures Software Developer's Manual, volume 2, describes them.
 */

#include <linux/linkage.h>

/* struct fve_x86_key */
#define SCHEDULE_BYTES	 (15 * 16)
#define ENCRYPT_SCHEDULE 0
#define DECRYPT_SCHEDULE SCHEDULE_BYTES
#define TWEAK_SCHEDULE	 (2 * SCHEDULE_BYTES)

/* struct fve_x86_run */
#define RUN_SRC		0
#define RUN_DST		8
#define RUN_IV		16
#define RUN_IV_STEP	24
#define RUN_BYTES	32
#define RUN_UNIT_SIZE	36

/* As many tweaks are encrypted at once. */
#define BATCH		8

	.section .rodata
	.balign	64

/* The lower half of each block. */
.Llower_halves:
	.rept	4
	.quad	-1, 0
	.endr

/*
 * x^7 + x^2 + x + 1, which is what x^128 becomes: a bit that is shifted out of a block (IEEE Std
 * 1619-2007, 5.2).
 */
.Lpolynomial:
	.rept	4
	.quad	0x87, 0
	.endr

/* The blocks of a vector follow one another: by how many bits each half is shifted left, and by
 * how many right for what is shifted out. */
.Lshift_left:
	.quad	0, 0, 1, 1, 2, 2, 3, 3
.Lshift_right:
	.quad	64, 64, 63, 63, 62, 62, 61, 61

	.text

/* ---- the key schedules ---- */

/*
 * The next four words of a schedule, a round key (FIPS 197, figure 11). \from has the four words
 * before them. \to has the four before those, and gets the new ones. AESKEYGENASSIST puts the last
 * word of \from through the S-box, and also rotates it and adds \constant; \word says which of
 * the two is wanted.
 */
.macro expand_round_key from, to, constant, word, offset
	vaeskeygenassist $\constant, \from, %xmm2
	vpshufd	$\word, %xmm2, %xmm2
	vpslldq	$4, \to, %xmm3
	vpxor	%xmm3, \to, \to
	vpslldq	$8, \to, %xmm3
	vpxor	%xmm3, \to, \to
	vpxor	%xmm2, \to, \to
	vmovdqu	\to, (\offset)(%rdi)
.endm

#define ROTATED		0xff
#define SUBSTITUTED	0xaa

/* The schedule of the key at \key(%rsi), to \schedule(%rdi). */
.macro expand_schedule key, schedule
	vmovdqu	(\key)(%rsi), %xmm0
	vmovdqu	(\key + 16)(%rsi), %xmm1
	vmovdqu	%xmm0, (\schedule)(%rdi)
	vmovdqu	%xmm1, (\schedule + 16)(%rdi)
	.set	.Lat, \schedule + 32
	.irp	constant, 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
	expand_round_key %xmm1, %xmm0, \constant, ROTATED, .Lat
	expand_round_key %xmm0, %xmm1, 0, SUBSTITUTED, (.Lat + 16)
	.set	.Lat, .Lat + 32
	.endr
	expand_round_key %xmm1, %xmm0, 0x40, ROTATED, .Lat
.endm

/* void fve_x86_expand_key(struct fve_x86_key *key, const u8 bytes[64]) */
SYM_FUNC_START(fve_x86_expand_key)
	expand_schedule 0, ENCRYPT_SCHEDULE
	expand_schedule 32, TWEAK_SCHEDULE

	/* AESDEC wants the round keys in reverse, and all but the first and the last through
	 * InvMixColumns (FIPS 197, 5.3.5). */
	vmovdqu	(ENCRYPT_SCHEDULE + 14 * 16)(%rdi), %xmm0
	vmovdqu	%xmm0, DECRYPT_SCHEDULE(%rdi)
	.set	.Lround, 1
	.rept	13
	vaesimc	(ENCRYPT_SCHEDULE + (14 - .Lround) * 16)(%rdi), %xmm0
	vmovdqu	%xmm0, (DECRYPT_SCHEDULE + .Lround * 16)(%rdi)
	.set	.Lround, .Lround + 1
	.endr
	vmovdqu	ENCRYPT_SCHEDULE(%rdi), %xmm0
	vmovdqu	%xmm0, (DECRYPT_SCHEDULE + 14 * 16)(%rdi)

	vzeroall
	RET
SYM_FUNC_END(fve_x86_expand_key)

/* ---- runs of data units, in three widths ---- */

#define NAME(name)	name##_xmm
#define V(number)	%xmm##number
#define WIDTH		16
#include "engine_x86_xts.S"
#undef NAME
#undef V
#undef WIDTH

#define NAME(name)	name##_ymm
#define V(number)	%ymm##number
#define WIDTH		32
#include "engine_x86_xts.S"
#undef NAME
#undef V
#undef WIDTH

#define NAME(name)	name##_zmm
#define V(number)	%zmm##number
#define WIDTH		64
#include "engine_x86_xts.S"

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two functions of one width. engine_x86_asm.S includes this for each, with V(number) for a
 * vector register, WIDTH for its bytes and NAME(name) for a name that ends with the width's.
 *
 * Three things make it fast. Eight vectors go through each round side by side, since an AES
 * instruction takes several cycles, and the next round of a block has to wait for it. Between the
 * rounds the tweaks of the next eight vectors are computed. And the tweaks of eight data units are
 * encrypted at once: one alone would take as long.
 */

/* The eight vectors in work. */
#define S0	V(0)
#define S1	V(1)
#define S2	V(2)
#define S3	V(3)
#define S4	V(4)
#define S5	V(5)
#define S6	V(6)
#define S7	V(7)

#define KEY	V(8)  /* a round key in each block */
#define LAST	V(9)  /* the last one */
#define FIRST	V(10) /* the tweaks of the first vector of the next unit */
#define X	V(11)
#define Y	V(12)
#define Z	V(13)

/*
 * T: the tweaks of the next eight vectors. E: those of the eight in work, plus the last round key;
 * the last round adds both at once. AVX-512 has registers for them. Else they are on the stack,
 * behind the tweaks of a batch of units.
 */
#if WIDTH == 64
#define T(i)	T##i
#define E(i)	E##i
#define T0	V(16)
#define T1	V(17)
#define T2	V(18)
#define T3	V(19)
#define T4	V(20)
#define T5	V(21)
#define T6	V(22)
#define T7	V(23)
#define E0	V(24)
#define E1	V(25)
#define E2	V(26)
#define E3	V(27)
#define E4	V(28)
#define E5	V(29)
#define E6	V(30)
#define E7	V(31)
#define STACK	(BATCH * 16 + WIDTH)
#else
#define T(i)	(BATCH * 16 + i * WIDTH)(%rsp)
#define E(i)	(BATCH * 16 + (8 + i) * WIDTH)(%rsp)
#define STACK	(BATCH * 16 + 16 * WIDTH)
#endif

#define SCHEDULES %rdi /* struct fve_x86_key */
#define TWEAK	%rsi /* the next one of a batch */
#define SRC	%rdx
#define DST	%rcx
#define IV	%r8
#define STEP	%r9
#define LEFT	%r10d /* bytes of the run, from the present unit on */
#define UNIT	%r11d /* bytes of a unit */
#define UNIT_LEFT %eax /* bytes of the present unit */

#if WIDTH == 64
#define XOR	vpxorq
#define MOVE	vmovdqu64
#define SPREAD	vbroadcasti32x4 /* one block from memory to all of a vector */
#elif WIDTH == 32
#define XOR	vpxor
#define MOVE	vmovdqu
#define SPREAD	vbroadcasti128
#else
#define XOR	vpxor
#define MOVE	vmovdqu
#define SPREAD	vmovdqu
#endif

#define BLOCKS	(WIDTH / 16) /* of a vector */

/* Set only by the test bed's faulty builds; see Kbuild. */
#if defined(FVE_BREAK_ENGINE) && WIDTH >= FVE_BREAK_ENGINE
#define ERROR	1
#else
#define ERROR	0
#endif

/* ---- multiples of a tweak ---- */

/*
 * A block times a power of x, up to x^57. Both halves of the block are shifted left. What is
 * shifted out of the lower half goes to the upper one. What is shifted out of the upper half is
 * multiplied by the polynomial and goes to the lower one; the product is 7 bits longer and stays
 * there.
 *
 * fold is the second part of this: \to has the shifted halves, Y what was shifted out of each.
 */
#if WIDTH == 64
.macro NAME(fold) to
	vpclmulqdq $0x01, .Lpolynomial(%rip), Y, X
	vpslldq	$8, Y, Y
	vpternlogq $0x96, X, Y, \to /* the sum of the three */
.endm
#elif WIDTH == 16
.macro NAME(fold) to
	vpclmulqdq $0x01, .Lpolynomial(%rip), Y, X
	vpslldq	$8, Y, Y
	vpxor	X, \to, \to
	vpxor	Y, \to, \to
.endm
#else /* by shifts: not every CPU, and no emulator, that has VAES has VPCLMULQDQ */
.macro NAME(fold) to
	vpshufd	$0x4e, Y, Y /* exchanges the halves */
	vpand	.Llower_halves(%rip), Y, X
	vpxor	Y, \to, \to
	vpsllq	$1, X, Y
	vpxor	Y, \to, \to
	vpsllq	$2, X, Y
	vpxor	Y, \to, \to
	vpsllq	$7, X, Y
	vpxor	Y, \to, \to
.endm
#endif

/* Z = FIRST * x^\power in each block. */
.macro NAME(multiply_first) power
	vpsrlq	$(64 - \power + ERROR), FIRST, Y
	vpsllq	$\power, FIRST, Z
	NAME(fold) Z
.endm

/*
 * From the next tweak of the batch to FIRST: that, and its products by x, x^2 and x^3. Behind the
 * last one of a batch is something else on the stack, which is not used then.
 */
.macro NAME(get_first)
	SPREAD	(TWEAK), FIRST
#if WIDTH > 16
	vpsrlvq	.Lshift_right(%rip), FIRST, Y
	vpsllvq	.Lshift_left(%rip), FIRST, FIRST
	NAME(fold) FIRST
#endif
.endm

/*
 * Z = Z * x^(8 * BLOCKS) in each block: the tweaks of eight vectors further on. This is a shift by
 * BLOCKS bytes, so that blocks need not be shifted by halves.
 */
.macro NAME(advance)
	vpsrldq	$(16 - BLOCKS), Z, X
	vpslldq	$BLOCKS, Z, Z
#if WIDTH != 32
	vpclmulqdq $0x00, .Lpolynomial(%rip), X, X
	XOR	X, Z, Z
#else
	vpxor	X, Z, Z
	vpsllq	$1, X, Y
	vpxor	Y, Z, Z
	vpsllq	$2, X, Y
	vpxor	Y, Z, Z
	vpsllq	$7, X, Y
	vpxor	Y, Z, Z
#endif
.endm

/* What is between the rounds: E from T, then the next T, which is of the same unit or the next. */
.macro NAME(same_unit) tweak, end, power
	MOVE	\tweak, Z
	XOR	LAST, Z, X
	MOVE	X, \end
	NAME(advance)
	MOVE	Z, \tweak
.endm

.macro NAME(next_unit) tweak, end, power
	XOR	\tweak, LAST, X
	MOVE	X, \end
.if \power
	NAME(multiply_first) \power
	MOVE	Z, \tweak
.else
	MOVE	FIRST, \tweak
.endif
.endm

/* ---- blocks ---- */

.macro NAME(round) aes, key
	SPREAD	(\key)(SCHEDULES), KEY
	\aes	KEY, S0, S0
	\aes	KEY, S1, S1
	\aes	KEY, S2, S2
	\aes	KEY, S3, S3
	\aes	KEY, S4, S4
	\aes	KEY, S5, S5
	\aes	KEY, S6, S6
	\aes	KEY, S7, S7
.endm

/* Encrypt or decrypt eight vectors; \tweaks is same_unit or next_unit. */
.macro NAME(eight) aes, last, schedule, tweaks
	SPREAD	(\schedule)(SCHEDULES), KEY
#define BEGIN(i) XOR T(i), KEY, S##i; XOR (i * WIDTH)(SRC), S##i, S##i
	BEGIN(0)
	BEGIN(1)
	BEGIN(2)
	BEGIN(3)
	BEGIN(4)
	BEGIN(5)
	BEGIN(6)
	BEGIN(7)
	SPREAD	(\schedule + 14 * 16)(SCHEDULES), LAST
	NAME(round) \aes, (\schedule + 1 * 16)
	\tweaks	T(0), E(0), 0
	NAME(round) \aes, (\schedule + 2 * 16)
	\tweaks	T(1), E(1), (1 * BLOCKS)
	NAME(round) \aes, (\schedule + 3 * 16)
	\tweaks	T(2), E(2), (2 * BLOCKS)
	NAME(round) \aes, (\schedule + 4 * 16)
	\tweaks	T(3), E(3), (3 * BLOCKS)
	NAME(round) \aes, (\schedule + 5 * 16)
	\tweaks	T(4), E(4), (4 * BLOCKS)
	NAME(round) \aes, (\schedule + 6 * 16)
	\tweaks	T(5), E(5), (5 * BLOCKS)
	NAME(round) \aes, (\schedule + 7 * 16)
	\tweaks	T(6), E(6), (6 * BLOCKS)
	NAME(round) \aes, (\schedule + 8 * 16)
	\tweaks	T(7), E(7), (7 * BLOCKS)
	NAME(round) \aes, (\schedule + 9 * 16)
	NAME(round) \aes, (\schedule + 10 * 16)
	NAME(round) \aes, (\schedule + 11 * 16)
	NAME(round) \aes, (\schedule + 12 * 16)
	NAME(round) \aes, (\schedule + 13 * 16)
#define FINISH(i) \last E(i), S##i, S##i; MOVE S##i, (i * WIDTH)(DST)
	FINISH(0)
	FINISH(1)
	FINISH(2)
	FINISH(3)
	FINISH(4)
	FINISH(5)
	FINISH(6)
	FINISH(7)
.endm

/* ---- the tweaks of a batch ---- */

#if WIDTH == 16
#define BATCH_VECTORS	S0, S1, S2, S3, S4, S5, S6, S7
#elif WIDTH == 32
#define BATCH_VECTORS	S0, S1, S2, S3
#else
#define BATCH_VECTORS	S0, S1
#endif

.macro NAME(tweak_round) aes, key
	SPREAD	(TWEAK_SCHEDULE + \key)(SCHEDULES), KEY
	.irp	vector, BATCH_VECTORS
	\aes	KEY, \vector, \vector
	.endr
.endm

/*
 * Encrypt the tweaks of the next eight units to the stack, and advance IV. At the end of a run
 * some of them may be too many; the eight take hardly longer than one.
 */
.macro NAME(encrypt_tweaks)
	/* X: the numbers of the first units. Y: from one vector of them to the next. */
	vmovq	IV, %xmm11
	vmovq	STEP, %xmm12
#if WIDTH > 16
	vpaddq	%xmm12, %xmm11, %xmm13
	vinserti128 $1, %xmm13, %ymm11, %ymm11
	vpaddq	%xmm12, %xmm12, %xmm12
	vinserti128 $1, %xmm12, %ymm12, %ymm12
#endif
#if WIDTH > 32
	vpaddq	%ymm12, %ymm11, %ymm13
	vinserti64x4 $1, %ymm13, %zmm11, %zmm11
	vpaddq	%ymm12, %ymm12, %ymm12
	vinserti64x4 $1, %ymm12, %zmm12, %zmm12
#endif
	lea	(IV, STEP, 8), IV

	SPREAD	TWEAK_SCHEDULE(SCHEDULES), KEY
	.irp	vector, BATCH_VECTORS
	XOR	X, KEY, \vector
	vpaddq	Y, X, X
	.endr
	.set	.Lround, 1
	.rept	13
	NAME(tweak_round) vaesenc, (.Lround * 16)
	.set	.Lround, .Lround + 1
	.endr
	NAME(tweak_round) vaesenclast, (14 * 16)
	.set	.Lat, 0
	.irp	vector, BATCH_VECTORS
	MOVE	\vector, .Lat(%rsp)
	.set	.Lat, .Lat + WIDTH
	.endr
.endm

/* ---- the functions ---- */

/* A tweak of the first eight vectors of a batch. */
.macro NAME(begin_tweak) tweak, power
.if \power
	NAME(multiply_first) \power
	MOVE	Z, \tweak
.else
	MOVE	FIRST, \tweak
.endif
.endm

.macro NAME(crypt) aes, last, schedule
	push	%rbp
	mov	%rsp, %rbp
	sub	$STACK, %rsp
	and	$-64, %rsp
	mov	RUN_SRC(%rsi), SRC
	mov	RUN_DST(%rsi), DST
	mov	RUN_IV(%rsi), IV
	mov	RUN_IV_STEP(%rsi), STEP
	mov	RUN_BYTES(%rsi), LEFT
	mov	RUN_UNIT_SIZE(%rsi), UNIT

.Lbatch\@:
	NAME(encrypt_tweaks)
	mov	%rsp, TWEAK
	NAME(get_first)
	NAME(begin_tweak) T(0), 0
	NAME(begin_tweak) T(1), (1 * BLOCKS)
	NAME(begin_tweak) T(2), (2 * BLOCKS)
	NAME(begin_tweak) T(3), (3 * BLOCKS)
	NAME(begin_tweak) T(4), (4 * BLOCKS)
	NAME(begin_tweak) T(5), (5 * BLOCKS)
	NAME(begin_tweak) T(6), (6 * BLOCKS)
	NAME(begin_tweak) T(7), (7 * BLOCKS)
.Lunit\@:
	add	$16, TWEAK
	mov	UNIT, UNIT_LEFT
	sub	$(8 * WIDTH), UNIT_LEFT
	jz	.Llast\@
.Lblocks\@:
	NAME(eight) \aes, \last, \schedule, NAME(same_unit)
	add	$(8 * WIDTH), SRC
	add	$(8 * WIDTH), DST
	sub	$(8 * WIDTH), UNIT_LEFT
	jnz	.Lblocks\@
.Llast\@:
	NAME(get_first)
	NAME(eight) \aes, \last, \schedule, NAME(next_unit)
	add	$(8 * WIDTH), SRC
	add	$(8 * WIDTH), DST
	sub	UNIT, LEFT
	jz	.Ldone\@
	lea	(BATCH * 16)(%rsp), %rax
	cmp	%rax, TWEAK
	jne	.Lunit\@
	jmp	.Lbatch\@

	/* Nothing of keys and tweaks stays in registers or on the stack. */
.Ldone\@:
	vzeroall
#if WIDTH == 64
	.irp register, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	vpxorq	%zmm\register, %zmm\register, %zmm\register
	.endr
#endif
	.set	.Lat, 0
	.rept	STACK / WIDTH
	MOVE	S0, .Lat(%rsp)
	.set	.Lat, .Lat + WIDTH
	.endr
	mov	%rbp, %rsp
	pop	%rbp
	RET
.endm

SYM_FUNC_START(NAME(fve_x86_encrypt))
	NAME(crypt) vaesenc, vaesenclast, ENCRYPT_SCHEDULE
SYM_FUNC_END(NAME(fve_x86_encrypt))

SYM_FUNC_START(NAME(fve_x86_decrypt))
	NAME(crypt) vaesdec, vaesdeclast, DECRYPT_SCHEDULE
SYM_FUNC_END(NAME(fve_x86_decrypt))

#undef T
#undef E
#undef STACK
#undef XOR
#undef MOVE
#undef SPREAD
#undef BATCH_VECTORS
#undef ERROR

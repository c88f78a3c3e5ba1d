// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The module's engine x86, the same source assembled for user space: random runs are OpenSSL's, and
 * a call leaves nothing in the vector registers or on the stack.
 *
 * FVE_CIPHER_RUNS: so many random runs for each width (100000).
 */
#include <immintrin.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "cpu.h"
#include "engine_x86_asm.h"
#include "test.h"

#define KEY_BYTES 64 /* two AES-256 keys */

typedef void crypt_function(const struct fve_x86_key *key, const struct fve_x86_run *run);

struct width {
	const char *name;
	crypt_function *encrypt, *decrypt;
	bool available;
};

static struct width widths[] = {
	{"xmm", fve_x86_encrypt_xmm, fve_x86_decrypt_xmm, false},
	{"ymm", fve_x86_encrypt_ymm, fve_x86_decrypt_ymm, false},
	{"zmm", fve_x86_encrypt_zmm, fve_x86_decrypt_zmm, false},
};
#define WIDTHS (sizeof(widths) / sizeof(widths[0]))

static void find_available(void)
{
	widths[0].available = cpu_has_xmm();
	widths[1].available = cpu_has_ymm();
	widths[2].available = cpu_has_zmm();
}

/* ---- random numbers that repeat: xorshift64 (Marsaglia 2003, "Xorshift RNGs", page 4) ---- */

static u64 state = 88172645463325252ULL;

static u64 random64(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static u32 below(u32 limit)
{
	return (u32)(random64() >> 32) % limit;
}

static void random_bytes(u8 *to, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = (u8)(random64() >> 56);
}

/* ---- random runs ---- */

#define MAX_UNIT  4096
#define MAX_BYTES (5 * MAX_UNIT)
#define GUARD	  64 /* bytes on either side of what is written */

struct runs {
	u8 bytes[KEY_BYTES];
	struct fve_x86_key key;
	EVP_CIPHER_CTX *openssl[2];
	u8 source[MAX_BYTES + 2 * GUARD], target[MAX_BYTES + 2 * GUARD];
	u8 before[MAX_BYTES + 2 * GUARD], wanted[MAX_BYTES + 2 * GUARD];
};

static void new_key(struct runs *r)
{
	random_bytes(r->bytes, sizeof(r->bytes));
	fve_x86_expand_key(&r->key, r->bytes);
	for (int encrypt = 0; encrypt < 2; encrypt++)
		CHECK(EVP_CipherInit_ex(r->openssl[encrypt], EVP_aes_256_xts(), NULL, r->bytes,
					r->bytes, encrypt) == 1);
}

static void by_openssl(EVP_CIPHER_CTX *context, const struct fve_x86_run *run, u8 *to)
{
	u64 iv[2] = {run->iv, 0};
	int written;

	for (u32 done = 0; done < run->bytes; done += run->unit_size) {
		EVP_CipherInit_ex(context, NULL, NULL, NULL, (u8 *)iv, -1);
		EVP_CipherUpdate(context, to + done, &written, run->src + done,
				 (int)run->unit_size);
		iv[0] += run->iv_step;
	}
}

/* Where numbers are likely to go wrong: at their end, and where 32 bits end. */
static u64 random_iv(void)
{
	switch (below(4)) {
	case 0:
		return below(40);
	case 1:
		return -(u64)below(40);
	case 2:
		return (1ULL << 32) - below(40);
	default:
		return random64();
	}
}

static bool one_run(struct runs *r, const struct width *width)
{
	bool encrypt = below(2), in_place = below(2);
	u32 unit_size = 512U << below(4);
	struct fve_x86_run run = {
		.src = r->source + below(GUARD),
		.iv = random_iv(),
		.iv_step = 1ULL << below(4),
		.unit_size = unit_size,
		.bytes = unit_size * (1 + below(MAX_BYTES / unit_size)),
	};
	u8 *target = in_place ? r->source : r->target;

	/* Mostly as the module makes them, at most a page. */
	if (below(4) && run.bytes > 4096)
		run.bytes = unit_size * (1 + below(4096 / unit_size));
	run.dst = in_place ? r->source + (run.src - r->source) : r->target + below(GUARD);

	memcpy(r->before, r->source, sizeof(r->source));
	memcpy(r->wanted, target, sizeof(r->wanted));
	by_openssl(r->openssl[encrypt], &run, r->wanted + (run.dst - target));
	(encrypt ? width->encrypt : width->decrypt)(&r->key, &run);
	if (!in_place && memcmp(r->before, r->source, sizeof(r->source)) != 0)
		return false;
	return memcmp(r->wanted, target, sizeof(r->wanted)) == 0;
}

static void test_random(struct runs *r, const struct width *width, unsigned long runs)
{
	unsigned long wrong = 0;

	random_bytes(r->source, sizeof(r->source));
	random_bytes(r->target, sizeof(r->target));
	for (unsigned long i = 0; i < runs; i++) {
		if (i % 16 == 0)
			new_key(r);
		wrong += !one_run(r, width);
	}
	printf("%s: %lu random runs, %lu wrong\n", width->name, runs, wrong);
	CHECK(wrong == 0);
}

/* ---- what a call leaves ---- */

#define STACK_BYTES   8192
#define STACK_PATTERN 0xa5

struct remains {
	u8 stack[STACK_BYTES] __attribute__((aligned(64)));
	u8 registers[32 * 64] __attribute__((aligned(64)));
};

/*
 * Call function(a, b) on a stack of its own, and take down the vector registers directly after it.
 * Nothing that the compiler makes is between the call and that.
 */
static void call(struct remains *remains, void (*function)(void), const void *a, const void *b)
{
	u8 *top = remains->stack + sizeof(remains->stack);

	memset(remains->stack, STACK_PATTERN, sizeof(remains->stack));
	memset(remains->registers, 0, sizeof(remains->registers));
	if (__builtin_cpu_supports("avx512f")) {
		/* The C library may have left something in those that AVX does not reach. */
		__asm__ volatile(
			".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n\t"
			"vpxorq %%zmm\\n, %%zmm\\n, %%zmm\\n\n\t"
			".endr\n\t"
			"mov %%rsp, %%rbx\n\t"
			"mov %[top], %%rsp\n\t"
			"call *%[function]\n\t"
			"mov %%rbx, %%rsp\n\t"
			".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n\t"
			"vmovdqu64 %%zmm\\n, \\n * 64(%[registers])\n\t"
			".endr\n\t"
			".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n\t"
			"vmovdqu64 %%zmm\\n, \\n * 64(%[registers])\n\t"
			".endr\n\t"
			"vzeroupper"
			: "+D"(a), "+S"(b)
			: [top] "r"(top), [function] "r"(function),
			  [registers] "r"(remains->registers)
			: "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory", "cc");
	} else {
		__asm__ volatile("mov %%rsp, %%rbx\n\t"
				 "mov %[top], %%rsp\n\t"
				 "call *%[function]\n\t"
				 "mov %%rbx, %%rsp\n\t"
				 ".irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n\t"
				 "vmovdqu %%ymm\\n, \\n * 64(%[registers])\n\t"
				 ".endr\n\t"
				 "vzeroupper"
				 : "+D"(a), "+S"(b)
				 : [top] "r"(top), [function] "r"(function),
				   [registers] "r"(remains->registers)
				 : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "memory",
				   "cc");
	}
}

static bool registers_clear(const struct remains *remains)
{
	for (size_t i = 0; i < sizeof(remains->registers); i++) {
		if (remains->registers[i])
			return false;
	}
	return true;
}

/* But for two words, the return address and the caller's frame pointer, which come first. */
static bool stack_clear(const struct remains *remains)
{
	for (size_t i = 0; i < sizeof(remains->stack) - 16; i++) {
		if (remains->stack[i] && remains->stack[i] != STACK_PATTERN)
			return false;
	}
	return true;
}

/* The positive control: it leaves a round key in a register and one on the stack. */
void careless(const struct fve_x86_key *key, const void *ignored);
__asm__(".text\n"
	".type careless, @function\n"
	"careless:\n\t"
	"vmovdqu 48(%rdi), %xmm5\n\t"
	"vmovdqu %xmm5, -64(%rsp)\n\t"
	"ret\n"
	".size careless, . - careless\n");

static void test_remains(struct runs *r)
{
	static struct remains remains;
	struct fve_x86_run run = {
		.src = r->source,
		.dst = r->target,
		.iv = 7,
		.iv_step = 1,
		.unit_size = 512,
		.bytes = 9 * 512,
	};

	call(&remains, (void (*)(void))careless, &r->key, &run);
	CHECK(!registers_clear(&remains));
	CHECK(!stack_clear(&remains));

	call(&remains, (void (*)(void))fve_x86_expand_key, &r->key, r->bytes);
	CHECK(registers_clear(&remains));
	CHECK(stack_clear(&remains));
	for (size_t i = 0; i < WIDTHS; i++) {
		if (!widths[i].available)
			continue;
		call(&remains, (void (*)(void))widths[i].encrypt, &r->key, &run);
		CHECK(registers_clear(&remains));
		CHECK(stack_clear(&remains));
		call(&remains, (void (*)(void))widths[i].decrypt, &r->key, &run);
		CHECK(registers_clear(&remains));
		CHECK(stack_clear(&remains));
	}
}

int main(void)
{
	static struct runs runs;
	const char *number = getenv("FVE_CIPHER_RUNS");

	find_available();
	if (!widths[0].available) {
		puts("skipped: this CPU has no AES-NI or no AVX");
		return 0;
	}
	for (int encrypt = 0; encrypt < 2; encrypt++)
		runs.openssl[encrypt] = EVP_CIPHER_CTX_new();
	for (size_t i = 0; i < WIDTHS; i++) {
		if (widths[i].available)
			test_random(&runs, &widths[i], number ? strtoul(number, NULL, 10) : 100000);
		else
			printf("%s: not on this CPU\n", widths[i].name);
	}
	test_remains(&runs);
	for (int encrypt = 0; encrypt < 2; encrypt++)
		EVP_CIPHER_CTX_free(runs.openssl[encrypt]);
	return test_done();
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What AES-256-XTS costs: the module's engine x86 (the same source, assembled for user space),
 * OpenSSL, and the kernel's cipher through AF_ALG where this kernel has it, side by side in one
 * process.
 *
 * A run is 4 KiB, as the module makes them of a page. The rows take turns, so that what else the
 * machine does meets all of them; the median of the rounds counts. Ticks are those of the
 * time-stamp counter, which runs at one frequency whatever the core's is. A chain of additions that
 * depend on one another takes one core cycle each, and tells how many ticks one is; it takes turns
 * too.
 */
#include <errno.h>
#include <kcapi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>

#include <openssl/evp.h>

#include "cpu.h"
#include "engine_x86_asm.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define KEY_BYTES     64 /* two AES-256 keys */
#define RUN_BYTES     4096
#define RUNS	      8 /* of a sample: so long that reading the counter does not count */
#define ROUNDS	      301
#define MAX_ROUNDS    100000

static u8 key_bytes[KEY_BYTES];
static struct fve_x86_key key;
static EVP_CIPHER_CTX *openssl[2]; /* [encrypt] */
static struct kcapi_handle *kernel;

static u8 buffer[RUN_BYTES] __attribute__((aligned(4096)));

/* One of the things to measure: encrypt or decrypt a run in place. */
struct row {
	const char *name;
	void (*crypt)(const struct row *row, const struct fve_x86_run *run, bool encrypt);
	void (*functions[2])(const struct fve_x86_key *key, const struct fve_x86_run *run);
	bool available;
	double ticks[MAX_ROUNDS];
};

static void by_engine(const struct row *row, const struct fve_x86_run *run, bool encrypt)
{
	row->functions[encrypt](&key, run);
}

static void by_openssl(const struct row *row, const struct fve_x86_run *run, bool encrypt)
{
	EVP_CIPHER_CTX *context = openssl[encrypt];
	u64 iv[2] = {run->iv, 0};
	int written;

	(void)row;
	for (u32 done = 0; done < run->bytes; done += run->unit_size) {
		EVP_CipherInit_ex(context, NULL, NULL, NULL, (u8 *)iv, -1);
		EVP_CipherUpdate(context, run->dst + done, &written, run->src + done,
				 (int)run->unit_size);
		iv[0] += run->iv_step;
	}
}

static void by_kernel(const struct row *row, const struct fve_x86_run *run, bool encrypt)
{
	u64 iv[2] = {run->iv, 0};

	(void)row;
	for (u32 done = 0; done < run->bytes; done += run->unit_size) {
		ssize_t r;

		if (encrypt)
			r = kcapi_cipher_encrypt(kernel, run->src + done, run->unit_size, (u8 *)iv,
						 run->dst + done, run->unit_size,
						 KCAPI_ACCESS_SENDMSG);
		else
			r = kcapi_cipher_decrypt(kernel, run->src + done, run->unit_size, (u8 *)iv,
						 run->dst + done, run->unit_size,
						 KCAPI_ACCESS_SENDMSG);
		if (r != (ssize_t)run->unit_size) {
			fprintf(stderr, "AF_ALG: %s\n", strerror((int)-r));
			exit(1);
		}
		iv[0] += run->iv_step;
	}
}

/* How many ticks 8 x RUN_BYTES core cycles are. */
static void by_chain(const struct row *row, const struct fve_x86_run *run, bool encrypt)
{
	u64 sum = 0;

	(void)row;
	(void)encrypt;
	for (u32 i = 0; i < run->bytes / 16; i++) {
		__asm__ volatile(".rept 16\n\tadd %1, %0\n\t.endr" : "+r"(sum) : "r"(run->iv));
	}
}

static struct row rows[] = {
	{.name = "x86-xmm",
	 .crypt = by_engine,
	 .functions = {fve_x86_decrypt_xmm, fve_x86_encrypt_xmm}},
	{.name = "x86-ymm",
	 .crypt = by_engine,
	 .functions = {fve_x86_decrypt_ymm, fve_x86_encrypt_ymm}},
	{.name = "x86-zmm",
	 .crypt = by_engine,
	 .functions = {fve_x86_decrypt_zmm, fve_x86_encrypt_zmm}},
	{.name = "OpenSSL", .crypt = by_openssl, .available = true},
	{.name = "AF_ALG", .crypt = by_kernel},
	{.name = "chain", .crypt = by_chain, .available = true},
};
#define OPENSSL 3
#define CHAIN	(ARRAY_SIZE(rows) - 1)

static void find_available(void)
{
	rows[0].available = cpu_has_xmm();
	rows[1].available = cpu_has_ymm();
	rows[2].available = cpu_has_zmm();
	kcapi_set_verbosity(KCAPI_LOG_NONE);
	rows[4].available = kcapi_cipher_init(&kernel, "xts(aes)", 0) == 0 &&
			    kcapi_cipher_setkey(kernel, key_bytes, sizeof(key_bytes)) == 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(struct row *row, int rounds)
{
	qsort(row->ticks, (size_t)rounds, sizeof(row->ticks[0]), compare);
	return row->ticks[rounds / 2];
}

static double ticks_of(const struct row *row, const struct fve_x86_run *run, bool encrypt)
{
	unsigned int ignored;
	u64 begin, end;

	row->crypt(row, run, encrypt); /* its code and data come into the caches */
	_mm_lfence();
	begin = __rdtsc();
	_mm_lfence();
	for (int i = 0; i < RUNS; i++)
		row->crypt(row, run, encrypt);
	end = __rdtscp(&ignored);
	_mm_lfence();
	return (double)(end - begin);
}

static void measure(u32 unit_size, bool encrypt, int rounds)
{
	struct fve_x86_run run = {
		.src = buffer,
		.dst = buffer,
		.iv = 1,
		.iv_step = 1,
		.bytes = RUN_BYTES,
		.unit_size = unit_size,
	};
	double tick, reference;

	for (int round = 0; round < rounds; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
			if (rows[i].available)
				rows[i].ticks[round] = ticks_of(&rows[i], &run, encrypt);
		}
	}
	tick = median(&rows[CHAIN], rounds) / (RUNS * RUN_BYTES);
	reference = median(&rows[OPENSSL], rounds);
	printf("\n%u-byte units, %s; a core cycle is %.3f ticks\n", unit_size,
	       encrypt ? "encrypted" : "decrypted", tick);
	for (size_t i = 0; i < CHAIN; i++) {
		double ticks;

		if (!rows[i].available) {
			printf("  %-10s not on this %s\n", rows[i].name,
			       rows[i].crypt == by_kernel ? "kernel" : "CPU");
			continue;
		}
		ticks = median(&rows[i], rounds);
		printf("  %-10s %6.3f core cycles/byte %6.3f ticks/byte %6.2f x OpenSSL\n",
		       rows[i].name, ticks / tick / (RUNS * RUN_BYTES), ticks / (RUNS * RUN_BYTES),
		       reference / ticks);
	}
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;

	if (rounds < 1 || rounds > MAX_ROUNDS) {
		fprintf(stderr, "usage: bench-cipher [ROUNDS]\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(key_bytes); i++)
		key_bytes[i] = (u8)(i * 37 + 11);
	find_available();
	if (!rows[0].available) {
		puts("x86: not on this CPU");
		return 0;
	}
	fve_x86_expand_key(&key, key_bytes);
	for (int encrypt = 0; encrypt < 2; encrypt++) {
		openssl[encrypt] = EVP_CIPHER_CTX_new();
		if (!openssl[encrypt] ||
		    EVP_CipherInit_ex(openssl[encrypt], EVP_aes_256_xts(), NULL, key_bytes,
				      key_bytes, encrypt) != 1)
			return 1;
	}
	for (int encrypt = 1; encrypt >= 0; encrypt--) {
		measure(512, encrypt, rounds);
		measure(4096, encrypt, rounds);
	}
	for (int encrypt = 0; encrypt < 2; encrypt++)
		EVP_CIPHER_CTX_free(openssl[encrypt]);
	kcapi_cipher_destroy(kernel);
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup benchmark' action: how fast this machine encrypts and stretches. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/object.h"
#include "cli/table.h"
#include "crypto/afalg.h"
#include "crypto/kdf.h"

#define MEASURE_NS     500000000 /* of one direction */
#define DEFAULT_KDF_MS 2000	 /* of kdf_choose() */
#define MIB	       (1024.0 * 1024.0)

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Bytes per second in one direction. */
static int measure(struct afalg_cipher *cipher, enum afalg_direction direction, uint8_t *data,
		   size_t size, double *ret)
{
	uint8_t iv[AFALG_IV_SIZE] = {0};
	int64_t began = now_ns(), took;
	uint64_t done = 0;

	do {
		int r = afalg_crypt(cipher, direction, iv, data, size);

		if (r < 0)
			return r;
		done += size;
		took = now_ns() - began;
	} while (took < MEASURE_NS);
	*ret = (double)done * 1e9 / (double)took;
	return 0;
}

static int measure_both(const struct afalg_driver *driver, size_t key_size, size_t sector_size,
			double ret[2])
{
	_cleanup_afalg_ struct afalg_cipher *cipher = NULL;
	static uint8_t data[AFALG_DATA_MAX];
	uint8_t key[64];
	int r;

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	r = afalg_open(driver->name, key, key_size, &cipher);
	if (r < 0)
		return r;
	r = measure(cipher, AFALG_ENCRYPT, data, sector_size, &ret[0]);
	if (r < 0)
		return r;
	return measure(cipher, AFALG_DECRYPT, data, sector_size, &ret[1]);
}

static int cipher_row(struct json_object *array, const struct afalg_driver *driver, size_t key_size,
		      size_t sector_size)
{
	double speed[2];
	struct json_object *o;
	int r = measure_both(driver, key_size, sector_size, speed);

	if (r < 0)
		return log_errno(-r, "the kernel's %s failed: %s", driver->name, strerror(-r));
	if (!array) {
		printf("        aes-xts      %4zub      %6zu      %8.1f MiB/s    %8.1f MiB/s\n",
		       key_size * 8, sector_size, speed[0] / MIB, speed[1] / MIB);
		fflush(stdout);
		return 0;
	}
	o = json_object_new_object();
	object_text(o, "cipher", HEADER_CIPHER);
	object_text(o, "driver", driver->name);
	object_number(o, "key_size", key_size);
	object_number(o, "sector_size", sector_size);
	object_number(o, "encrypt_rate", speed[0]);
	object_number(o, "decrypt_rate", speed[1]);
	json_object_array_add(array, o);
	return 0;
}

/* The last size is the most that AF_ALG takes at once, where the calls weigh least. */
static int ciphers(struct json_object *array)
{
	static const size_t key_sizes[] = {32, 64}, sector_sizes[] = {512, 4096, AFALG_DATA_MAX};
	struct afalg_driver driver;
	int r = afalg_find_driver(&driver);

	if (r < 0)
		return log_errno(ENOPKG,
				 "the kernel's cipher cannot be reached from here: %s; it takes "
				 "AF_ALG (modprobe algif_skcipher)",
				 strerror(-r));
	if (!array)
		printf("#     Algorithm |       Key |    Sector |      Encryption |      Decryption\n");
	for (size_t k = 0; k < ARRAY_SIZE(key_sizes); k++)
		for (size_t s = 0; s < ARRAY_SIZE(sector_sizes); s++) {
			r = cipher_row(array, &driver, key_sizes[k], sector_sizes[s]);
			if (r < 0)
				return r;
		}
	if (!array)
		printf("# By the driver %s. Two system calls for each sector are part of it, which "
		       "the\n# target does not make.\n",
		       driver.name);
	return 0;
}

static int argon2id(const struct args *args, struct json_object *root)
{
	struct kdf_argon2id kdf;
	struct json_object *o;
	uint32_t time_ms = args->pbkdf.time_ms ?: DEFAULT_KDF_MS;
	int r = kdf_choose(time_ms, args->pbkdf.memory_kib, &kdf);

	if (r < 0)
		return r;
	if (!root) {
		printf("argon2id  %u iterations, %u memory, %u parallel threads (CPUs) for 256-bit "
		       "key (requested %u ms time)\n",
		       kdf.time, kdf.memory, kdf.cpus, time_ms);
		fflush(stdout);
		return 0;
	}
	o = json_object_new_object();
	object_number(o, "iterations", kdf.time);
	object_number(o, "memory", (int64_t)kdf.memory * 1024);
	object_number(o, "threads", kdf.cpus);
	object_number(o, "time_ms", time_ms);
	json_object_object_add(root, "argon2id", o);
	return 0;
}

static int cmd_benchmark(const struct args *args)
{
	struct json_object *root = args->json ? json_object_new_object() : NULL;
	struct json_object *array = args->json ? json_object_new_array() : NULL;
	int r;

	if (!args->json)
		printf("# Tests are approximate using memory only (no storage IO).\n");
	r = argon2id(args, root);
	if (r == 0)
		r = ciphers(array);
	if (!root)
		return r;
	json_object_object_add(root, "ciphers", array);
	if (r < 0)
		json_object_put(root);
	return r < 0 ? r : object_print(root);
}

ACTION(benchmark, "Tests", "benchmark", "", "tell how fast this machine is",
       "Tell how long Argon2id takes, and how fast the kernel's AES-XTS is, through AF_ALG and in "
       "memory alone, as cryptsetup benchmark does. For each sector size: each sector is a "
       "request of two system calls here, which weigh more the smaller it is; the target makes "
       "none. make bench measures the target itself.",
       OPT_ITER_TIME, OPT_PBKDF_MEMORY, OPT_JSON);

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Stretching a PIN with libargon2. */
#include <argon2.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "crypto/kdf.h"

#define DEFAULT_TIME_MS 2000	     /* LUKS2's default */
#define DEFAULT_MEMORY	(256 * 1024) /* KiB */
#define LEAST_MEMORY	KDF_PIN_MEMORY_MIN
#define LEAST_TIME	KDF_PIN_TIME_MIN
#define MEMORY_SHARE	4 /* the default takes at most this fraction, a quarter, of the memory */
#define MS_PER_S	1000
#define NS_PER_MS	1000000

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * MS_PER_S + (uint64_t)now.tv_nsec / NS_PER_MS;
}

static uint64_t machine_kib(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

bool kdf_affordable(uint32_t time, uint32_t memory, char *ret_why, size_t size)
{
	uint64_t most = machine_kib() / 4 * 3;

	if (most > KDF_MEMORY_MAX)
		most = KDF_MEMORY_MAX;
	if (memory > most)
		snprintf(ret_why, size, "Argon2id over %u KiB of memory; at most %ju KiB here",
			 memory, (uintmax_t)most);
	else if ((uint64_t)time * memory > KDF_WORK_MAX)
		snprintf(ret_why, size,
			 "Argon2id with %u passes over %u KiB of memory; at most %ju", time, memory,
			 (uintmax_t)KDF_WORK_MAX / memory);
	else
		return true;
	return false;
}

bool kdf_good_for_pin(const struct kdf_argon2id *kdf, char *ret_why, size_t size)
{
	if (kdf->time >= KDF_PIN_TIME_MIN && kdf->memory >= KDF_PIN_MEMORY_MIN)
		return kdf_affordable(kdf->time, kdf->memory, ret_why, size);
	snprintf(ret_why, size,
		 "Argon2id with %u passes over %u KiB of memory; a PIN takes at least %u over %u",
		 kdf->time, kdf->memory, KDF_PIN_TIME_MIN, KDF_PIN_MEMORY_MIN);
	return false;
}

static uint32_t default_memory(void)
{
	uint64_t share = machine_kib() / MEMORY_SHARE;

	if (share < LEAST_MEMORY)
		return LEAST_MEMORY;
	return share < DEFAULT_MEMORY ? (uint32_t)share : DEFAULT_MEMORY;
}

int kdf_choose(uint32_t time_ms, uint32_t memory_kib, struct kdf_argon2id *ret)
{
	struct kdf_argon2id kdf = {
		.time = LEAST_TIME,
		.memory = memory_kib ?: default_memory(),
		.cpus = KDF_CPUS_MAX,
	};
	_cleanup_secret_ struct secret *salt = secret_random(KDF_SALT_SIZE), *out = NULL;
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t began, took, passes;
	int r;

	if (!salt)
		return -ENOMEM;
	if (online > 0 && online < KDF_CPUS_MAX)
		kdf.cpus = (uint32_t)online;
	memcpy(kdf.salt, salt->data, KDF_SALT_SIZE);
	/* Measure the fewest passes that are allowed on meaningless bytes, then multiply them. */
	began = now_ms();
	r = kdf_stretch(&kdf, salt, KDF_SALT_SIZE, &out);
	if (r < 0)
		return r;
	took = now_ms() - began;
	passes = (time_ms ?: DEFAULT_TIME_MS) * (uint64_t)LEAST_TIME / (took ?: 1);
	if (passes > KDF_WORK_MAX / kdf.memory)
		passes = KDF_WORK_MAX / kdf.memory;
	if (passes > KDF_TIME_MAX)
		passes = KDF_TIME_MAX;
	if (passes > kdf.time)
		kdf.time = (uint32_t)passes;
	*ret = kdf;
	return 0;
}

int kdf_stretch(const struct kdf_argon2id *kdf, const struct secret *password, size_t size,
		struct secret **ret)
{
	_cleanup_secret_ struct secret *out = secret_new(size);
	argon2_context context = {
		.outlen = (uint32_t)size,
		.pwd = password->data,
		.pwdlen = (uint32_t)password->size,
		.salt = (uint8_t *)kdf->salt,
		.saltlen = KDF_SALT_SIZE,
		.t_cost = kdf->time,
		.m_cost = kdf->memory,
		.lanes = kdf->cpus,
		.threads = kdf->cpus,
		.version = ARGON2_VERSION_13,
	};

	if (!out)
		return -ENOMEM;
	context.out = out->data;
	switch (argon2_ctx(&context, Argon2_id)) {
	case ARGON2_OK:
		*ret = steal(out);
		return 0;
	case ARGON2_MEMORY_ALLOCATION_ERROR:
	case ARGON2_THREAD_FAIL:
		return -ENOMEM;
	default:
		return -EINVAL;
	}
}

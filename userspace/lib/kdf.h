/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stretching what a person can remember. argon2.c is the only file that includes libargon2.
 * Keyslots are stretched by libcryptsetup itself; this is for a PIN, of which nothing on disk
 * may tell right from wrong.
 */
#ifndef FVE_KDF_H
#define FVE_KDF_H

#include "secret.h"

#define KDF_SALT_SIZE 32

/* Argon2id, version 0x13 (RFC 9106); names and units are those of a LUKS2 keyslot's kdf. */
struct kdf_argon2id {
	uint32_t time;	 /* passes */
	uint32_t memory; /* KiB */
	uint32_t cpus;	 /* lanes */
	uint8_t salt[KDF_SALT_SIZE];
};

/* What a token may ask for: a reader computes nothing beyond. */
#define KDF_TIME_MAX   (1u << 20)
#define KDF_MEMORY_MIN 32		  /* KiB, LUKS2's least; libargon2 needs 8 for each lane */
#define KDF_MEMORY_MAX (4u * 1024 * 1024) /* KiB, LUKS2's most */
#define KDF_CPUS_MAX   4		  /* LUKS2's most */

/*
 * Parameters for this machine, with a new salt, so that one guess takes about @time_ms.
 * 0: two seconds, as LUKS2. @memory_kib 0: 256 MiB, but at most a quarter of this machine's
 * memory and at least 64 MiB. Never fewer passes than RFC 9106 recommends for 64 MiB: three.
 */
int kdf_choose(uint32_t time_ms, uint32_t memory_kib, struct kdf_argon2id *ret);

/* @size bytes from @password. -ENOMEM where the memory that it takes cannot be had. */
int kdf_stretch(const struct kdf_argon2id *kdf, const struct secret *password, size_t size,
		struct secret **ret);

#endif

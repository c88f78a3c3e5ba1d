/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stretching what a person can remember. argon2.c is the only file that includes libargon2.
 * Keyslots are stretched by libcryptsetup itself; this is for a PIN, of which nothing on disk
 * may tell right from wrong.
 */
#ifndef FVE_KDF_H
#define FVE_KDF_H

#include <stdbool.h>

#include "base/secret.h"

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

/* Bytes of memory for the largest. */
#define KDF_ROOM (KDF_MEMORY_MAX * (size_t)1024)

/*
 * A header is the attacker's until it is proved, and may not choose how long we compute: no more
 * work than 64 passes over 4 GiB, in whatever shape.
 */
#define KDF_WORK_MAX (64 * (uint64_t)KDF_MEMORY_MAX) /* passes times KiB */

/*
 * Least of a PIN, RFC 9106's second recommended option: fewer would tell it to who has changed the
 * header, and sees what the TPM is told for it.
 */
#define KDF_PIN_TIME_MIN   3u		/* passes */
#define KDF_PIN_MEMORY_MIN (64u * 1024) /* KiB */

/*
 * Whether @time passes over @memory KiB are within what a header may ask of this machine: the work
 * above, 4 GiB, and three quarters of the memory that it has. A keyslot is made for at most half
 * of the memory of the machine that makes it; this leaves room to open it on a smaller one.
 * @ret_why says what is too much.
 */
bool kdf_affordable(uint32_t time, uint32_t memory, char *ret_why, size_t size);
/* The same of a PIN's, which has a floor, too. */
bool kdf_good_for_pin(const struct kdf_argon2id *kdf, char *ret_why, size_t size);

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

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stretching of a PIN, by Argon2id. Nothing on disk may tell a right PIN from a wrong one, so a PIN
 * has no keyslot; what has one is stretched by libcryptsetup. argon2.c is the only file that
 * includes libargon2.
 */
#pragma once

#include <stdbool.h>

#include "base/secret.h"

#define KDF_SALT_SIZE 32 /* bytes, as LUKS2 has them */

/* Parameters of Argon2id, version 0x13 (RFC 9106), with the names and units of a LUKS2 keyslot. */
struct kdf_argon2id {
	uint32_t time;	 /* passes */
	uint32_t memory; /* KiB */
	uint32_t cpus;	 /* lanes */
	uint8_t salt[KDF_SALT_SIZE];
};

/* The bounds of what a token may ask for: a reader computes nothing beyond them. */
#define KDF_TIME_MAX   (1u << 20)
#define KDF_MEMORY_MIN 32		  /* KiB, LUKS2's least; libargon2 needs 8 for each lane */
#define KDF_MEMORY_MAX (4u * 1024 * 1024) /* KiB, LUKS2's most */
#define KDF_CPUS_MAX   4		  /* LUKS2's most */

/* Bytes of memory that the largest parameters take. */
#define KDF_ROOM (KDF_MEMORY_MAX * (size_t)1024)

/*
 * The most work that a header may ask for, in passes times KiB: 64 passes over 4 GiB, or the like.
 * A header is the attacker's until it is proved, and must not choose how long we compute.
 */
#define KDF_WORK_MAX (64 * (uint64_t)KDF_MEMORY_MAX)

/*
 * The least that a PIN is stretched, which is the second option that RFC 9106, 4 recommends. With
 * less, an attacker who changes the header and watches what the TPM is sent could search for the
 * PIN.
 */
#define KDF_PIN_TIME_MIN   3u		/* passes */
#define KDF_PIN_MEMORY_MIN (64u * 1024) /* KiB */

/*
 * Return whether a header may ask this machine for @time passes over @memory KiB: within the work
 * above, within 4 GiB, and within three quarters of the machine's memory. libcryptsetup makes
 * keyslots for at most half of the memory, so a smaller machine can open them too. Else @ret_why,
 * of
 * @size bytes, says what is too much.
 */
bool kdf_affordable(uint32_t time, uint32_t memory, char *ret_why, size_t size);
/* Return whether @kdf is affordable and stretches a PIN enough; else @ret_why says what is wrong.
 */
bool kdf_good_for_pin(const struct kdf_argon2id *kdf, char *ret_why, size_t size);

/*
 * Choose parameters, with a new salt, by which one guess takes this machine about @time_ms, or two
 * seconds as in LUKS2 where that is 0. @memory_kib 0 means 256 MiB, but at most a quarter of the
 * machine's memory and at least 64 MiB. There are always three passes or more, as RFC 9106
 * recommends for 64 MiB. Returns 0 or -errno without a message.
 */
int kdf_choose(uint32_t time_ms, uint32_t memory_kib, struct kdf_argon2id *ret);

/* Derive @size bytes from @password. -ENOMEM: there is not enough memory; -EINVAL. No message. */
int kdf_stretch(const struct kdf_argon2id *kdf, const struct secret *password, size_t size,
		struct secret **ret);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cryptographic primitives of the key hierarchy, from OpenSSL, which stays behind private.h.
 * Functions return 0 or -errno without a message. Secrets and blobs that they return are the
 * caller's, and are not set on failure.
 */
#pragma once

#include "base/secret.h"
#include "base/util.h"

#define SHA256_SIZE 32 /* bytes of a digest (FIPS 180-4) */
#define P256_SIZE   32 /* bytes of one coordinate, scalar, r or s on NIST P-256 */

/* A P-256 public key: affine coordinates, big-endian. */
struct ec_public {
	uint8_t x[P256_SIZE];
	uint8_t y[P256_SIZE];
};

/* An ECDSA signature on P-256 over a SHA-256 digest: big-endian. */
struct ec_signature {
	uint8_t r[P256_SIZE];
	uint8_t s[P256_SIZE];
};

/* One piece of a message that is hashed in several pieces; borrowed. */
struct span {
	const void *data;
	size_t size;
};

/* Compute SHA-256 over the pieces, one after the other. */
int crypto_sha256(const struct span *parts, size_t n_parts, uint8_t ret[SHA256_SIZE]);

/* Compute HMAC-SHA-256 (RFC 2104) of @size bytes at @data. */
int crypto_hmac(const struct secret *key, const void *data, size_t size, uint8_t ret[SHA256_SIZE]);
/* Compare in constant time, so that an attacker cannot learn a MAC byte by byte. */
bool crypto_equal(const void *a, const void *b, size_t size);

/* Derive a 32-byte key: HKDF-SHA-256 (RFC 5869) without salt, @info as text without its NUL. */
int crypto_derive(const struct secret *key, const char *info, struct secret **ret);

/*
 * Encrypt @plain by AES-256-GCM (NIST SP 800-38D) under a 32-byte key, to nonce (12 random bytes) |
 * ciphertext | tag (16 bytes). The text @ad, without its NUL, is authenticated and not stored.
 */
int crypto_wrap(const struct secret *key, const char *ad, const struct secret *plain,
		struct blob *ret);
/* Decrypt what crypto_wrap() made. -EBADMSG: it was made with another key or @ad, or was changed.
 */
int crypto_unwrap(const struct secret *key, const char *ad, const struct blob *wrapped,
		  struct secret **ret);

/* Make a P-256 key pair. The private half is the 32-byte scalar, big-endian. */
int crypto_ec_generate(struct secret **ret_private, struct ec_public *ret_public);

/* Sign @digest by ECDSA (FIPS 186-5). */
int crypto_ec_sign(const struct secret *private, const struct ec_public *public,
		   const uint8_t digest[SHA256_SIZE], struct ec_signature *ret);

/* Verify @signature over @digest. -EBADMSG: it is not valid. */
int crypto_ec_verify(const struct ec_public *public, const uint8_t digest[SHA256_SIZE],
		     const struct ec_signature *signature);

/*
 * RSA public keys are SubjectPublicKeyInfo (RFC 5280) in DER; -EBADMSG: one is malformed, or for
 * another algorithm.
 */

/* Give the length of the modulus in bits. */
int crypto_rsa_bits(const struct blob *spki, uint32_t *ret);
/* Make a public key of its two integers, which are big-endian. */
int crypto_rsa_public(const struct blob *modulus, const struct blob *exponent, struct blob *ret);
/*
 * Encrypt @plain by RSAES-OAEP (RFC 8017, 7.1) with SHA-256 for both hashes and no label.
 * -EMSGSIZE: the modulus is too short for it.
 */
int crypto_rsa_wrap(const struct blob *spki, const struct secret *plain, struct blob *ret);
/*
 * Remove the padding of crypto_rsa_wrap() from @encoded, the result of RSADP with its leading zero
 * byte. -EBADMSG: it is not so padded.
 */
int crypto_oaep_decode(const struct secret *encoded, struct secret **ret);

/*
 * RSA private keys are the text of a PEM file: PKCS #8 (RFC 5958), not encrypted. -EBADMSG: one is
 * malformed, or does not decrypt what it is given.
 */

/* Make a key pair with a modulus of @bits. */
int crypto_rsa_generate(unsigned int bits, struct secret **ret_private, struct blob *ret_public);
/* Give the public half of @private. */
int crypto_rsa_spki(const struct secret *private, struct blob *ret_public);
/* Sign @size bytes at @data by RSASSA-PSS (RFC 8017, 8.1) with SHA-256 and a salt of 32 bytes,
 * which is PS256 of RFC 7518. */
int crypto_rsa_sign(const struct secret *private, const void *data, size_t size, struct blob *ret);
/* Decrypt what crypto_rsa_wrap() made. */
int crypto_rsa_unwrap(const struct secret *private, const struct blob *wrapped,
		      struct secret **ret);

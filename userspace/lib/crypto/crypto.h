/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cryptographic primitives of the key hierarchy, by OpenSSL, which stays behind
 * private.h. Every function returns 0 or -errno and leaves @ret untouched on failure.
 */
#ifndef FVE_CRYPTO_H
#define FVE_CRYPTO_H

#include "base/secret.h"
#include "base/util.h"

#define SHA256_SIZE 32
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

/* One piece of a message that is hashed in several pieces. */
struct span {
	const void *data;
	size_t size;
};

int crypto_sha256(const struct span *parts, size_t n_parts, uint8_t ret[SHA256_SIZE]);

/* HMAC-SHA-256 (RFC 2104) of @size bytes at @data. */
int crypto_hmac(const struct secret *key, const void *data, size_t size, uint8_t ret[SHA256_SIZE]);
/* Constant-time comparison of what an attacker must not be helped to guess. */
bool crypto_equal(const void *a, const void *b, size_t size);

/* HKDF-SHA-256 (RFC 5869), no salt, @info as text without its NUL: a 32-byte key. */
int crypto_derive(const struct secret *key, const char *info, struct secret **ret);

/*
 * AES-256-GCM (NIST SP 800-38D) under a 32-byte key: nonce (12, random) | ciphertext | tag (16).
 * @ad is authenticated text without its NUL. crypto_unwrap() gives -EBADMSG where key, text or
 * blob are not those of the wrap.
 */
int crypto_wrap(const struct secret *key, const char *ad, const struct secret *plain,
		struct blob *ret);
int crypto_unwrap(const struct secret *key, const char *ad, const struct blob *wrapped,
		  struct secret **ret);

/* A new P-256 key pair; the private half is the 32-byte scalar, big-endian. */
int crypto_ec_generate(struct secret **ret_private, struct ec_public *ret_public);

/* ECDSA over @digest. */
int crypto_ec_sign(const struct secret *private, const struct ec_public *public,
		   const uint8_t digest[SHA256_SIZE], struct ec_signature *ret);

/* 0 when @signature is valid, -EBADMSG when it is not. */
int crypto_ec_verify(const struct ec_public *public, const uint8_t digest[SHA256_SIZE],
		     const struct ec_signature *signature);

/*
 * RSA public keys are DER SubjectPublicKeyInfo; -EBADMSG where one is not, or not of RSA.
 * Integers are big-endian.
 */
int crypto_rsa_bits(const struct blob *spki, uint32_t *ret);
int crypto_rsa_public(const struct blob *modulus, const struct blob *exponent, struct blob *ret);
/* RSAES-OAEP with SHA-256 twice and no label. -EMSGSIZE: the modulus is too short for @plain. */
int crypto_rsa_wrap(const struct blob *spki, const struct secret *plain, struct blob *ret);
/* Take that padding off what RSADP gave, with its leading zero byte. -EBADMSG: it is none. */
int crypto_oaep_decode(const struct secret *encoded, struct secret **ret);

/*
 * A key pair whose private half is the text of a PEM file, PKCS #8 and not encrypted. -EBADMSG
 * where a private key or a wrap is none, or they do not belong together.
 */
int crypto_rsa_generate(unsigned int bits, struct secret **ret_private, struct blob *ret_public);
int crypto_rsa_spki(const struct secret *private, struct blob *ret_public);
int crypto_rsa_unwrap(const struct secret *private, const struct blob *wrapped,
		      struct secret **ret);

#endif

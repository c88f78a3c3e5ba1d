// SPDX-License-Identifier: LGPL-2.1-or-later
/* Known answers, each from a published standard except where its comment says otherwise. */
#include <errno.h>
#include <string.h>

#include "crypto/afalg.h"
#include "crypto/crypto.h"
#include "crypto/kdf.h"
#include "crypto/selftest.h"

#define UNIT_SIZE 512 /* bytes of a data unit in IEEE 1619's vectors */

/* Compare the @size bytes at @got with @hex. -EBADMSG: they differ. */
static int compare(const void *got, const char *hex, size_t size)
{
	uint8_t want[P256_SIZE];

	if (size > sizeof(want) || hex_decode(hex, want, size) < 0)
		return -EINVAL;
	return memcmp(got, want, size) ? -EBADMSG : 0;
}

static int test_sha256(void)
{
	const struct span part = {"abc", 3};
	uint8_t digest[SHA256_SIZE];
	int r = crypto_sha256(&part, 1, digest);

	return r < 0 ? r
		     : compare(digest,
			       "ba7816bf8f01cfea414140de5dae2223"
			       "b00361a396177a9cb410ff61f20015ad",
			       SHA256_SIZE);
}

static int test_hmac(void)
{
	static const char data[] = "what do ya want for nothing?";
	_cleanup_secret_ struct secret *key = secret_copy("Jefe", 4);
	uint8_t digest[SHA256_SIZE];
	int r = key ? crypto_hmac(key, data, strlen(data), digest) : -ENOMEM;

	return r < 0 ? r
		     : compare(digest,
			       "5bdcc146bf60754e6a042426089575c7"
			       "5a003f089d2739839dec58b964ec3843",
			       SHA256_SIZE);
}

static int test_hkdf(void)
{
	_cleanup_secret_ struct secret *key = secret_new(22), *out = NULL;
	int r;

	if (!key)
		return -ENOMEM;
	memset(key->data, 0x0b, key->size);
	r = crypto_derive(key, "", &out);
	return r < 0 ? r
		     : compare(out->data,
			       "8da4e775a563c18f715f802a063c5a31"
			       "b8a11f5c5ee1879ec3454e5f3c738d2d",
			       out->size);
}

static int test_gcm(void)
{
	/* These are the nonce, the ciphertext of 16 zero bytes and the tag; the key is zero too. */
	static const char wrapped[] = "000000000000000000000000"
				      "cea7403d4d606b6e074ec5d3baf39d18"
				      "d0d1c8a799996bf0265b98b5d48ab919";
	_cleanup_secret_ struct secret *key = secret_new(32), *out = NULL, *none = NULL;
	_cleanup_blob_ struct blob blob = {0};
	uint8_t bytes[12 + 16 + 16];
	int r;

	hex_decode(wrapped, bytes, sizeof(bytes));
	if (!key || blob_set(&blob, bytes, sizeof(bytes)) < 0)
		return -ENOMEM;
	r = crypto_unwrap(key, "", &blob, &out);
	if (r < 0)
		return r;
	r = compare(out->data, "00000000000000000000000000000000", out->size);
	if (r < 0)
		return r;
	blob.data[0] ^= 1; /* a changed message must be refused */
	return crypto_unwrap(key, "", &blob, &none) == -EBADMSG ? 0 : -EBADMSG;
}

static int test_ecdsa(void)
{
	struct ec_public public;
	struct ec_signature signature;
	const struct span part = {"sample", 6};
	uint8_t digest[SHA256_SIZE];
	int r = crypto_sha256(&part, 1, digest);

	if (r < 0)
		return r;
	hex_decode("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6", public.x,
		   P256_SIZE);
	hex_decode("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299", public.y,
		   P256_SIZE);
	hex_decode("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716", signature.r,
		   P256_SIZE);
	hex_decode("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8", signature.s,
		   P256_SIZE);
	r = crypto_ec_verify(&public, digest, &signature);
	if (r < 0)
		return r;
	digest[0] ^= 1; /* the signature of another message must be refused */
	return crypto_ec_verify(&public, digest, &signature) == -EBADMSG ? 0 : -EBADMSG;
}

static int test_argon2id(void)
{
	struct kdf_argon2id kdf = {.time = 3, .memory = 64, .cpus = 2};
	_cleanup_secret_ struct secret *password = secret_copy("password", 8), *out = NULL;
	int r;

	if (!password)
		return -ENOMEM;
	for (uint8_t i = 0; i < KDF_SALT_SIZE; i++)
		kdf.salt[i] = i;
	r = kdf_stretch(&kdf, password, 32, &out);
	return r < 0 ? r
		     : compare(out->data,
			       "8805add990879921b5bd46bce7000830"
			       "cb5f5bc659588093edca97948f597f0e",
			       out->size);
}

const struct selftest selftests[] = {
	{"SHA-256", "libcrypto", "FIPS 180-4, \"abc\"", test_sha256},
	{"HMAC-SHA-256", "libcrypto", "RFC 4231, case 2", test_hmac},
	{"HKDF-SHA-256", "libcrypto", "RFC 5869, case 3", test_hkdf},
	{"AES-256-GCM", "libcrypto", "McGrew and Viega, case 14", test_gcm},
	{"ECDSA P-256", "libcrypto", "RFC 6979, A.2.5", test_ecdsa},
	/* RFC 9106's vector has a secret and associated data, which kdf.h has not; libgcrypt
	 * computed this one. */
	{"Argon2id", "libargon2", "libgcrypt's answer", test_argon2id},
};

const size_t n_selftests = ARRAY_SIZE(selftests);

#define KEY_128 "2718281828459045235360287471352631415926535897932384626433832795"
#define KEY_256                                                                                  \
	"27182818284590452353602874713526624977572470936999595749669676273141592653589793238462" \
	"643383279502884197169399375105820974944592"

/* All have the plaintext 00 01 .. ff, twice. The digest is SHA-256 of the ciphertext. */
static const struct xts_vector {
	const char *key;
	size_t key_size;
	uint64_t data_unit;
	const char *digest;
} xts_vectors[] = {
	{KEY_128, 32, 0, "ebee4d64dd2395bb2d6a2d37a0a48ecb2bf4913cfc99d27c2214f2f4144715ea"},
	{KEY_256, 64, 0xff, "e97e974fa393af794f7a4684395814cf820de60a01eaec677d87b452e316b364"},
	{KEY_256, 64, 0xffff, "def4fad29e95dfe1a24b1ad4620f86d7be094cced5b19e0b121aa82d9e6baf98"},
	{KEY_256, 64, 0xffffff, "8bf44861a081dd660d91ce615b5cdfb4d5df9d72c3025c12e67cc0ae097fa5d5"},
	{KEY_256, 64, 0xffffffff,
	 "c706140a11affda7402234f5e6331eacbfeb687d8e80d83962691823bb3636f0"},
	{KEY_256, 64, 0xffffffffff,
	 "afba71abc4e95b186d89a63a5437c1bafcfd1a18ca273970c534aba4f8d05282"},
};

static int run_xts(const char *driver, const struct xts_vector *vector)
{
	_cleanup_afalg_ struct afalg_cipher *cipher = NULL;
	uint8_t plain[UNIT_SIZE], data[UNIT_SIZE], key[64], digest[SHA256_SIZE];
	uint8_t iv[AFALG_IV_SIZE] = {0};
	const struct span part = {data, sizeof(data)};
	int r;

	for (size_t i = 0; i < UNIT_SIZE; i++)
		data[i] = plain[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(vector->data_unit); i++) /* little endian, IEEE 1619, 5.1 */
		iv[i] = (uint8_t)(vector->data_unit >> 8 * i);
	r = hex_decode(vector->key, key, vector->key_size);
	if (r < 0)
		return r;
	r = afalg_open(driver, key, vector->key_size, &cipher);
	if (r < 0)
		return r;
	r = afalg_crypt(cipher, AFALG_ENCRYPT, iv, data, sizeof(data));
	if (r < 0)
		return r;
	r = crypto_sha256(&part, 1, digest);
	if (r < 0)
		return r;
	r = compare(digest, vector->digest, sizeof(digest));
	if (r < 0)
		return r;
	r = afalg_crypt(cipher, AFALG_DECRYPT, iv, data, sizeof(data));
	if (r < 0)
		return r;
	return memcmp(data, plain, sizeof(data)) ? -EBADMSG : 0;
}

int selftest_kernel(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(xts_vectors); i++) {
		int r = run_xts(name, &xts_vectors[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Wraps, derivation, signatures, encodings: known answers, and that tampering is noticed. */
#include <errno.h>
#include <string.h>

#include "crypto/crypto.h"
#include "test.h"

static void test_encodings(void)
{
	/* RFC 4648, section 10. */
	static const struct {
		const char *plain, *base64;
	} vectors[] = {{"", ""},
		       {"f", "Zg=="},
		       {"fo", "Zm8="},
		       {"foo", "Zm9v"},
		       {"foob", "Zm9vYg=="},
		       {"fooba", "Zm9vYmE="},
		       {"foobar", "Zm9vYmFy"}};
	static const char *const malformed[] = {"Z",	    "Zg=",  "Zg",   "=Zg=",
						"Zg==Zg==", "Z===", "Zm9\n"};
	uint8_t bytes[2];

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		_cleanup_blob_ struct blob blob = {0}, decoded = {0};
		_cleanup_free_ char *text = NULL;

		CHECK(blob_set(&blob, vectors[i].plain, strlen(vectors[i].plain)) == 0);
		text = base64_encode(&blob);
		CHECK(!strcmp(text, vectors[i].base64));
		CHECK(base64_decode(text, &decoded) == 0);
		CHECK(decoded.size == blob.size && !memcmp(decoded.data, blob.data, blob.size));
	}
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
		_cleanup_blob_ struct blob decoded = {0};

		CHECK(base64_decode(malformed[i], &decoded) == -EINVAL);
	}
	CHECK(hex_decode("00ff", bytes, 2) == 0 && bytes[0] == 0 && bytes[1] == 0xff);
	CHECK(hex_decode("00f", bytes, 2) == -EINVAL);
	CHECK(hex_decode("00FF", bytes, 2) == -EINVAL);
	CHECK(hex_decode("0g00", bytes, 2) == -EINVAL);
}

static void test_derive(void)
{
	/* HKDF-SHA-256 without salt, RFC 5869 test case 3, first 32 of its 42 bytes; our info is
	 * text and not empty in use, the empty one is the standard's. */
	static const char expected[] =
		"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d";
	uint8_t ikm[22], want[32];
	_cleanup_secret_ struct secret *key = NULL, *out = NULL, *other = NULL;

	memset(ikm, 0x0b, sizeof(ikm));
	key = secret_copy(ikm, sizeof(ikm));
	CHECK(hex_decode(expected, want, sizeof(want)) == 0);
	CHECK(crypto_derive(key, "", &out) == 0);
	CHECK(out->size == 32 && !memcmp(out->data, want, 32));
	CHECK(crypto_derive(key, "fve kek", &other) == 0);
	CHECK(!secret_equal(out, other));
}

static void test_wrap(void)
{
	_cleanup_secret_ struct secret *key = secret_random(32), *other = secret_random(32);
	_cleanup_secret_ struct secret *plain = secret_random(32), *back = NULL, *none = NULL;
	_cleanup_blob_ struct blob wrapped = {0};

	CHECK(crypto_wrap(key, "context", plain, &wrapped) == 0);
	CHECK(wrapped.size == 12 + 32 + 16);
	CHECK(crypto_unwrap(key, "context", &wrapped, &back) == 0);
	CHECK(secret_equal(plain, back));
	CHECK(crypto_unwrap(key, "Context", &wrapped, &none) == -EBADMSG);
	CHECK(crypto_unwrap(other, "context", &wrapped, &none) == -EBADMSG);
	for (size_t i = 0; i < wrapped.size; i++) {
		wrapped.data[i] ^= 1;
		CHECK(crypto_unwrap(key, "context", &wrapped, &none) == -EBADMSG);
		wrapped.data[i] ^= 1;
	}
	for (; wrapped.size > 0; wrapped.size--) {
		struct blob cut = {wrapped.data, wrapped.size - 1};

		CHECK(crypto_unwrap(key, "context", &cut, &none) == -EBADMSG);
	}
	CHECK(!none);
}

static void test_sign(void)
{
	_cleanup_secret_ struct secret *private = NULL;
	struct ec_public public, off_curve;
	struct ec_signature signature;
	uint8_t digest[SHA256_SIZE] = {1, 2, 3};

	CHECK(crypto_ec_generate(&private, &public) == 0);
	CHECK(private->size == P256_SIZE);
	for (int i = 0; i < 50; i++) { /* r and s are padded to full size whatever their length */
		digest[0] = (uint8_t)i;
		CHECK(crypto_ec_sign(private, &public, digest, &signature) == 0);
		CHECK(crypto_ec_verify(&public, digest, &signature) == 0);
	}
	digest[0] ^= 1;
	CHECK(crypto_ec_verify(&public, digest, &signature) == -EBADMSG);
	digest[0] ^= 1;
	signature.s[31] ^= 1;
	CHECK(crypto_ec_verify(&public, digest, &signature) == -EBADMSG);
	off_curve = public;
	off_curve.y[0] ^= 1;
	CHECK(crypto_ec_verify(&off_curve, digest, &signature) == -EBADMSG);
}

int main(void)
{
	test_encodings();
	test_derive();
	test_wrap();
	test_sign();
	return test_done();
}

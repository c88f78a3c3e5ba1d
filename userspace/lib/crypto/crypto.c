// SPDX-License-Identifier: LGPL-2.1-or-later
/* Hashes, MACs, key derivation, AES-GCM and ECDSA with OpenSSL's libcrypto, 3.0 and later. */
#include <errno.h>
#include <string.h>

#include "crypto/private.h"

#define KEY_SIZE   32 /* AES-256 and HKDF output */
#define NONCE_SIZE 12 /* SP 800-38D, 8.2: 96-bit IV */
#define TAG_SIZE   16
#define POINT_SIZE (1 + 2 * P256_SIZE) /* SEC 1, 2.3.3: 04 | x | y */

int crypto_sha256(const struct span *parts, size_t n_parts, uint8_t ret[SHA256_SIZE])
{
	_cleanup_with_(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	for (size_t i = 0; i < n_parts; i++)
		if (EVP_DigestUpdate(ctx, parts[i].data, parts[i].size) != 1)
			return -EIO;
	return EVP_DigestFinal_ex(ctx, ret, NULL) == 1 ? 0 : -EIO;
}

int crypto_hmac(const struct secret *key, const void *data, size_t size, uint8_t ret[SHA256_SIZE])
{
	return HMAC(EVP_sha256(), key->data, (int)key->size, data, size, ret, NULL) ? 0 : -EIO;
}

bool crypto_equal(const void *a, const void *b, size_t size)
{
	return CRYPTO_memcmp(a, b, size) == 0;
}

int crypto_derive(const struct secret *key, const char *info, struct secret **ret)
{
	_cleanup_with_(EVP_KDF_free) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	_cleanup_with_(EVP_KDF_CTX_free) EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	_cleanup_secret_ struct secret *out = secret_new(KEY_SIZE);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, key->data, key->size),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (char *)info, strlen(info)),
		OSSL_PARAM_construct_end(),
	};

	if (!ctx || !out)
		return -ENOMEM;
	if (EVP_KDF_derive(ctx, out->data, out->size, params) != 1)
		return -EIO;
	*ret = steal(out);
	return 0;
}

int crypto_wrap(const struct secret *key, const char *ad, const struct secret *plain,
		struct blob *ret)
{
	_cleanup_with_(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	_cleanup_secret_ struct secret *nonce = secret_random(NONCE_SIZE);
	_cleanup_blob_ struct blob out = {0};
	int n;

	if (key->size != KEY_SIZE)
		return -EINVAL;
	out.size = NONCE_SIZE + plain->size + TAG_SIZE;
	out.data = malloc(out.size);
	if (!ctx || !nonce || !out.data)
		return -ENOMEM;
	memcpy(out.data, nonce->data, NONCE_SIZE);
	if (EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->data, out.data) != 1 ||
	    EVP_EncryptUpdate(ctx, NULL, &n, (const uint8_t *)ad, (int)strlen(ad)) != 1 ||
	    EVP_EncryptUpdate(ctx, out.data + NONCE_SIZE, &n, plain->data, (int)plain->size) != 1 ||
	    EVP_EncryptFinal_ex(ctx, out.data + NONCE_SIZE + n, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_SIZE,
				out.data + NONCE_SIZE + plain->size) != 1)
		return -EIO;
	*ret = steal_struct(out);
	return 0;
}

int crypto_unwrap(const struct secret *key, const char *ad, const struct blob *wrapped,
		  struct secret **ret)
{
	_cleanup_with_(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	_cleanup_secret_ struct secret *plain = NULL;
	const uint8_t *text = wrapped->data + NONCE_SIZE;
	int n;

	if (key->size != KEY_SIZE)
		return -EINVAL;
	if (wrapped->size < NONCE_SIZE + TAG_SIZE)
		return -EBADMSG;
	plain = secret_new(wrapped->size - NONCE_SIZE - TAG_SIZE);
	if (!ctx || !plain)
		return -ENOMEM;
	if (EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->data, wrapped->data) != 1 ||
	    EVP_DecryptUpdate(ctx, NULL, &n, (const uint8_t *)ad, (int)strlen(ad)) != 1 ||
	    EVP_DecryptUpdate(ctx, plain->data, &n, text, (int)plain->size) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_SIZE,
				(void *)(text + plain->size)) != 1)
		return -EIO;
	if (EVP_DecryptFinal_ex(ctx, plain->data + n, &n) != 1)
		return -EBADMSG;
	*ret = steal(plain);
	return 0;
}

static void ec_public_to_point(const struct ec_public *public, uint8_t point[POINT_SIZE])
{
	point[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(point + 1, public->x, P256_SIZE);
	memcpy(point + 1 + P256_SIZE, public->y, P256_SIZE);
}

/* Make an OpenSSL key of its parts; @private may be NULL. NULL on failure. */
static EVP_PKEY *ec_key(const struct secret *private, const struct ec_public *public)
{
	_cleanup_with_(OSSL_PARAM_BLD_free) OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	_cleanup_with_(BN_clear_free) BIGNUM *scalar = NULL;
	_cleanup_with_(OSSL_PARAM_free) OSSL_PARAM *params = NULL;
	_cleanup_with_(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx =
		EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	uint8_t point[POINT_SIZE];
	EVP_PKEY *key = NULL;

	ec_public_to_point(public, point);
	if (!build || !ctx ||
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) !=
		    1 ||
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
					     sizeof(point)) != 1)
		return NULL;
	if (private) {
		scalar = BN_secure_new();
		if (!scalar || !BN_bin2bn(private->data, (int)private->size, scalar) ||
		    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, scalar) != 1)
			return NULL;
	}
	params = OSSL_PARAM_BLD_to_param(build);
	if (!params || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, private ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
			      params) != 1)
		return NULL;
	return key;
}

int crypto_ec_generate(struct secret **ret_private, struct ec_public *ret_public)
{
	_cleanup_with_(EVP_PKEY_free) EVP_PKEY *key = EVP_EC_gen("P-256");
	_cleanup_with_(BN_clear_free) BIGNUM *scalar = NULL;
	_cleanup_secret_ struct secret *private = secret_new(P256_SIZE);
	uint8_t point[POINT_SIZE];
	size_t size;

	if (!key || !private)
		return -ENOMEM;
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &scalar) != 1 ||
	    BN_bn2binpad(scalar, private->data, P256_SIZE) != P256_SIZE ||
	    EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
					    &size) != 1 ||
	    size != POINT_SIZE || point[0] != POINT_CONVERSION_UNCOMPRESSED)
		return -EIO;
	memcpy(ret_public->x, point + 1, P256_SIZE);
	memcpy(ret_public->y, point + 1 + P256_SIZE, P256_SIZE);
	*ret_private = steal(private);
	return 0;
}

int crypto_ec_sign(const struct secret *private, const struct ec_public *public,
		   const uint8_t digest[SHA256_SIZE], struct ec_signature *ret)
{
	_cleanup_with_(EVP_PKEY_free) EVP_PKEY *key = ec_key(private, public);
	_cleanup_with_(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx =
		key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
	_cleanup_with_(ECDSA_SIG_free) ECDSA_SIG *signature = NULL;
	uint8_t der[80]; /* at most 72 bytes for P-256 */
	const uint8_t *p = der;
	size_t size = sizeof(der);

	if (!ctx)
		return -EIO;
	if (EVP_PKEY_sign_init(ctx) != 1 || EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1 ||
	    EVP_PKEY_sign(ctx, der, &size, digest, SHA256_SIZE) != 1)
		return -EIO;
	signature = d2i_ECDSA_SIG(NULL, &p, (long)size);
	if (!signature ||
	    BN_bn2binpad(ECDSA_SIG_get0_r(signature), ret->r, P256_SIZE) != P256_SIZE ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(signature), ret->s, P256_SIZE) != P256_SIZE)
		return -EIO;
	return 0;
}

int crypto_ec_verify(const struct ec_public *public, const uint8_t digest[SHA256_SIZE],
		     const struct ec_signature *signature)
{
	_cleanup_with_(EVP_PKEY_free) EVP_PKEY *key = ec_key(NULL, public);
	_cleanup_with_(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx =
		key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
	_cleanup_with_(ECDSA_SIG_free) ECDSA_SIG *parsed = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature->r, P256_SIZE, NULL);
	BIGNUM *s = BN_bin2bn(signature->s, P256_SIZE, NULL);
	uint8_t der[80], *p = der;
	int size;

	if (!parsed || !r || !s || ECDSA_SIG_set0(parsed, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return -ENOMEM;
	}
	if (!ctx) /* not a point on the curve */
		return -EBADMSG;
	size = i2d_ECDSA_SIG(parsed, &p);
	if (size <= 0 || EVP_PKEY_verify_init(ctx) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1)
		return -EIO;
	return EVP_PKEY_verify(ctx, der, (size_t)size, digest, SHA256_SIZE) == 1 ? 0 : -EBADMSG;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* RSA public keys, and RSAES-OAEP (RFC 8017, 7.1) with SHA-256 for both hashes and no label. */
#define OPENSSL_SUPPRESS_DEPRECATED /* RSA_padding_check_PKCS1_OAEP_mgf1() has no successor */

#include <errno.h>

#include "crypto/private.h"

static EVP_PKEY *rsa_key(const struct blob *spki)
{
	const uint8_t *p = spki->data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki->size);

	if (key && (p != spki->data + spki->size || !EVP_PKEY_is_a(key, "RSA"))) {
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

int crypto_rsa_bits(const struct blob *spki, uint32_t *ret)
{
	_cleanup_with_(EVP_PKEY_free) EVP_PKEY *key = rsa_key(spki);

	if (!key)
		return -EBADMSG;
	*ret = (uint32_t)EVP_PKEY_get_bits(key);
	return 0;
}

int crypto_rsa_public(const struct blob *modulus, const struct blob *exponent, struct blob *ret)
{
	_cleanup_with_(OSSL_PARAM_BLD_free) OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	_cleanup_with_(BN_clear_free) BIGNUM *n =
		BN_bin2bn(modulus->data, (int)modulus->size, NULL);
	_cleanup_with_(BN_clear_free) BIGNUM *e =
		BN_bin2bn(exponent->data, (int)exponent->size, NULL);
	_cleanup_with_(OSSL_PARAM_free) OSSL_PARAM *params = NULL;
	_cleanup_with_(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx =
		EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	_cleanup_with_(EVP_PKEY_free) EVP_PKEY *key = NULL;
	uint8_t *der = NULL;
	int size, r;

	if (!build || !ctx || !n || !e ||
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		return -ENOMEM;
	params = OSSL_PARAM_BLD_to_param(build);
	if (!params || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return -EBADMSG;
	size = i2d_PUBKEY(key, &der);
	if (size <= 0)
		return -ENOMEM;
	r = blob_set(ret, der, (size_t)size);
	OPENSSL_free(der);
	return r;
}

bool crypto_set_oaep(EVP_PKEY_CTX *ctx)
{
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1;
}

int crypto_rsa_wrap(const struct blob *spki, const struct secret *plain, struct blob *ret)
{
	_cleanup_with_(EVP_PKEY_free) EVP_PKEY *key = rsa_key(spki);
	_cleanup_with_(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx =
		key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
	_cleanup_blob_ struct blob out = {0};

	if (!key)
		return -EBADMSG;
	if (!ctx || EVP_PKEY_encrypt_init(ctx) != 1 || !crypto_set_oaep(ctx))
		return -EIO;
	out.size = (size_t)EVP_PKEY_get_size(key);
	if (out.size < 2 * SHA256_SIZE + 2 || plain->size > out.size - 2 * SHA256_SIZE - 2)
		return -EMSGSIZE;
	out.data = malloc(out.size);
	if (!out.data)
		return -ENOMEM;
	if (EVP_PKEY_encrypt(ctx, out.data, &out.size, plain->data, plain->size) != 1)
		return -EIO;
	*ret = steal_struct(out);
	return 0;
}

int crypto_oaep_decode(const struct secret *encoded, struct secret **ret)
{
	_cleanup_secret_ struct secret *plain = secret_new(encoded->size);
	int n;

	if (!plain)
		return -ENOMEM;
	/* OpenSSL takes the same time whether the padding is right or not. */
	n = RSA_padding_check_PKCS1_OAEP_mgf1(plain->data, (int)plain->size, encoded->data,
					      (int)encoded->size, (int)encoded->size, NULL, 0,
					      EVP_sha256(), EVP_sha256());
	if (n < 0)
		return -EBADMSG;
	secret_truncate(plain, (size_t)n);
	*ret = steal(plain);
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* RSA key pairs whose private half is a PEM file, such as an availability key. */
#include <errno.h>

#include "crypto/private.h"

/* Give the public half of @key as SubjectPublicKeyInfo in DER. */
static int public_of(EVP_PKEY *key, struct blob *ret)
{
	unsigned char *der = NULL;
	int size = i2d_PUBKEY(key, &der);
	int r = size > 0 ? blob_set(ret, der, (size_t)size) : -EIO;

	OPENSSL_free(der);
	return r;
}

struct secret *crypto_take_secret(BIO *bio)
{
	char *text = NULL;
	long size = BIO_get_mem_data(bio, &text);
	struct secret *secret = size > 0 ? secret_copy(text, (size_t)size) : NULL;

	if (size > 0)
		secret_wipe(text, (size_t)size);
	return secret;
}

/* Refuse OpenSSL a passphrase: a private key that is encrypted is not accepted, and nobody is
 * asked. */
static int no_passphrase(char *buffer, int size, int writing, void *data)
{
	(void)buffer, (void)size, (void)writing, (void)data;
	return -1;
}

static EVP_PKEY *private_read(const struct secret *private)
{
	_cleanup_with_(BIO_free_all) BIO *bio = BIO_new_mem_buf(private->data, (int)private->size);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;

	if (key && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

int crypto_rsa_generate(unsigned int bits, struct secret **ret_private, struct blob *ret_public)
{
	_cleanup_with_(EVP_PKEY_free) EVP_PKEY *key = EVP_RSA_gen(bits);
	_cleanup_with_(BIO_free_all) BIO *bio = BIO_new(BIO_s_secmem());
	_cleanup_secret_ struct secret *private = NULL;
	int r;

	if (!key || !bio)
		return -ENOMEM;
	if (PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return -EIO;
	private = crypto_take_secret(bio);
	if (!private)
		return -ENOMEM;
	r = public_of(key, ret_public);
	if (r < 0)
		return r;
	*ret_private = steal(private);
	return 0;
}

int crypto_rsa_spki(const struct secret *private, struct blob *ret_public)
{
	_cleanup_with_(EVP_PKEY_free) EVP_PKEY *key = private_read(private);

	return key ? public_of(key, ret_public) : -EBADMSG;
}

int crypto_rsa_unwrap(const struct secret *private, const struct blob *wrapped, struct secret **ret)
{
	_cleanup_with_(EVP_PKEY_free) EVP_PKEY *key = private_read(private);
	_cleanup_with_(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx =
		key ? EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL) : NULL;
	_cleanup_secret_ struct secret *plain = NULL;
	size_t size;

	if (!key)
		return -EBADMSG;
	size = (size_t)EVP_PKEY_get_size(key);
	plain = secret_new(size);
	if (!ctx || !plain)
		return -ENOMEM;
	if (EVP_PKEY_decrypt_init(ctx) != 1 || !crypto_set_oaep(ctx))
		return -EIO;
	if (EVP_PKEY_decrypt(ctx, plain->data, &size, wrapped->data, wrapped->size) != 1)
		return -EBADMSG;
	secret_truncate(plain, size);
	*ret = steal(plain);
	return 0;
}

int crypto_rsa_sign(const struct secret *private, const void *data, size_t size, struct blob *ret)
{
	_cleanup_with_(EVP_PKEY_free) EVP_PKEY *key = private_read(private);
	_cleanup_with_(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	_cleanup_blob_ struct blob signature = {0};
	EVP_PKEY_CTX *padding; /* @ctx owns it */

	if (!key)
		return -EBADMSG;
	signature.size = (size_t)EVP_PKEY_get_size(key);
	signature.data = malloc(signature.size);
	if (!ctx || !signature.data)
		return -ENOMEM;
	if (EVP_DigestSignInit(ctx, &padding, EVP_sha256(), NULL, key) != 1 ||
	    EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST) != 1 ||
	    EVP_DigestSign(ctx, signature.data, &signature.size, data, size) != 1)
		return -EIO;
	*ret = steal_struct(signature);
	return 0;
}

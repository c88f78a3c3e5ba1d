// SPDX-License-Identifier: LGPL-2.1-or-later
/* Certificates and CMS messages with OpenSSL. */
#include <errno.h>
#include <string.h>

#include "crypto/cms.h"
#include "crypto/private.h"

DEFINE_CLEANUP(X509, X509_free)
DEFINE_CLEANUP(CMS_ContentInfo, CMS_ContentInfo_free)

#define YEARS	     20	  /* that our own certificates are valid */
#define RSA_BITS_MIN 2048 /* of a recipient: 112 bits of security, NIST SP 800-57 part 1 */

static X509 *cert_of(const char *pem)
{
	_cleanup_with_(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem, -1);

	return bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
}

/* Return what was written into @bio, as a string that the caller owns. */
static char *text_of(BIO *bio)
{
	char *data = NULL;
	long size = BIO_get_mem_data(bio, &data);

	return size > 0 ? strndup(data, (size_t)size) : NULL;
}

int crypto_cert_read(const char *pem, char **ret_subject, uint8_t ret_digest[SHA256_SIZE])
{
	_cleanup_with_(X509_free) X509 *cert = cert_of(pem);
	_cleanup_with_(BIO_free_all) BIO *bio = BIO_new(BIO_s_mem());
	char *subject;

	if (!bio)
		return -ENOMEM;
	if (!cert)
		return -EBADMSG;
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) >= 0 ||
	    X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0)
		return -ESTALE;
	if (X509_NAME_print_ex(bio, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) < 0 ||
	    X509_digest(cert, EVP_sha256(), ret_digest, NULL) != 1)
		return -EBADMSG;
	subject = text_of(bio);
	if (!subject)
		return -EBADMSG;
	*ret_subject = subject;
	return 0;
}

bool crypto_cert_same_key(const char *pem, const char *other)
{
	_cleanup_with_(X509_free) X509 *a = cert_of(pem), *b = cert_of(other);
	EVP_PKEY *key = a ? X509_get0_pubkey(a) : NULL, *other_key = b ? X509_get0_pubkey(b) : NULL;

	return key && other_key && EVP_PKEY_eq(key, other_key) == 1;
}

static int cert_fill(X509 *cert, EVP_PKEY *key, const char *subject)
{
	X509_NAME *name = X509_get_subject_name(cert);

	if (X509_set_version(cert, X509_VERSION_3) != 1 ||
	    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) != 1 ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), 0) ||
	    !X509_time_adj_ex(X509_getm_notAfter(cert), YEARS * 365, 0, NULL) ||
	    X509_set_pubkey(cert, key) != 1 ||
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)subject,
				       -1, -1, 0) != 1 ||
	    X509_set_issuer_name(cert, name) != 1 || X509_sign(cert, key, EVP_sha256()) <= 0)
		return -EIO;
	return 0;
}

int crypto_cert_make(const char *subject, struct secret **ret_key, char **ret_cert)
{
	_cleanup_with_(EVP_PKEY_free) EVP_PKEY *key = EVP_EC_gen("P-256");
	_cleanup_with_(X509_free) X509 *cert = X509_new();
	_cleanup_with_(BIO_free_all) BIO *private = BIO_new(BIO_s_secmem());
	_cleanup_with_(BIO_free_all) BIO *public = BIO_new(BIO_s_mem());
	_cleanup_secret_ struct secret *secret = NULL;
	int r;

	if (!key || !cert || !private || !public)
		return -ENOMEM;
	r = cert_fill(cert, key, subject);
	if (r < 0)
		return r;
	if (PEM_write_bio_PrivateKey(private, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    PEM_write_bio_X509(public, cert) != 1)
		return -EIO;
	secret = crypto_take_secret(private);
	*ret_cert = secret ? text_of(public) : NULL;
	if (!*ret_cert)
		return -ENOMEM;
	*ret_key = steal(secret);
	return 0;
}

int crypto_cms_sign(const struct secret *key, const char *cert, const void *data, size_t size,
		    char **ret)
{
	_cleanup_with_(BIO_free_all) BIO *key_bio = BIO_new_mem_buf(key->data, (int)key->size);
	_cleanup_with_(BIO_free_all) BIO *in = BIO_new_mem_buf(data, (int)size);
	_cleanup_with_(BIO_free_all) BIO *out = BIO_new(BIO_s_mem());
	_cleanup_with_(EVP_PKEY_free) EVP_PKEY *private =
		key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL) : NULL;
	_cleanup_with_(X509_free) X509 *public = cert_of(cert);
	_cleanup_with_(CMS_ContentInfo_free) CMS_ContentInfo *cms = NULL;

	if (!in || !out)
		return -ENOMEM;
	if (!private || !public)
		return -EBADMSG;
	cms = CMS_sign(public, private, NULL, in, CMS_BINARY);
	if (!cms || PEM_write_bio_CMS(out, cms) != 1)
		return -EIO;
	*ret = text_of(out);
	return *ret ? 0 : -ENOMEM;
}

static CMS_ContentInfo *cms_read(const struct blob *text)
{
	_cleanup_with_(BIO_free_all) BIO *pem = BIO_new_mem_buf(text->data, (int)text->size);
	const unsigned char *der = text->data;
	CMS_ContentInfo *cms = pem ? PEM_read_bio_CMS(pem, NULL, NULL, NULL) : NULL;

	if (cms || !text->size || text->data[0] != 0x30) /* ASN.1 SEQUENCE */
		return cms;
	return d2i_CMS_ContentInfo(NULL, &der, (long)text->size);
}

/* Return whether @cert is the only signer of @cms and the signature is good; write its content into
 * @out. */
static bool signed_by(CMS_ContentInfo *cms, X509 *cert, BIO *out)
{
	STACK_OF(X509) *certs = sk_X509_new_null();
	bool good = certs && sk_X509_push(certs, cert) > 0 &&
		    CMS_verify(cms, certs, NULL, NULL, out,
			       CMS_NO_SIGNER_CERT_VERIFY | CMS_NOINTERN | CMS_BINARY) == 1;

	sk_X509_free(certs);
	return good;
}

int crypto_cms_verify(const struct blob *text, const char *const *certs, size_t n,
		      struct blob *ret_content, size_t *ret_signer)
{
	_cleanup_with_(CMS_ContentInfo_free) CMS_ContentInfo *cms = cms_read(text);

	if (!cms || OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed ||
	    sk_CMS_SignerInfo_num(CMS_get0_SignerInfos(cms)) != 1)
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		_cleanup_with_(X509_free) X509 *cert = cert_of(certs[i]);
		_cleanup_with_(BIO_free_all) BIO *out = BIO_new(BIO_s_mem());
		char *data = NULL;
		long size;

		if (!out)
			return -ENOMEM;
		if (!cert || !signed_by(cms, cert, out))
			continue;
		size = BIO_get_mem_data(out, &data);
		*ret_signer = i;
		return blob_set(ret_content, data ?: "", size > 0 ? (size_t)size : 0);
	}
	return -EKEYREJECTED;
}

/* OpenSSL's defaults are SHA-1 for both kinds of keys. */
static bool add_recipient(CMS_ContentInfo *cms, const char *pem)
{
	_cleanup_with_(X509_free) X509 *cert = cert_of(pem);
	EVP_PKEY *key = cert ? X509_get0_pubkey(cert) : NULL;
	bool rsa = key && EVP_PKEY_is_a(key, "RSA");
	CMS_RecipientInfo *recipient;
	EVP_PKEY_CTX *ctx;

	if (!key || (rsa && EVP_PKEY_get_bits(key) < RSA_BITS_MIN))
		return false;
	recipient = CMS_add1_recipient_cert(cms, cert, CMS_KEY_PARAM);
	ctx = recipient ? CMS_RecipientInfo_get0_pkey_ctx(recipient) : NULL;
	if (!ctx)
		return false;
	if (!rsa)
		return EVP_PKEY_CTX_set_ecdh_kdf_md(ctx, EVP_sha256()) == 1;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1;
}

int crypto_cms_encrypt(const char *const *certs, size_t n, const struct secret *plain,
		       struct blob *ret, size_t *ret_bad)
{
	const unsigned int flags = CMS_BINARY | CMS_PARTIAL;
	_cleanup_with_(CMS_ContentInfo_free) CMS_ContentInfo *cms =
		CMS_encrypt(NULL, NULL, EVP_aes_256_gcm(), flags);
	_cleanup_with_(BIO_free_all) BIO *in = BIO_new_mem_buf(plain->data, (int)plain->size);
	uint8_t *der = NULL;
	int size, r;

	if (!cms || !in)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (!add_recipient(cms, certs[i])) {
			*ret_bad = i;
			return -EBADMSG;
		}
	if (CMS_final(cms, in, NULL, flags) != 1)
		return -EIO;
	size = i2d_CMS_ContentInfo(cms, &der);
	if (size <= 0)
		return -ENOMEM;
	r = blob_set(ret, der, (size_t)size);
	OPENSSL_free(der);
	return r;
}

int crypto_cms_decrypt(const struct secret *key, const char *cert, const struct blob *message,
		       struct secret **ret)
{
	_cleanup_with_(BIO_free_all) BIO *key_bio = BIO_new_mem_buf(key->data, (int)key->size);
	_cleanup_with_(BIO_free_all) BIO *out = BIO_new(BIO_s_secmem());
	_cleanup_with_(EVP_PKEY_free) EVP_PKEY *private =
		key_bio ? PEM_read_bio_PrivateKey(key_bio, NULL, NULL, NULL) : NULL;
	_cleanup_with_(X509_free) X509 *public = cert_of(cert);
	_cleanup_with_(CMS_ContentInfo_free) CMS_ContentInfo *cms = NULL;
	const unsigned char *der = message->data;

	if (!out)
		return -ENOMEM;
	if (!private || !public)
		return -EINVAL;
	cms = d2i_CMS_ContentInfo(NULL, &der, (long)message->size);
	if (!cms || OBJ_obj2nid(CMS_get0_type(cms)) != NID_id_smime_ct_authEnvelopedData)
		return -EBADMSG;
	if (CMS_decrypt(cms, private, public, NULL, out, CMS_BINARY) != 1)
		return -EKEYREJECTED;
	*ret = BIO_pending(out) ? crypto_take_secret(out) : secret_new(0);
	return *ret ? 0 : -ENOMEM;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * X.509 certificates (RFC 5280) of people who approve, CMS signed data (RFC 5652) by them and
 * by this machine, and CMS data encrypted to certificates. What is signed is inside the message, so
 * that one file is the whole statement. 0 or -errno, no messages; -EBADMSG: not what it should be.
 */
#ifndef FVE_CRYPTO_CMS_H
#define FVE_CRYPTO_CMS_H

#include "crypto/crypto.h"

/* One certificate in PEM, valid now: its subject (RFC 2253), and SHA-256 of its DER. -ESTALE: not
 * valid now. */
int crypto_cert_read(const char *pem, char **ret_subject, uint8_t ret_digest[SHA256_SIZE]);

/* Whether two certificates in PEM are for the same key. No certificate has none. */
bool crypto_cert_same_key(const char *pem, const char *other);

/* A new P-256 key with a certificate that it signs itself for @subject, for 20 years; PEM both. */
int crypto_cert_make(const char *subject, struct secret **ret_key, char **ret_cert);

/* @data signed by @key of @cert; PEM. */
int crypto_cms_sign(const struct secret *key, const char *cert, const void *data, size_t size,
		    char **ret);

/*
 * The content of @text, PEM or DER, that has exactly one signer, who is the one of the @n
 * certificates @certs (PEM) that @ret_signer says. No chain is built: a certificate is trusted for
 * having been registered. -EKEYREJECTED: signed by nobody of these, or not valid.
 */
int crypto_cms_verify(const struct blob *text, const char *const *certs, size_t n,
		      struct blob *ret_content, size_t *ret_signer);

/*
 * @plain as AuthEnvelopedData (RFC 5083) by AES-256-GCM, in DER, that the key of each of the @n
 * certificates opens: RSA by OAEP with SHA-256, EC by ECDH with SHA-256. -EBADMSG: @ret_bad says
 * which of them is no certificate, or of another kind of key, or of RSA below 2048 bits.
 */
int crypto_cms_encrypt(const char *const *certs, size_t n, const struct secret *plain,
		       struct blob *ret, size_t *ret_bad);

/*
 * Open it with @key of the recipient @cert. -EBADMSG: the message is not such data;
 * -EKEYREJECTED: it is not for this certificate and key, or was changed; -EINVAL: these are none.
 */
int crypto_cms_decrypt(const struct secret *key, const char *cert, const struct blob *message,
		       struct secret **ret);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * X.509 certificates (RFC 5280) of people who approve, CMS signed data (RFC 5652) by them and by
 * this machine, and CMS data encrypted to certificates. A signed message contains what is signed,
 * so that one file is the whole statement.
 *
 * Functions return 0 or -errno without a message. -EBADMSG: the input is malformed, or not of the
 * kind that the function takes. Certificates and keys are text in PEM.
 */
#pragma once

#include "crypto/crypto.h"

/*
 * Read a certificate: its subject in the form of RFC 2253, owned by the caller, and SHA-256 of its
 * DER. -ESTALE: it is not valid now.
 */
int crypto_cert_read(const char *pem, char **ret_subject, uint8_t ret_digest[SHA256_SIZE]);

/* Return whether two certificates are for the same key; false where one is no certificate. */
bool crypto_cert_same_key(const char *pem, const char *other);

/* Make a P-256 key and a certificate for @subject, signed by that key and valid for 20 years. */
int crypto_cert_make(const char *subject, struct secret **ret_key, char **ret_cert);

/* Sign @data with @key, whose certificate is @cert. @ret is a PEM message, owned by the caller. */
int crypto_cms_sign(const struct secret *key, const char *cert, const void *data, size_t size,
		    char **ret);

/*
 * Verify @text, a message in PEM or DER with exactly one signer, and give its content. The signer
 * must have one of the @n certificates @certs; @ret_signer is its index. No chain is built: a
 * certificate is trusted because it was registered. -EKEYREJECTED: the signature is by another, or
 * not valid.
 */
int crypto_cms_verify(const struct blob *text, const char *const *certs, size_t n,
		      struct blob *ret_content, size_t *ret_signer);

/*
 * Encrypt @plain with AES-256-GCM to AuthEnvelopedData (RFC 5083) in DER, which the key of each of
 * the @n certificates opens: an RSA key by OAEP with SHA-256, an EC key by ECDH with SHA-256.
 * -EBADMSG: certificate number @ret_bad is malformed, has another kind of key, or has an RSA key
 * below 2048 bits.
 */
int crypto_cms_encrypt(const char *const *certs, size_t n, const struct secret *plain,
		       struct blob *ret, size_t *ret_bad);

/*
 * Decrypt @message with @key of the recipient @cert. -EBADMSG: the message is not
 * AuthEnvelopedData; -EKEYREJECTED: it is not for this certificate and key, or was changed;
 * -EINVAL: @key or @cert is malformed.
 */
int crypto_cms_decrypt(const struct secret *key, const char *cert, const struct blob *message,
		       struct secret **ret);

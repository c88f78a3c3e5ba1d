/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * OpenSSL's headers, cleanup attributes for its types, and helpers of the files that call it. This
 * header is the only file of userspace that includes OpenSSL. Only the files of this folder and the
 * TLS of a provider include it.
 */
#pragma once

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <openssl/cms.h> /* after pem.h, or else it does not declare its PEM functions */

#include "crypto/crypto.h"

DEFINE_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free)
DEFINE_CLEANUP(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)
DEFINE_CLEANUP(EVP_PKEY, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
DEFINE_CLEANUP(EVP_KDF, EVP_KDF_free)
DEFINE_CLEANUP(EVP_KDF_CTX, EVP_KDF_CTX_free)
DEFINE_CLEANUP(ECDSA_SIG, ECDSA_SIG_free)
DEFINE_CLEANUP(EC_GROUP, EC_GROUP_free)
DEFINE_CLEANUP(EC_POINT, EC_POINT_clear_free)
DEFINE_CLEANUP(BIGNUM, BN_clear_free)
DEFINE_CLEANUP(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
DEFINE_CLEANUP(OSSL_PARAM, OSSL_PARAM_free)
DEFINE_CLEANUP(BIO, BIO_free_all)

/* Choose RSAES-OAEP with SHA-256 for both hashes. False: OpenSSL refuses. */
bool crypto_set_oaep(EVP_PKEY_CTX *ctx);

/* Move the content of @bio, a memory BIO, into a new secret and wipe it there. NULL: it is empty,
 * or out of memory. */
struct secret *crypto_take_secret(BIO *bio);

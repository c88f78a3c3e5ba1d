// SPDX-License-Identifier: LGPL-2.1-or-later
/* The McCallum-Relyea exchange and ES512, with libcrypto. */
#include <errno.h>

#include "crypto/ecmr.h"
#include "crypto/private.h"

/* One computation. The curve's cofactor is 1: each point on it but infinity is in the group. */
struct curve {
	EC_GROUP *group;
	BN_CTX *ctx;
};

static void curve_close(struct curve *curve)
{
	EC_GROUP_free(curve->group);
	BN_CTX_free(curve->ctx);
}
#define _cleanup_curve_ __attribute__((cleanup(curve_close)))

static bool curve_open(struct curve *curve)
{
	curve->group = EC_GROUP_new_by_curve_name(NID_secp521r1);
	curve->ctx = BN_CTX_secure_new();
	return curve->group && curve->ctx;
}

/* The owned point of @point. NULL: it is not on the curve, or out of memory. */
static EC_POINT *import(const struct curve *curve, const struct ecmr_point *point)
{
	EC_POINT *ret = EC_POINT_new(curve->group);

	if (ret &&
	    EC_POINT_oct2point(curve->group, ret, point->bytes, ECMR_POINT_SIZE, curve->ctx) == 1)
		return ret;
	EC_POINT_free(ret);
	return NULL;
}

static bool export(const struct curve *curve, const EC_POINT *point, struct ecmr_point *ret)
{
	return EC_POINT_point2oct(curve->group, point, POINT_CONVERSION_UNCOMPRESSED, ret->bytes,
				  ECMR_POINT_SIZE, curve->ctx) == ECMR_POINT_SIZE;
}

/* The x coordinate of @point, which is a secret. */
static int share(const struct curve *curve, const EC_POINT *point, struct secret **ret)
{
	_cleanup_secret_ struct secret *bytes = secret_new(ECMR_POINT_SIZE);

	if (!bytes)
		return -ENOMEM;
	/* Infinity has an encoding of one byte. */
	if (EC_POINT_point2oct(curve->group, point, POINT_CONVERSION_UNCOMPRESSED, bytes->data,
			       ECMR_POINT_SIZE, curve->ctx) != ECMR_POINT_SIZE)
		return -EBADMSG;
	*ret = secret_copy(bytes->data + 1, ECMR_COORDINATE_SIZE);
	return *ret ? 0 : -ENOMEM;
}

/* A new scalar from 1 up to the order. NULL: out of memory. */
static BIGNUM *new_scalar(const struct curve *curve)
{
	BIGNUM *ret = BN_secure_new();

	if (!ret)
		return NULL;
	do {
		if (BN_priv_rand_range(ret, EC_GROUP_get0_order(curve->group)) != 1) {
			BN_clear_free(ret);
			return NULL;
		}
	} while (BN_is_zero(ret));
	BN_set_flags(ret, BN_FLG_CONSTTIME);
	return ret;
}

int ecmr_check(const struct ecmr_point *point)
{
	_cleanup_curve_ struct curve curve = {0};
	_cleanup_with_(EC_POINT_clear_free) EC_POINT *at = NULL;

	if (!curve_open(&curve))
		return -ENOMEM;
	at = import(&curve, point);
	return at ? 0 : -EBADMSG;
}

int ecmr_exchange(const struct ecmr_point *server, struct ecmr_point *ret_ours,
		  struct secret **ret_shared)
{
	_cleanup_curve_ struct curve curve = {0};
	_cleanup_with_(EC_POINT_clear_free) EC_POINT *theirs = NULL, *point = NULL;
	_cleanup_with_(BN_clear_free) BIGNUM *scalar = NULL;

	if (!curve_open(&curve))
		return -ENOMEM;
	theirs = import(&curve, server);
	if (!theirs)
		return -EBADMSG;
	point = EC_POINT_new(curve.group);
	scalar = new_scalar(&curve);
	if (!point || !scalar ||
	    EC_POINT_mul(curve.group, point, scalar, NULL, NULL, curve.ctx) != 1 ||
	    !export(&curve, point, ret_ours) ||
	    EC_POINT_mul(curve.group, point, NULL, theirs, scalar, curve.ctx) != 1)
		return -EIO;
	return share(&curve, point, ret_shared);
}

int ecmr_blind(const struct ecmr_point *ours, struct ecmr_point *ret_hidden,
	       struct secret **ret_blind)
{
	_cleanup_curve_ struct curve curve = {0};
	_cleanup_with_(EC_POINT_clear_free) EC_POINT *point = NULL, *sum = NULL;
	_cleanup_with_(BN_clear_free) BIGNUM *scalar = NULL;
	_cleanup_secret_ struct secret *blind = secret_new(ECMR_COORDINATE_SIZE);

	if (!blind || !curve_open(&curve))
		return -ENOMEM;
	point = import(&curve, ours);
	if (!point)
		return -EBADMSG;
	sum = EC_POINT_new(curve.group);
	scalar = new_scalar(&curve);
	if (!sum || !scalar || EC_POINT_mul(curve.group, sum, scalar, NULL, NULL, curve.ctx) != 1 ||
	    EC_POINT_add(curve.group, sum, sum, point, curve.ctx) != 1 ||
	    !export(&curve, sum, ret_hidden) ||
	    BN_bn2binpad(scalar, blind->data, ECMR_COORDINATE_SIZE) != ECMR_COORDINATE_SIZE)
		return -EIO;
	*ret_blind = steal(blind);
	return 0;
}

int ecmr_recover(const struct ecmr_point *server, const struct secret *blind,
		 const struct ecmr_point *answer, struct secret **ret_shared)
{
	_cleanup_curve_ struct curve curve = {0};
	_cleanup_with_(EC_POINT_clear_free) EC_POINT *theirs = NULL, *point = NULL, *mask = NULL;
	_cleanup_with_(BN_clear_free) BIGNUM *scalar = BN_secure_new();

	if (!scalar || !curve_open(&curve))
		return -ENOMEM;
	theirs = import(&curve, server);
	point = import(&curve, answer);
	if (!theirs || !point)
		return -EBADMSG;
	mask = EC_POINT_new(curve.group);
	BN_set_flags(scalar, BN_FLG_CONSTTIME);
	if (!mask || !BN_bin2bn(blind->data, (int)blind->size, scalar) ||
	    EC_POINT_mul(curve.group, mask, NULL, theirs, scalar, curve.ctx) != 1 ||
	    EC_POINT_invert(curve.group, mask, curve.ctx) != 1 ||
	    EC_POINT_add(curve.group, point, point, mask, curve.ctx) != 1)
		return -EIO;
	return share(&curve, point, ret_shared);
}

/* The owned public key for verifying. NULL: @point is none, or out of memory. */
static EVP_PKEY *import_key(const struct ecmr_point *point)
{
	_cleanup_with_(EVP_PKEY_CTX_free) EVP_PKEY_CTX *ctx =
		EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)"P-521", 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)point->bytes,
						  ECMR_POINT_SIZE),
		OSSL_PARAM_construct_end(),
	};

	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return key;
}

int ecmr_verify(const struct ecmr_point *signer, const void *data, size_t size,
		const uint8_t signature[ECMR_SIGNATURE_SIZE])
{
	_cleanup_with_(EVP_PKEY_free) EVP_PKEY *key = import_key(signer);
	_cleanup_with_(EVP_MD_CTX_free) EVP_MD_CTX *md = EVP_MD_CTX_new();
	_cleanup_with_(ECDSA_SIG_free) ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature, ECMR_COORDINATE_SIZE, NULL);
	BIGNUM *s = BN_bin2bn(signature + ECMR_COORDINATE_SIZE, ECMR_COORDINATE_SIZE, NULL);
	uint8_t *der = NULL;
	int length, valid;

	if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return -ENOMEM;
	}
	length = i2d_ECDSA_SIG(sig, &der);
	valid = key && md && length > 0 &&
		EVP_DigestVerifyInit(md, NULL, EVP_sha512(), NULL, key) == 1 &&
		EVP_DigestVerify(md, der, (size_t)length, data, size) == 1;
	OPENSSL_free(der);
	return valid ? 0 : -EBADMSG;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The part of a PIN or a startup key in the key hierarchy. */
#include <errno.h>
#include <string.h>

#include "crypto/crypto.h"
#include "keys/second_factor.h"

#define INFO_KEK  "fve tpm2 kek"
#define INFO_HALF "fve startup key half"
#define INFO_AUTH "fve startup key auth"
#define INFO_NET  "fve network half"

void second_factor_free(struct second_factor *factor)
{
	secret_free(factor->auth);
	secret_free(factor->half);
	*factor = (struct second_factor){0};
}

int second_factor_from_pin(const struct kdf_argon2id *kdf, const struct secret *pin,
			   struct second_factor *ret)
{
	_cleanup_second_factor_ struct second_factor factor = {0};
	_cleanup_secret_ struct secret *both = NULL;
	int r = kdf_stretch(kdf, pin, FACTOR_HALF_SIZE + FACTOR_AUTH_SIZE, &both);

	if (r < 0)
		return r;
	factor.half = secret_copy(both->data, FACTOR_HALF_SIZE);
	factor.auth = secret_copy(both->data + FACTOR_HALF_SIZE, FACTOR_AUTH_SIZE);
	if (!factor.half || !factor.auth)
		return -ENOMEM;
	*ret = steal_struct(factor);
	return 0;
}

int second_factor_from_key(const struct secret *key, struct second_factor *ret)
{
	_cleanup_second_factor_ struct second_factor factor = {0};
	int r = crypto_derive(key, INFO_HALF, &factor.half);

	if (r < 0)
		return r;
	r = crypto_derive(key, INFO_AUTH, &factor.auth);
	if (r < 0)
		return r;
	*ret = steal_struct(factor);
	return 0;
}

int second_factor_from_network(const struct secret *key, struct second_factor *ret)
{
	*ret = (struct second_factor){0};
	return crypto_derive(key, INFO_NET, &ret->half);
}

int second_factor_kek(const struct second_factor *factor, const struct secret *unsealed,
		      struct secret **ret_kek)
{
	_cleanup_secret_ struct secret *joined = secret_new(unsealed->size + factor->half->size);

	if (!joined)
		return -ENOMEM;
	memcpy(joined->data, unsealed->data, unsealed->size);
	memcpy(joined->data + unsealed->size, factor->half->data, factor->half->size);
	return crypto_derive(joined, INFO_KEK, ret_kek);
}

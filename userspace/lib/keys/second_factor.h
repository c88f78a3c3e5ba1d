/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What somebody must bring besides the TPM. It is split in two: @auth goes into the TPM as the
 * sealed object's authValue, so that the TPM counts wrong tries; @half stays outside and goes
 * into the KEK, so that a TPM that gives up its contents does not give up the volume. Neither
 * half can be computed from the other, and nothing on disk depends on them alone: only the TPM
 * tells right from wrong.
 */
#pragma once

#include "crypto/kdf.h"

#define FACTOR_AUTH_SIZE 32 /* bytes; the digest of nameAlg is the longest authValue */
#define FACTOR_HALF_SIZE 32

struct second_factor {
	struct secret *auth;
	struct secret *half;
};

void second_factor_free(struct second_factor *factor);
#define _cleanup_second_factor_ __attribute__((cleanup(second_factor_free)))

/* Argon2id of a PIN: its first half is @half, its second @auth. */
int second_factor_from_pin(const struct kdf_argon2id *kdf, const struct secret *pin,
			   struct second_factor *ret);

/* Both halves of a startup key, by HKDF: it is random and needs no stretching. */
int second_factor_from_key(const struct secret *key, struct second_factor *ret);

/*
 * Of what servers in the network give: a half alone. The TPM releases its part without it, so that
 * the TPM need not wait for the network.
 */
int second_factor_from_network(const struct secret *key, struct second_factor *ret);

/* The KEK: HKDF over what the TPM released, then @half. */
int second_factor_kek(const struct second_factor *factor, const struct secret *unsealed,
		      struct secret **ret_kek);

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The McCallum-Relyea exchange over P-521, by which a server helps to recover a key and learns
 * neither the key nor which one it is, and the signatures (ES512, RFC 7518, 3.4) on the server's
 * keys. Every point that comes in may be an attacker's, and is checked to be on the curve.
 *
 * Functions return 0 or -errno without a message. -EBADMSG: a point is none.
 */
#pragma once

#include "base/secret.h"

#define ECMR_COORDINATE_SIZE 66 /* bytes, big-endian; 521 bits */
#define ECMR_POINT_SIZE	     (1 + 2 * ECMR_COORDINATE_SIZE)
#define ECMR_SIGNATURE_SIZE  (2 * ECMR_COORDINATE_SIZE)

/* A point, uncompressed (SEC 1, 2.3.3): 4, x, y. */
struct ecmr_point {
	uint8_t bytes[ECMR_POINT_SIZE];
};

/* Check that @point is on the curve. */
int ecmr_check(const struct ecmr_point *point);

/* Make a new point of ours and the secret that we share with @server by it. */
int ecmr_exchange(const struct ecmr_point *server, struct ecmr_point *ret_ours,
		  struct secret **ret_shared);

/* Hide @ours from the server that is to be asked, by a new secret @ret_blind. */
int ecmr_blind(const struct ecmr_point *ours, struct ecmr_point *ret_hidden,
	       struct secret **ret_blind);

/* Find the shared secret from what @server answered to the hidden point. */
int ecmr_recover(const struct ecmr_point *server, const struct secret *blind,
		 const struct ecmr_point *answer, struct secret **ret_shared);

/* Verify an ES512 signature over @data. -EBADMSG: it is not valid. */
int ecmr_verify(const struct ecmr_point *signer, const void *data, size_t size,
		const uint8_t signature[ECMR_SIGNATURE_SIZE]);

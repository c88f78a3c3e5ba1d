/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Escrow packets: a recovery password on its way to the organisation, encrypted to its
 * certificates; and the acknowledgement that comes back, signed by the key of one of them
 * (docs/escrow.md).
 */
#ifndef FVE_ESCROW_H
#define FVE_ESCROW_H

#include "crypto/crypto.h"
#include "keys/token.h"

#define ESCROW_HOST_MAX	 64
#define ESCROW_CERTS_MAX 4
#define ESCROW_FILE_MAX	 65536 /* bytes of a packet, an acknowledgement, a certificate or a key */

/* What a packet says beside the password. */
struct escrow_packet {
	char host[ESCROW_HOST_MAX + 1]; /* its node name */
	char volume[UUID_LENGTH + 1];
	char protector[TOKEN_ID_LENGTH + 1];
	char created[TIME_LENGTH + 1];
};

/* For @password of @protector of @volume, made now on this host, and encrypted to @certs. */
int escrow_seal(const char *const certs[], size_t n, const char *volume, const char *protector,
		const struct secret *password, struct blob *ret);
int escrow_open(const char *cert, const char *key, const struct blob *packet,
		struct escrow_packet *ret, struct secret **ret_password);

/* The text of a packet, and back; for escrow.c and tests. -EBADMSG. */
int escrow_parse(const struct secret *text, struct escrow_packet *ret,
		 struct secret **ret_password);

/* Say by a signature that this very @packet is kept. The caller has opened it. */
int escrow_ack(const char *cert, const char *key, const struct blob *packet, struct blob *ret);
/* Whether @ack says so of @packet, by the key of one of @certs. -EBADMSG, without a message. */
int escrow_check_ack(const char *const certs[], size_t n, const struct blob *packet,
		     const struct blob *ack);

#endif

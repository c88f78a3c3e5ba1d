/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Escrow packets and their acknowledgements (docs/escrow.md). A packet carries a recovery password
 * to the organisation, encrypted to its certificates. The acknowledgement that comes back is signed
 * with the key of one of them.
 *
 * @certs, @cert and @key are paths of PEM files. Functions return 0 or -errno, and print the
 * message unless they say otherwise.
 */
#pragma once

#include "crypto/crypto.h"
#include "keys/token.h"

#define ESCROW_HOST_MAX	 64    /* characters, HOST_NAME_MAX of Linux */
#define ESCROW_CERTS_MAX 4     /* to which one packet is encrypted */
#define ESCROW_FILE_MAX	 65536 /* bytes of a packet, acknowledgement, certificate or key */

/* The contents of a packet beside the password. */
struct escrow_packet {
	char host[ESCROW_HOST_MAX + 1]; /* node name of the machine that made it */
	char volume[UUID_LENGTH + 1];
	char protector[TOKEN_ID_LENGTH + 1];
	char created[TIME_LENGTH + 1];
};

/*
 * Make a packet with the recovery password @password of @protector (its id) of @volume (its UUID),
 * and encrypt it to the @n certificates @certs. -EINVAL: nothing can be encrypted to one of them.
 */
int escrow_seal(const char *const certs[], size_t n, const char *volume, const char *protector,
		const struct secret *password, struct blob *ret);
/*
 * Encrypt @key, an availability key, to the first of the @n certificates @certs, that packet to the
 * second, and so on: all of them have to decrypt, the last one first. -EINVAL as above.
 */
int escrow_seal_key(const char *const certs[], size_t n, const struct secret *key,
		    struct blob *ret);
/* Decrypt a packet with @key of @cert. -EKEYREJECTED: it is for others, or changed; -EBADMSG. */
int escrow_open(const char *cert, const char *key, const struct blob *packet,
		struct escrow_packet *ret, struct secret **ret_password);

/* Parse the decrypted text of a packet; for escrow.c and tests. -EBADMSG without a message. */
int escrow_parse(const struct secret *text, struct escrow_packet *ret,
		 struct secret **ret_password);

/* Sign with @key of @cert that this very @packet is kept. The caller has opened it before. */
int escrow_ack(const char *cert, const char *key, const struct blob *packet, struct blob *ret);
/* Check that @ack acknowledges @packet, and was signed with the key of one of @certs. -EBADMSG
 * without a message: it does not, or was not. */
int escrow_check_ack(const char *const certs[], size_t n, const struct blob *packet,
		     const struct blob *ack);

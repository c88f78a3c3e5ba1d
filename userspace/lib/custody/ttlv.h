/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * KMIP messages (OASIS KMIP 1.4), as far as the provider needs them: requests to describe one
 * symmetric key and to encrypt and decrypt with it by AES-GCM, and their responses. They are
 * encoded and decoded in memory only. Messages may hold keys, so each is a struct secret.
 *
 * TTLV is KMIP's encoding: each item has a tag, a type, a length and a value.
 */
#pragma once

#include "base/secret.h"
#include "base/util.h"

#define KMIP_HEADER_SIZE 8     /* bytes of an item's tag, type and length */
#define KMIP_MESSAGE_MAX 16384 /* bytes */
#define KMIP_UID_MAX	 128   /* characters of a Unique Identifier */
#define KMIP_IV_SIZE	 12    /* bytes; NIST SP 800-38D, 8.2 */
#define KMIP_TAG_SIZE	 16    /* bytes */

/* KMIP 1.4, table "Operation". */
enum kmip_operation {
	KMIP_GET_ATTRIBUTES = 0x0b,
	KMIP_ENCRYPT = 0x1f,
	KMIP_DECRYPT = 0x20,
};

/* KMIP 1.4, table "Result Reason". */
enum kmip_reason {
	KMIP_ITEM_NOT_FOUND = 0x01,
	KMIP_AUTHENTICATION_NOT_SUCCESSFUL = 0x03,
	KMIP_INVALID_MESSAGE = 0x04,
	KMIP_OPERATION_NOT_SUPPORTED = 0x05,
	KMIP_MISSING_DATA = 0x06,
	KMIP_INVALID_FIELD = 0x07,
	KMIP_FEATURE_NOT_SUPPORTED = 0x08,
	KMIP_CRYPTOGRAPHIC_FAILURE = 0x0a,
	KMIP_PERMISSION_DENIED = 0x0c,
	KMIP_OBJECT_ARCHIVED = 0x0d,
};

/* KMIP 1.4, table "State". */
enum kmip_state {
	KMIP_STATE_UNKNOWN,
	KMIP_PRE_ACTIVE,
	KMIP_ACTIVE,
	KMIP_DEACTIVATED,
	KMIP_COMPROMISED,
	KMIP_DESTROYED,
	KMIP_DESTROYED_COMPROMISED,
};

#define KMIP_AES 0x03 /* KMIP 1.4, table "Cryptographic Algorithm" */

/* A piece of a message; borrowed. */
struct kmip_bytes {
	const uint8_t *data;
	size_t size;
};

/* A request; everything is borrowed. */
struct kmip_request {
	enum kmip_operation operation;
	const char *uid;	/* of the key */
	struct kmip_bytes data; /* encrypt: the plain key; decrypt: the ciphertext */
	struct kmip_bytes iv, tag;
};

/* The contents of a response. Pieces are borrowed from the message, and empty where it has none. */
struct kmip_response {
	bool success;
	uint32_t reason;	   /* enum kmip_reason or another; 0: none given */
	struct kmip_bytes message; /* text for people; it may hold any bytes */
	struct kmip_bytes data, iv, tag;
	uint32_t state;	    /* enum kmip_state or another */
	uint32_t algorithm; /* KMIP_AES or another */
	uint32_t bits;
	bool sensitive;	    /* it cannot be read in clear */
	bool unextractable; /* it cannot be read at all */
};

/* NULL on out of memory, or where something is too long. */
struct secret *ttlv_encode(const struct kmip_request *request);

/* The whole size of the message whose first KMIP_HEADER_SIZE bytes these are; -EBADMSG. */
int ttlv_size(const uint8_t header[KMIP_HEADER_SIZE], size_t *ret);

/* -EBADMSG where @message is not one response to one @operation. Allocates nothing. */
int ttlv_decode(enum kmip_operation operation, const uint8_t *message, size_t size,
		struct kmip_response *ret);

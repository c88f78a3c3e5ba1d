/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * KMIP messages as far as the provider needs them (OASIS KMIP 1.4): requests to look at one
 * symmetric key and to encrypt and decrypt with it by AES-GCM, and their responses. All in memory;
 * messages may hold keys, hence the secrets.
 */
#ifndef FVE_TTLV_H
#define FVE_TTLV_H

#include "base/secret.h"
#include "base/util.h"

#define KMIP_HEADER_SIZE 8 /* bytes of an item's tag, type and length */
#define KMIP_MESSAGE_MAX 16384
#define KMIP_UID_MAX	 128
#define KMIP_IV_SIZE	 12 /* SP 800-38D, 8.2 */
#define KMIP_TAG_SIZE	 16

enum kmip_operation {
	KMIP_GET_ATTRIBUTES = 0x0b,
	KMIP_ENCRYPT = 0x1f,
	KMIP_DECRYPT = 0x20,
};

/* Table "Result Reason". */
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

/* Table "State". */
enum kmip_state {
	KMIP_STATE_UNKNOWN,
	KMIP_PRE_ACTIVE,
	KMIP_ACTIVE,
	KMIP_DEACTIVATED,
	KMIP_COMPROMISED,
	KMIP_DESTROYED,
	KMIP_DESTROYED_COMPROMISED,
};

#define KMIP_AES 0x03 /* table "Cryptographic Algorithm" */

/* A piece of a message. */
struct kmip_bytes {
	const uint8_t *data;
	size_t size;
};

struct kmip_request {
	enum kmip_operation operation;
	const char *uid;	/* of the key */
	struct kmip_bytes data; /* encrypt: the plain key; decrypt: the ciphertext */
	struct kmip_bytes iv, tag;
};

/* What a response says; pieces are borrowed from it, and empty where it has none. */
struct kmip_response {
	bool success;
	uint32_t reason;	   /* enum kmip_reason or another; 0: none given */
	struct kmip_bytes message; /* text for people, from whom nothing is known */
	struct kmip_bytes data, iv, tag;
	uint32_t state;	    /* enum kmip_state or another */
	uint32_t algorithm; /* KMIP_AES or another */
	uint32_t bits;
	bool sensitive;	    /* cannot be had in clear */
	bool unextractable; /* cannot be had at all */
};

/* NULL on out of memory, or where something is too long. */
struct secret *ttlv_encode(const struct kmip_request *request);

/* The whole size of the message whose first KMIP_HEADER_SIZE bytes these are; -EBADMSG. */
int ttlv_size(const uint8_t header[KMIP_HEADER_SIZE], size_t *ret);

/* -EBADMSG where @message is not one response to one @operation. Allocates nothing. */
int ttlv_decode(enum kmip_operation operation, const uint8_t *message, size_t size,
		struct kmip_response *ret);

#endif

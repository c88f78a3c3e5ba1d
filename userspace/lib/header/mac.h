/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Authenticity of the header. LUKS2's own checksum finds accidents only; the token "fve-mac" holds
 * HMACs under a key derived from the FVEK over a canonical form of what the volume's safety rests
 * on (docs/on-disk.md "Authenticity"). Written by change.c alone.
 */
#ifndef FVE_HEADER_MAC_H
#define FVE_HEADER_MAC_H

#include "crypto/crypto.h"
#include "header/header.h"

#define TOKEN_TYPE_MAC	"fve-mac"
#define HEADER_MACS_MAX 128 /* states of one change */

struct json_object; /* json-c's */

#define MAC_PART_NAME 16 /* "keyslot 31" and its NUL */
#define MAC_PART_SIZE 8	 /* bytes: it only helps a person to look in the right place */

struct mac_part {
	char name[MAC_PART_NAME]; /* "config", "digests", "segments", "keyslot N", "token N" */
	uint8_t mac[MAC_PART_SIZE];
};

/* "fve-mac". */
struct token_mac {
	uint32_t seq; /* of changes: part of what is authenticated */
	/* HMAC of each state that a change under way passes through; one when it is done. */
	uint8_t (*macs)[SHA256_SIZE]; /* owned */
	size_t n_macs;
	/* When it is done: what each part of the header was, to tell afterwards which changed. */
	struct mac_part *parts; /* owned, in the order of their names */
	size_t n_parts;
};

int token_mac_parse(const char *json, struct token_mac *ret);
/* Owned by the caller; NULL on out of memory. */
char *token_mac_format(const struct token_mac *token);
void token_mac_free(struct token_mac *token);

#define _cleanup_token_mac_ __attribute__((cleanup(token_mac_free)))

/* The token and its number. -ENOENT: none; -EBADMSG: damaged. No message. */
int header_mac_load(const struct header *header, struct token_mac *ret, int *ret_token);

/* The key of the MAC. */
int header_mac_key(const struct secret *fvek, struct secret **ret);
/*
 * The JSON of @header, parsed, and the key of its MAC; the caller frees both, after a failure too.
 * -EBADMSG: it is no JSON. No message.
 */
int header_mac_open(const struct header *header, const struct secret *fvek,
		    struct json_object **ret_root, struct secret **ret_key);
/* MAC of the header of volume @uuid whose JSON is @root, under sequence number @seq. */
int header_mac_compute(const char *uuid, struct json_object *root, uint32_t seq,
		       const struct secret *key, uint8_t ret[SHA256_SIZE]);

/* The parts of the same; owned by the caller. */
int header_mac_parts(const char *uuid, struct json_object *root, const struct secret *key,
		     struct mac_part **ret, size_t *ret_n);

/* How a header stands to its MAC. */
enum header_mac {
	HEADER_MAC_VALID,
	HEADER_MAC_INTERRUPTED, /* valid: a state of a change that was cut short */
	HEADER_MAC_MISSING,
	HEADER_MAC_MISMATCH,
};

/* "valid", "interrupted", "missing", "mismatch": stable, docs/json.md. */
const char *header_mac_name(enum header_mac state);

/* Compare; -errno only where that was not possible. No message. */
int header_mac_check(const struct header *header, const struct secret *fvek, enum header_mac *ret);

/* A part that is not as the last change left it. */
struct header_difference {
	char name[MAC_PART_NAME];
	const char *what; /* "changed", "added", "removed" */
};

/*
 * All of them; the caller frees. None and -ENODATA: fve-mac does not tell, since it is missing,
 * damaged, or of an interrupted change. No message.
 */
int header_mac_differences(const struct header *header, const struct secret *fvek,
			   struct header_difference **ret, size_t *ret_n);

static inline bool header_mac_good(enum header_mac state)
{
	return state == HEADER_MAC_VALID || state == HEADER_MAC_INTERRUPTED;
}

#endif

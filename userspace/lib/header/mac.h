/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Authenticity of the header. LUKS2's own checksum finds accidents only, so the token "fve-mac"
 * holds HMACs, under a key that is derived from the FVEK, over the canonical form of the header
 * (canonical.h; docs/on-disk.md, "Authenticity"). Only change.c writes that token.
 *
 * Functions return 0 or -errno without a message.
 */
#pragma once

#include "crypto/crypto.h"
#include "header/header.h"

#define TOKEN_TYPE_MAC	"fve-mac"
#define HEADER_MACS_MAX 128 /* states that one change may pass through */

struct json_object; /* of json-c */

#define MAC_PART_NAME 16 /* bytes for "keyslot 31" and its NUL */
#define MAC_PART_SIZE 8	 /* bytes, enough for a person to find which part was changed */

/* The shortened HMAC of one part of the header. */
struct mac_part {
	char name[MAC_PART_NAME]; /* "config", "digests", "segments", "keyslot N", "token N" */
	uint8_t mac[MAC_PART_SIZE];
};

/* The token "fve-mac". */
struct token_mac {
	uint32_t seq; /* counts changes; it is authenticated with the header */
	/* One HMAC for each state that a change under way passes through; one when it is done. */
	uint8_t (*macs)[SHA256_SIZE]; /* owned */
	size_t n_macs;
	/* The parts after the last change, to tell later which one differs. None during a change.
	 */
	struct mac_part *parts; /* owned, in the order of their names */
	size_t n_parts;
};

/* Parse the token's JSON into @ret, which has to be empty, and is the caller's to free after a
 * failure, too. -EBADMSG: it is damaged; -ENOTSUP: it is of a newer version. */
int token_mac_parse(const char *json, struct token_mac *ret);
/* Return the token's JSON, owned by the caller. NULL: out of memory. */
char *token_mac_format(const struct token_mac *token);
void token_mac_free(struct token_mac *token);

#define _cleanup_token_mac_ __attribute__((cleanup(token_mac_free)))

/* Give the token and its number. -ENOENT: there is none; else as token_mac_parse(). */
int header_mac_load(const struct header *header, struct token_mac *ret, int *ret_token);

/* Derive the key of the MAC from @fvek. */
int header_mac_key(const struct secret *fvek, struct secret **ret);
/*
 * Give the JSON of @header, parsed, and the key of its MAC. The caller releases both, after a
 * failure too. -EBADMSG: it is no JSON.
 */
int header_mac_open(const struct header *header, const struct secret *fvek,
		    struct json_object **ret_root, struct secret **ret_key);
/* Compute the MAC of the header of volume @uuid, whose JSON is @root, with sequence number @seq. */
int header_mac_compute(const char *uuid, struct json_object *root, uint32_t seq,
		       const struct secret *key, uint8_t ret[SHA256_SIZE]);

/* Compute the HMACs of the parts of a header; the caller frees the array. */
int header_mac_parts(const char *uuid, struct json_object *root, const struct secret *key,
		     struct mac_part **ret, size_t *ret_n);

/* The result of comparing a header with its MAC. */
enum header_mac {
	HEADER_MAC_VALID,
	HEADER_MAC_INTERRUPTED, /* valid, in a state of a change that was cut short */
	HEADER_MAC_MISSING,	/* there is no fve-mac */
	HEADER_MAC_MISMATCH,	/* the header was changed without fvesetup, or fve-mac is damaged */
};

/* Return "valid", "interrupted", "missing" or "mismatch", which programs read (docs/json.md). */
const char *header_mac_name(enum header_mac state);

/* Compare @header with its MAC. -errno only where that was not possible. */
int header_mac_check(const struct header *header, const struct secret *fvek, enum header_mac *ret);

/* A part that is not as the last change left it. */
struct header_difference {
	char name[MAC_PART_NAME];
	const char *what; /* "changed", "added", "removed" */
};

/*
 * List the parts that differ; the caller frees the array. -ENODATA: fve-mac cannot tell, since it
 * is missing, damaged, or of an interrupted change.
 */
int header_mac_differences(const struct header *header, const struct secret *fvek,
			   struct header_difference **ret, size_t *ret_n);

/* Return whether the header is authentic. */
static inline bool header_mac_good(enum header_mac state)
{
	return state == HEADER_MAC_VALID || state == HEADER_MAC_INTERRUPTED;
}

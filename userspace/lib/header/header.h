/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The LUKS2 header: keyslots, tokens and the data segment. Nothing here knows of protectors, the
 * VMK or a TPM. Keyslots are in keyslots.c; all else is in header.c. private.h alone includes
 * libcryptsetup.
 *
 * Functions return 0 or -errno; some return the number of a keyslot or token instead of 0. They
 * print the message unless they say otherwise. A header may be used by one thread only, and whoever
 * changes it holds device_lock().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "header/copies.h"
#include "header/vet.h"

#define FVEK_SIZE	    64 /* bytes: the two AES-256 keys of XTS (IEEE 1619) */
#define HEADER_ANY	    -1 /* means any keyslot, or any free token */
#define HEADER_MAX_KEYSLOTS 32 /* LUKS2_KEYSLOTS_MAX of libcryptsetup */
#define HEADER_MAX_TOKENS   32 /* LUKS2_TOKENS_MAX of libcryptsetup */
#define HEADER_LABEL_MAX    47 /* bytes; LUKS2 has 48 with the NUL */
#define HEADER_CIPHER	    "aes-xts-plain64"
#define HEADER_TOKEN_PREFIX "fve-" /* begins the types of our tokens */
#define TOKEN_TYPE_VMK	    "fve-vmk"

struct header; /* an open header */

/* The parameters of a new volume. */
struct header_format {
	const char *label;    /* up to HEADER_LABEL_MAX bytes, or NULL */
	uint32_t sector_size; /* bytes; 0: 4096 where the device's size allows it, else 512 */
};

/* How much a passphrase is stretched; 0 means libcryptsetup's default. */
struct header_pbkdf {
	uint32_t time_ms;
	uint32_t memory_kib;
};

/* Where the data lies, and in which units it is encrypted. */
struct header_segment {
	uint32_t sector_size;	/* bytes */
	uint32_t key_size;	/* bytes; FVEK_SIZE, or 0 where there is no keyslot */
	uint64_t data_offset;	/* 512-byte sectors */
	uint64_t iv_offset;	/* 512-byte sectors */
	uint64_t size;		/* 512-byte sectors that the device holds from data_offset on */
	uint64_t metadata_size; /* bytes of one header copy */
	bool allow_discards;	/* a flag that stock tools keep in the header (--persistent) */
	bool other_flags;	/* there are more of these */
};

/*
 * Write a new header to @path and open it. It has the subsystem "fve", the volume key @fvek and no
 * keyslot. A device or parameters that do not fit are refused before the first byte changes.
 */
int header_format(const char *path, const struct header_format *how, const struct secret *fvek,
		  struct header **ret);

/*
 * Open the header on @path. One of ours that has lost its subsystem is opened with a notice.
 * -ENODEV: it is not LUKS2, damaged beyond repair, not made by fvesetup, or has a cipher or feature
 * that vet.h does not list; -EFBIG: the device ends before the data that the header describes.
 */
int header_load(const char *path, struct header **ret);
/* The same for who goes on without it. No message but for --debug. */
int header_try(const char *path, struct header **ret);
/* Open a LUKS2 header that need not be made by fvesetup. Otherwise as header_load(). */
int header_load_any(const char *path, struct header **ret);
/* Open the backup file of a header. It holds no data, so header_segment() is not filled in. */
int header_load_backup(const char *path, struct header **ret);
/* Close the header and release everything that was borrowed from it; NULL is fine. */
void header_close(struct header *header);

DEFINE_CLEANUP(struct header, header_close)
#define _cleanup_header_ _cleanup_with_(header_close)

/* Borrowed from the header. */
const char *header_path(const struct header *header);
const char *header_uuid(const struct header *header);
const char *header_label(const struct header *header); /* printable; "" where there is none */
const char *header_label_stored(const struct header *header); /* any bytes; "" as above */
/* Return the subsystem, "fve" in a header of ours; "" where there is none. */
const char *header_subsystem(const struct header *header);
enum header_owner {
	HEADER_STOCK,
	HEADER_OURS,
};
/* Set the subsystem to "fve", or remove it, in one atomic write. The label stays. */
int header_claim(struct header *header, enum header_owner owner);
const struct header_segment *header_segment(const struct header *header);

/* Return the state in which the copies were found, before one was repaired from the other. */
const struct header_copies *header_copies(const struct header *header);

/* Write header and keyslots to the new file @file, as `cryptsetup luksHeaderBackup` does. */
int header_backup(struct header *header, const char *file);
/*
 * Write the backup @file over the header of @path, whatever is there. This is not atomic: after a
 * power cut it has to be repeated. It is refused where a header is there that has another data
 * offset, sector size or key size.
 */
int header_restore(const char *path, const char *file);

/*
 * Add a keyslot that holds @fvek and opens with @secret; return its number. Where @pbkdf is NULL,
 * the secret is random and needs no stretching, and gets PBKDF2 with LUKS2's least iterations; else
 * it is stretched by Argon2id. -EBUSY: there is no free keyslot; -EINVAL: vet.h would refuse it.
 */
int header_keyslot_add(struct header *header, const struct secret *fvek,
		       const struct secret *secret, const struct header_pbkdf *pbkdf);
/*
 * Open @slot, or for HEADER_ANY the first that opens, and return its number. -EPERM: the secret is
 * wrong, or the keyslot is unused or of bad health. No message.
 */
int header_keyslot_open(struct header *header, int slot, const struct secret *secret,
			struct secret **ret_fvek);
/* Overwrite the key material of @slot and remove it from both header copies. */
int header_keyslot_remove(struct header *header, int slot);
/* Return whether @slot is in use. */
bool header_keyslot_used(const struct header *header, int slot);
/*
 * Compare the keyslot with the list of vet.h. Returns REASON_NONE where it may be opened; else the
 * reason, and @ret_why is what was found in it.
 */
enum reason header_keyslot_health(const struct header *header, int slot,
				  char ret_why[VET_WHY_SIZE]);
/* Return "argon2id" or "pbkdf2", borrowed. NULL: the keyslot is unused. */
const char *header_keyslot_pbkdf(const struct header *header, int slot);

/* Give type and JSON of @token, borrowed until the next change. -ENOENT without a message: unused.
 */
int header_token_get(const struct header *header, int token, const char **ret_type,
		     const char **ret_json);
/*
 * Walk over the tokens in use, in the order of their numbers:
 *
 *	struct header_token token = HEADER_TOKEN_START;
 *
 *	while (header_token_next(header, "fve-vmk", &token))
 *
 * @type NULL: those of any type. Tokens may be written and removed meanwhile.
 */
struct header_token {
	int number;
	const char *type, *json; /* borrowed until the next change */
};
#define HEADER_TOKEN_START ((struct header_token){.number = -1})
bool header_token_next(const struct header *header, const char *type, struct header_token *token);
/*
 * Say that tokens of @header which every change needs are of a later version of fvesetup, and give
 * -EBADMSG. To take them for damaged would end in their loss.
 */
int header_is_newer(const struct header *header);
/* Return whether its type is one of ours. */
bool header_token_ours(const struct header_token *token);

/*
 * Return whether a token of the VMK names a keyslot. An adoption makes both before it sets the
 * subsystem, and a release removes that keyslot first of all after the subsystem. So a header
 * without a subsystem that has both lacks nothing else: somebody has taken the subsystem away.
 */
bool header_has_vmk(const struct header *header);
/* Return whether @token names @slot in its "keyslots". */
bool header_token_names(const struct header *header, int token, int slot);
/* Write @json as @token, or as a free one for HEADER_ANY, in one atomic write; return its number.
 */
int header_token_set(struct header *header, int token, const char *json);
/* Remove @token in one atomic write. */
int header_token_remove(struct header *header, int token);

/* Give the JSON of the whole header, borrowed until the next change. No message. */
int header_json(const struct header *header, const char **ret);

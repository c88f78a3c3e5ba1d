/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The LUKS2 header: keyslots, tokens, the data segment. header.c is the only file that
 * includes libcryptsetup. Knows no protector, VMK or TPM.
 *
 * Functions give 0 (or a slot or token number) or -errno. Messages that need no more than
 * the device's name are made here.
 */
#ifndef FVE_HEADER_H
#define FVE_HEADER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "header/copies.h"
#include "header/vet.h"

#define FVEK_SIZE	    64 /* bytes: two AES-256 keys, IEEE 1619 XTS */
#define HEADER_ANY	    -1 /* any keyslot, any free token */
#define HEADER_MAX_KEYSLOTS 32 /* LUKS2 */
#define HEADER_MAX_TOKENS   32
#define HEADER_CIPHER	    "aes-xts-plain64"
#define HEADER_TOKEN_PREFIX "fve-" /* of the types of our tokens */

struct header; /* an open header; single thread */

/* How a volume is to be made. */
struct header_format {
	const char *label;    /* or NULL */
	uint32_t sector_size; /* bytes; 0: 4096 where the device's size allows */
};

/* How a passphrase is stretched; 0 means libcryptsetup's default. */
struct header_pbkdf {
	uint32_t time_ms;
	uint32_t memory_kib;
};

/* Where and how the data lies. */
struct header_segment {
	uint32_t sector_size;	/* bytes */
	uint32_t key_size;	/* bytes */
	uint64_t data_offset;	/* 512-byte sectors */
	uint64_t iv_offset;	/* 512-byte sectors */
	uint64_t size;		/* 512-byte sectors; what the device holds from data_offset on */
	uint64_t metadata_size; /* bytes of one header copy */
};

/*
 * Write a new header with subsystem "fve" and @fvek as volume key, and no keyslot. Whatever is
 * wrong with device or parameters is refused before the first byte changes.
 */
int header_format(const char *path, const struct header_format *how, const struct secret *fvek,
		  struct header **ret);

/*
 * Open an existing header. -ENODEV: not LUKS2, damaged beyond repair, made by someone else, or
 * with a cipher or feature that is not on our list; -EFBIG: the device is shorter than its header
 * says.
 */
int header_load(const char *path, struct header **ret);
/* The same for a LUKS2 header that need not be one of ours, but with our cipher and key size. */
int header_load_any(const char *path, struct header **ret);
/* The same of a backup file, which holds no data: nothing is said of what the volume's size is. */
int header_load_backup(const char *path, struct header **ret);
void header_close(struct header *header);

static inline void header_closep(struct header **header)
{
	header_close(*header);
}

#define _cleanup_header_ __attribute__((cleanup(header_closep)))

/* Borrowed from the header. */
const char *header_path(const struct header *header);
const char *header_uuid(const struct header *header);
const char *header_label(const struct header *header); /* "" where there is none; printable */
const char *header_label_stored(const struct header *header); /* as anybody may have written it */
/* "fve" in a header of ours; "" where there is none. */
const char *header_subsystem(const struct header *header);
/* Make the header one of ours, or of nobody's. One atomic write; the label stays. */
int header_claim(struct header *header, bool ours);
const struct header_segment *header_segment(const struct header *header);

/* The copies as they were found, before the one was repaired from the other. */
const struct header_copies *header_copies(const struct header *header);

/* Write header and keyslots to the new file @file, as `cryptsetup luksHeaderBackup` does. */
int header_backup(struct header *header, const char *file);
/*
 * Write the backup @file over the header of @path, whatever is there. Not atomic: after a power cut
 * it has to be repeated. Refused where data offset, sector size or key size differ from a header
 * that is there.
 */
int header_restore(const char *path, const char *file);

/*
 * A keyslot that holds @fvek and opens with @secret; gives its number. @pbkdf NULL means the
 * secret is random and needs no stretching: PBKDF2 at LUKS2's minimum. Else Argon2id.
 */
int header_keyslot_add(struct header *header, const struct secret *fvek,
		       const struct secret *secret, const struct header_pbkdf *pbkdf);
/*
 * Open @slot, or HEADER_ANY of them; gives its number. -EPERM: wrong secret, or a keyslot that is
 * not used, or whose health is bad. No message.
 */
int header_keyslot_open(struct header *header, int slot, const struct secret *secret,
			struct secret **ret_fvek);
/* Overwrite the key material of @slot and forget it, in both header copies. */
int header_keyslot_remove(struct header *header, int slot);
bool header_keyslot_used(const struct header *header, int slot);
/*
 * Whether the keyslot as the header has it now is one that is opened: REASON_NONE, or why not, and
 * @ret_why says what it is.
 */
enum reason header_keyslot_health(const struct header *header, int slot,
				  char ret_why[VET_WHY_SIZE]);
/* "argon2id" or "pbkdf2"; NULL when unused. Borrowed. */
const char *header_keyslot_pbkdf(const struct header *header, int slot);

/* Type and JSON of @token, borrowed until the next change; -ENOENT when unused. */
int header_token_get(const struct header *header, int token, const char **ret_type,
		     const char **ret_json);
/* Whether @token names @slot as one that it opens. */
bool header_token_names(const struct header *header, int token, int slot);
/* Write @json as @token (HEADER_ANY: a free one); gives its number. One atomic write. */
int header_token_set(struct header *header, int token, const char *json);
int header_token_remove(struct header *header, int token);

/* The whole JSON as it was read or last written, borrowed until the next change. */
int header_json(const struct header *header, const char **ret);

#endif

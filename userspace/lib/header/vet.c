// SPDX-License-Identifier: LGPL-2.1-or-later
/* Comparing a header with the list of what it may ask for. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "crypto/crypto.h"
#include "crypto/kdf.h"
#include "header/header.h"
#include "header/vet.h"

#define AREA_KEY_SMALL	32 /* bytes: AES-128-XTS */
#define AREA_KEY_LARGE	64 /* bytes: AES-256-XTS */
#define STRIPES		4000
#define PBKDF2_MIN	1000	  /* iterations: LUKS2's least */
#define PBKDF2_MAX	100000000 /* a slow machine's ten minutes, a fast one's --iter-time 30000 */
#define ARGON2_TIME_MIN 4	  /* passes: libcryptsetup's least */
#define SALT_SIZE	32	  /* bytes, of a digest in LUKS */
#define DIGEST_LUKS1	20	  /* bytes, in a LUKS1 header that cryptsetup converted */
#define SHA512_SIZE	64	  /* bytes */
#define NAME_SHOWN	40	  /* bytes of a name from the header that are printed */

static enum reason unsafe(char why[VET_WHY_SIZE], const char *format, ...) _printf_(2, 3);

static enum reason unsafe(char why[VET_WHY_SIZE], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, VET_WHY_SIZE, format, args);
	va_end(args);
	return REASON_KEYSLOT_UNSAFE;
}

/* Return whether @value is the string @wanted; a NUL inside it makes it another. */
static bool is_text(struct json_object *value, const char *wanted)
{
	return json_object_is_type(value, json_type_string) &&
	       (size_t)json_object_get_string_len(value) == strlen(wanted) &&
	       !memcmp(json_object_get_string(value), wanted, strlen(wanted));
}

static bool has_text(struct json_object *object, const char *key, const char *wanted)
{
	return is_text(json_object_object_get(object, key), wanted);
}

static bool has_number(struct json_object *object, const char *key, int64_t min, int64_t max)
{
	struct json_object *value = json_object_object_get(object, key);

	return json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= min &&
	       json_object_get_int64(value) <= max;
}

/* SHA-256 is cryptsetup's default, SHA-512 that of systemd-cryptenroll. */
static bool has_hash(struct json_object *object)
{
	return has_text(object, "hash", "sha256") || has_text(object, "hash", "sha512");
}

/* Return the name that the header has at @key, in a form that is safe to print. */
static const char *name_of(struct json_object *object, const char *key)
{
	struct json_object *value = json_object_object_get(object, key);
	const char *text =
		json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;

	if (!text)
		return "(none)";
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_:.", *c))
			return "(not a name)";
	return strlen(text) > NAME_SHOWN ? "(too long a name)" : text;
}

/* Return the only member of @object, and its name. NULL: it has none, or several. */
static struct json_object *only_member(struct json_object *object, const char **ret_name)
{
	struct json_object *only = NULL;

	if (!json_object_is_type(object, json_type_object) ||
	    json_object_object_length(object) != 1)
		return NULL;
	json_object_object_foreach (object, name, value) {
		*ret_name = name;
		only = value;
	}
	return only;
}

static bool has_bytes(struct json_object *object, const char *key, size_t wanted)
{
	struct json_object *value = json_object_object_get(object, key);
	_cleanup_blob_ struct blob bytes = {0};

	return json_object_is_type(value, json_type_string) &&
	       base64_decode(json_object_get_string(value), &bytes) == 0 && bytes.size == wanted;
}

/*
 * With a salt or a digest of any other size libcryptsetup (2.6.1) takes whatever comes out of a
 * keyslot for the volume key, and any word opens it.
 */
static bool has_digest_value(struct json_object *digest)
{
	size_t whole = has_text(digest, "hash", "sha512") ? SHA512_SIZE : SHA256_SIZE;

	return has_bytes(digest, "salt", SALT_SIZE) &&
	       (has_bytes(digest, "digest", whole) || has_bytes(digest, "digest", DIGEST_LUKS1));
}

static enum reason vet_digest(struct json_object *root, const char *segment, char why[VET_WHY_SIZE])
{
	const char *name;
	struct json_object *digest = only_member(json_object_object_get(root, "digests"), &name);
	struct json_object *segments = json_object_object_get(digest, "segments");

	if (!digest)
		return unsafe(why, "it has not just one digest");
	if (!has_text(digest, "type", "pbkdf2") || !has_hash(digest) ||
	    !has_number(digest, "iterations", PBKDF2_MIN, PBKDF2_MAX))
		return unsafe(why,
			      "its digest is %s with hash %s, or its iterations are not %d to %d",
			      name_of(digest, "type"), name_of(digest, "hash"), PBKDF2_MIN,
			      PBKDF2_MAX);
	if (!has_digest_value(digest))
		return unsafe(why, "its digest or the digest's salt is not of the right size");
	if (!json_object_is_type(segments, json_type_array) ||
	    json_object_array_length(segments) != 1 ||
	    !is_text(json_object_array_get_idx(segments, 0), segment))
		return unsafe(why, "its digest is not that of its segment");
	return REASON_NONE;
}

static enum reason vet_requirements(struct json_object *root, char why[VET_WHY_SIZE])
{
	struct json_object *config = json_object_object_get(root, "config"), *all, *mandatory;

	if (!json_object_object_get_ex(config, "requirements", &all))
		return REASON_NONE;
	mandatory = json_object_object_get(all, "mandatory");
	if (json_object_object_length(all) == 1 &&
	    json_object_is_type(mandatory, json_type_array) && !json_object_array_length(mandatory))
		return REASON_NONE;
	return unsafe(why, "it requires what is not known here");
}

enum reason header_vet_volume(const char *json, char ret_why[VET_WHY_SIZE])
{
	_cleanup_json_ struct json_object *root = json_tokener_parse(json);
	struct json_object *segment;
	const char *name;
	enum reason reason;

	segment = only_member(json_object_object_get(root, "segments"), &name);
	if (!segment)
		return unsafe(ret_why, "it has not just one segment");
	if (!has_text(segment, "type", "crypt") || !has_text(segment, "encryption", HEADER_CIPHER))
		return unsafe(ret_why,
			      "its segment is %s with cipher %s; only crypt with " HEADER_CIPHER
			      " is accepted",
			      name_of(segment, "type"), name_of(segment, "encryption"));
	if (json_object_object_get_ex(segment, "integrity", NULL))
		return unsafe(ret_why, "its segment has integrity tags, which are not known here");
	reason = vet_digest(root, name, ret_why);
	return reason == REASON_NONE ? vet_requirements(root, ret_why) : reason;
}

static enum reason vet_argon2(struct json_object *kdf, char why[VET_WHY_SIZE])
{
	struct json_object *time = json_object_object_get(kdf, "time");
	struct json_object *memory = json_object_object_get(kdf, "memory");

	if (!has_number(kdf, "time", ARGON2_TIME_MIN, UINT32_MAX) ||
	    !has_number(kdf, "memory", KDF_MEMORY_MIN, UINT32_MAX) ||
	    !has_number(kdf, "cpus", 1, KDF_CPUS_MAX)) {
		snprintf(
			why, VET_WHY_SIZE,
			"Argon2id with less than %d passes, less than %d KiB, or not 1 to %d lanes",
			ARGON2_TIME_MIN, KDF_MEMORY_MIN, KDF_CPUS_MAX);
		return REASON_KDF_BOUNDS;
	}
	return kdf_affordable((uint32_t)json_object_get_int64(time),
			      (uint32_t)json_object_get_int64(memory), why, VET_WHY_SIZE)
		       ? REASON_NONE
		       : REASON_KDF_BOUNDS;
}

static enum reason vet_kdf(struct json_object *kdf, char why[VET_WHY_SIZE])
{
	if (has_text(kdf, "type", "argon2id"))
		return vet_argon2(kdf, why);
	if (!has_text(kdf, "type", "pbkdf2") || !has_hash(kdf))
		return unsafe(why, "its key stretching is %s with hash %s", name_of(kdf, "type"),
			      name_of(kdf, "hash"));
	if (has_number(kdf, "iterations", PBKDF2_MIN, PBKDF2_MAX))
		return REASON_NONE;
	snprintf(why, VET_WHY_SIZE, "PBKDF2 with iterations that are not %d to %d", PBKDF2_MIN,
		 PBKDF2_MAX);
	return REASON_KDF_BOUNDS;
}

enum reason header_vet_keyslot(const char *json, int slot, char ret_why[VET_WHY_SIZE])
{
	_cleanup_json_ struct json_object *root = json_tokener_parse(json);
	struct json_object *keyslot, *area, *af;
	char number[12];

	snprintf(number, sizeof(number), "%d", slot);
	keyslot = json_object_object_get(json_object_object_get(root, "keyslots"), number);
	area = json_object_object_get(keyslot, "area");
	af = json_object_object_get(keyslot, "af");
	if (!has_text(keyslot, "type", "luks2") ||
	    !has_number(keyslot, "key_size", FVEK_SIZE, FVEK_SIZE))
		return unsafe(ret_why, "it is %s, or does not hold a key of %d bits",
			      name_of(keyslot, "type"), FVEK_SIZE * 8);
	if (!has_text(area, "type", "raw") || !has_text(area, "encryption", HEADER_CIPHER) ||
	    (!has_number(area, "key_size", AREA_KEY_SMALL, AREA_KEY_SMALL) &&
	     !has_number(area, "key_size", AREA_KEY_LARGE, AREA_KEY_LARGE)))
		return unsafe(ret_why, "its area is %s with cipher %s, or not with 256 or 512 bits",
			      name_of(area, "type"), name_of(area, "encryption"));
	if (!has_text(af, "type", "luks1") || !has_hash(af) ||
	    !has_number(af, "stripes", STRIPES, STRIPES))
		return unsafe(ret_why, "its splitting is %s with hash %s, or not into %d stripes",
			      name_of(af, "type"), name_of(af, "hash"), STRIPES);
	return vet_kdf(json_object_object_get(keyslot, "kdf"), ret_why);
}

static bool same_member(struct json_object *a, struct json_object *b, const char *key)
{
	return json_object_equal(json_object_object_get(a, key), json_object_object_get(b, key));
}

bool header_vet_same_digest(const char *json, const char *other)
{
	_cleanup_json_ struct json_object *root = json_tokener_parse(json);
	_cleanup_json_ struct json_object *other_root = json_tokener_parse(other);
	const char *name;
	struct json_object *mine = only_member(json_object_object_get(root, "digests"), &name);
	struct json_object *theirs =
		only_member(json_object_object_get(other_root, "digests"), &name);

	return mine && theirs && same_member(mine, theirs, "salt") &&
	       same_member(mine, theirs, "digest");
}

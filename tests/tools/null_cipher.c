// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * usage: null_cipher IMAGE [--fill FILE]
 * Forge the header of a volume as who has its disk and knows no key would: each keyslot gets
 * the cipher cipher_null-ecb and a volume key of the forger's in clear, digest, link and MAC are
 * made to fit that key, and all else stays. Where the keyslot's cipher is believed, every secret
 * opens it. With --fill, FILE is what the volume then holds, encrypted under that key. Prints
 * the key in hex.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "header/mac.h"
#include "keys/vmk.h"

#define BINARY	      4096 /* LUKS2 On-Disk Format Specification 1.1.1, 2.1: before the JSON */
#define CHECKSUM      448
#define CHECKSUM_SIZE 64
#define STRIPES	      4000
#define ITERATIONS    1000
#define SECTOR	      512
#define TWEAK_SIZE    16

struct forgery {
	struct header *header;
	struct json_object *root;
	struct secret *fvek; /* the forger's */
	FILE *image;
};

static struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value = json_object_object_get(object, key);

	if (!value)
		log_error("null_cipher: the header has no %s", key);
	return value;
}

static int set_text(struct json_object *object, const char *key, const char *text)
{
	return json_object_object_add(object, key, json_object_new_string(text));
}

static int write_at(FILE *file, uint64_t at, const void *data, size_t size)
{
	if (fseek(file, (long)at, SEEK_SET) < 0 || fwrite(data, 1, size, file) != size)
		return log_errno(EIO, "null_cipher: cannot write: %m");
	return 0;
}

/* The diffusion of LUKS1's anti-forensic splitter over a block of two digests. */
static int diffuse(uint8_t block[FVEK_SIZE])
{
	for (uint8_t i = 0; i < FVEK_SIZE / SHA256_SIZE; i++) {
		uint8_t number[4] = {0, 0, 0, i}, *half = block + i * SHA256_SIZE;
		const struct span parts[] = {{number, sizeof(number)}, {half, SHA256_SIZE}};

		if (crypto_sha256(parts, ARRAY_SIZE(parts), half) < 0)
			return -EIO;
	}
	return 0;
}

/* All stripes but the last are zeros: an attacker has no need of chance. */
static int split(const struct secret *fvek, uint8_t last[FVEK_SIZE])
{
	memset(last, 0, FVEK_SIZE);
	for (int i = 0; i < STRIPES - 1; i++)
		if (diffuse(last) < 0)
			return -EIO;
	for (size_t i = 0; i < FVEK_SIZE; i++)
		last[i] ^= fvek->data[i];
	return 0;
}

static int forge_keyslots(const struct forgery *f)
{
	_cleanup_free_ uint8_t *area = calloc(STRIPES, FVEK_SIZE);
	struct json_object *keyslots = member(f->root, "keyslots");

	if (!area || !keyslots || split(f->fvek, area + (STRIPES - 1) * FVEK_SIZE) < 0)
		return -EIO;
	json_object_object_foreach (keyslots, number, keyslot) {
		struct json_object *json = member(keyslot, "area");
		uint64_t offset =
			strtoull(json_object_get_string(member(json, "offset")), NULL, 10);

		(void)number;
		if (set_text(json, "encryption", "cipher_null-ecb") < 0 ||
		    write_at(f->image, offset, area, (size_t)STRIPES * FVEK_SIZE) < 0)
			return -EIO;
	}
	return 0;
}

static int forge_digests(const struct forgery *f)
{
	struct json_object *digests = member(f->root, "digests");

	if (!digests)
		return -EIO;
	json_object_object_foreach (digests, number, digest) {
		uint8_t value[SHA256_SIZE];
		_cleanup_blob_ struct blob salt = {0};
		_cleanup_free_ char *text = NULL;

		(void)number;
		if (base64_decode(json_object_get_string(member(digest, "salt")), &salt) < 0 ||
		    PKCS5_PBKDF2_HMAC((const char *)f->fvek->data, FVEK_SIZE, salt.data,
				      (int)salt.size, ITERATIONS, EVP_sha256(), sizeof(value),
				      value) != 1)
			return -EIO;
		text = base64_encode(&(struct blob){value, sizeof(value)});
		set_text(digest, "hash", "sha256");
		json_object_object_add(digest, "iterations", json_object_new_int(ITERATIONS));
		if (!text || set_text(digest, "digest", text) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* A VMK of the forger's under the link: the real one is known to him as little as the real FVEK. */
static int forge_link(const struct forgery *f, struct json_object *json)
{
	_cleanup_secret_ struct secret *vmk = secret_random(VMK_SIZE);
	_cleanup_token_vmk_ struct token_vmk token = {0};
	_cleanup_free_ char *text = NULL;

	if (!vmk || token_vmk_parse(json_object_to_json_string(json), &token) < 0)
		return -EIO;
	blob_free(&token.vmk);
	if (vmk_link_wrap(f->header, f->fvek, vmk, &token) < 0)
		return -EIO;
	text = base64_encode(&token.vmk);
	return text ? set_text(json, "vmk", text) : -ENOMEM;
}

static int forge_mac(const struct forgery *f, struct json_object *tokens, const char *number)
{
	struct json_object *json = json_object_object_get(tokens, number);
	_cleanup_token_mac_ struct token_mac token = {0};
	_cleanup_secret_ struct secret *key = NULL;
	_cleanup_free_ char *text = NULL;
	const char *uuid = header_uuid(f->header);

	if (token_mac_parse(json_object_to_json_string(json), &token) < 0 ||
	    header_mac_key(f->fvek, &key) < 0)
		return -EIO;
	token.n_macs = 1;
	free(steal(token.parts));
	if (header_mac_compute(uuid, f->root, token.seq, key, token.macs[0]) < 0 ||
	    header_mac_parts(uuid, f->root, key, &token.parts, &token.n_parts) < 0)
		return -EIO;
	text = token_mac_format(&token);
	return text ? json_object_object_add(tokens, number, json_tokener_parse(text)) : -ENOMEM;
}

/* The MAC last: it is over all the rest. */
static int forge_tokens(const struct forgery *f)
{
	struct json_object *tokens = member(f->root, "tokens");
	const char *mac = NULL;

	if (!tokens)
		return -EIO;
	json_object_object_foreach (tokens, number, token) {
		const char *type = json_object_get_string(member(token, "type"));

		if (!strcmp(type, "fve-vmk") && forge_link(f, token) < 0)
			return -EIO;
		if (!strcmp(type, TOKEN_TYPE_MAC))
			mac = number;
	}
	return mac ? forge_mac(f, tokens, mac) : 0;
}

/* Both copies, each with its own binary header and a checksum that is right. */
static int write_copies(const struct forgery *f)
{
	size_t size = header_segment(f->header)->metadata_size, length;
	const char *text = json_object_to_json_string_length(
		f->root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
	_cleanup_free_ uint8_t *copy = malloc(size);
	const struct span whole = {copy, size};

	if (!copy || length >= size - BINARY)
		return log_errno(ENOSPC, "null_cipher: the JSON does not fit");
	for (uint64_t i = 0; i < 2; i++) {
		if (fseek(f->image, (long)(i * size), SEEK_SET) < 0 ||
		    fread(copy, 1, BINARY, f->image) != BINARY)
			return log_errno(EIO, "null_cipher: cannot read the header");
		memset(copy + BINARY, 0, size - BINARY);
		memcpy(copy + BINARY, text, length);
		memset(copy + CHECKSUM, 0, CHECKSUM_SIZE);
		if (crypto_sha256(&whole, 1, copy + CHECKSUM) < 0 ||
		    write_at(f->image, i * size, copy, size) < 0)
			return -EIO;
	}
	return 0;
}

/* The last sector is filled up with zeros. */
static int fill(const struct forgery *f, const char *path)
{
	const struct header_segment *segment = header_segment(f->header);
	size_t size = segment->sector_size;
	_cleanup_free_ uint8_t *in = calloc(1, size), *out = calloc(1, size);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	FILE *file = fopen(path, "re");
	int n, r = in && out && ctx && file ? 0 : -EIO;

	for (uint64_t sector = 0; r == 0 && fread(in, 1, size, file); sector += size / SECTOR) {
		uint8_t tweak[TWEAK_SIZE] = {0};

		for (int i = 0; i < 8; i++)
			tweak[i] = (uint8_t)((sector + segment->iv_offset) >> (8 * i));
		if (EVP_EncryptInit_ex(ctx, EVP_aes_256_xts(), NULL, f->fvek->data, tweak) != 1 ||
		    EVP_EncryptUpdate(ctx, out, &n, in, (int)size) != 1)
			r = -EIO;
		else
			r = write_at(f->image, (segment->data_offset + sector) * SECTOR, out, size);
		memset(in, 0, size);
	}
	EVP_CIPHER_CTX_free(ctx);
	if (file)
		fclose(file);
	return r < 0 ? log_errno(EIO, "null_cipher: cannot fill the volume with %s", path) : 0;
}

static int forge(struct forgery *f, const char *path, const char *content)
{
	const char *json;
	int r = header_load(path, &f->header);

	if (r == 0)
		r = header_json(f->header, &json);
	if (r < 0)
		return r;
	f->root = json_tokener_parse(json);
	f->fvek = secret_random(FVEK_SIZE);
	f->image = fopen(path, "r+e");
	if (!f->root || !f->fvek || !f->image)
		return log_errno(EIO, "null_cipher: cannot open %s", path);
	r = forge_keyslots(f);
	if (r == 0)
		r = forge_digests(f);
	if (r == 0)
		r = forge_tokens(f);
	if (r == 0)
		r = write_copies(f);
	if (r == 0 && content)
		r = fill(f, content);
	if (fclose(f->image) && r == 0)
		r = log_errno(EIO, "null_cipher: cannot write %s: %m", path);
	return r;
}

int main(int argc, char **argv)
{
	struct forgery f = {0};
	bool fills = argc == 4 && !strcmp(argv[2], "--fill");
	int r = -EINVAL;

	if (argc == 2 || fills)
		r = forge(&f, argv[1], fills ? argv[3] : NULL);
	else
		fprintf(stderr, "usage: null_cipher IMAGE [--fill FILE]\n");
	if (r == 0) {
		_cleanup_free_ char *hex = hex_encode(f.fvek->data, f.fvek->size);

		puts(hex);
	}
	json_object_put(f.root);
	secret_free(f.fvek);
	header_close(f.header);
	return r < 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A whole LUKS2 header that somebody has edited, with checksums made right: whatever it says, no
 * FVEK is believed but the volume's own, for the machine (an auto protector) and for people. The
 * input is a list of edits of the JSON of a genuine header.
 *
 * The real attack takes a kernel that has cipher_null (tests/vm/t_fvesetup_forged.sh). Here
 * crypt_volume_key_get() is wrapped, and simulates the worst of it: a keyslot with any other cipher
 * gives the attacker an FVEK of his choice, for every secret, and digest and MAC cannot tell.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <libcryptsetup.h>
#include <openssl/evp.h>
#include <sys/mman.h>

#include "fuzz.h"
#include "header/mac.h"
#include "keys/vmk.h"
#include "protector/auto.h"
#include "protector/unlock.h"

#define PASSPHRASE "correct horse"
#define OTHER_UUID "01234567-89ab-cdef-0123-456789abcdef"
#define COPY_SIZE  65536
#define BINARY	   4096 /* LUKS2 On-Disk Format Specification 1.1.1, 2.1 */
#define CHECKSUM   448
#define NODES_MAX  512
#define EDITS_MAX  8

int __real_crypt_volume_key_get(struct crypt_device *cd, int slot, char *key, size_t *size,
				const char *passphrase, size_t passphrase_size);
int __wrap_crypt_volume_key_get(struct crypt_device *cd, int slot, char *key, size_t *size,
				const char *passphrase, size_t passphrase_size);

static struct secret *fvek, *forged, *other;
static char path[64];
static uint8_t *copies; /* of the genuine header, both */
static char *genuine;	/* its JSON */
static int image = -1;
static char uuid[UUID_LENGTH + 1];

static struct json_object *at(struct json_object *root, const char *first, const char *second)
{
	return json_object_object_get(json_object_object_get(root, first), second);
}

static int64_t number(struct json_object *object, const char *key)
{
	return json_object_get_int64(json_object_object_get(object, key));
}

static bool text_is(struct json_object *object, const char *key, const char *wanted)
{
	const char *text = json_object_get_string(json_object_object_get(object, key));

	return text && !strcmp(text, wanted);
}

/*
 * 1: the attacker's key comes out; 0: as libcryptsetup says; -EPERM: it would say that after
 * computing for long, since these costs are not those of the genuine keyslots and digest.
 */
static int simulate(struct json_object *root, int slot)
{
	struct json_object *keyslot, *area, *kdf;
	char name[12];
	int64_t bytes;

	snprintf(name, sizeof(name), "%d", slot);
	keyslot = at(root, "keyslots", name);
	area = json_object_object_get(keyslot, "area");
	kdf = json_object_object_get(keyslot, "kdf");
	bytes = number(area, "key_size");
	if (!text_is(area, "encryption", "aes-xts-plain64") || (bytes != 32 && bytes != 64))
		return 1;
	if (!text_is(kdf, "type", "pbkdf2") || number(kdf, "iterations") != 1000 ||
	    number(at(root, "digests", "0"), "iterations") > 2000)
		return -EPERM;
	return 0;
}

int __wrap_crypt_volume_key_get(struct crypt_device *cd, int slot, char *key, size_t *size,
				const char *passphrase, size_t passphrase_size)
{
	struct json_object *root;
	const char *json;
	int r;

	if (!forged || crypt_dump_json(cd, &json, 0) < 0)
		return __real_crypt_volume_key_get(cd, slot, key, size, passphrase,
						   passphrase_size);
	root = json_tokener_parse(json);
	r = simulate(root, slot);
	json_object_put(root);
	if (r < 0)
		return r;
	if (r == 0)
		return __real_crypt_volume_key_get(cd, slot, key, size, passphrase,
						   passphrase_size);
	memcpy(key, forged->data, forged->size);
	return slot;
}

/* --- the genuine header --------------------------------------------------------------------- */

static void write_json(const char *json)
{
	CHECK(strlen(json) < COPY_SIZE - BINARY);
	for (size_t i = 0; i < 2; i++) {
		uint8_t *copy = copies + i * COPY_SIZE;
		const struct span whole = {copy, COPY_SIZE};

		memset(copy + BINARY, 0, COPY_SIZE - BINARY);
		memcpy(copy + BINARY, json, strlen(json));
		memset(copy + CHECKSUM, 0, SHA256_SIZE);
		CHECK(crypto_sha256(&whole, 1, copy + CHECKSUM) == 0);
	}
	CHECK(pwrite(image, copies, 2 * COPY_SIZE, 0) == 2 * COPY_SIZE);
}

/* Give the header the MAC that goes with an FVEK. */
static void sign(struct json_object *root, const struct secret *with)
{
	_cleanup_secret_ struct secret *key = NULL;
	struct token_mac token = {.seq = 1, .n_macs = 1};
	uint8_t mac[1][SHA256_SIZE];
	_cleanup_free_ char *text = NULL;

	token.macs = mac;
	CHECK(header_mac_key(with, &key) == 0);
	if (header_mac_compute(uuid, root, token.seq, key, mac[0]) < 0)
		return;
	text = token_mac_format(&token);
	CHECK(text);
	json_object_object_foreach (json_object_object_get(root, "tokens"), name, value)
		if (text_is(value, "type", TOKEN_TYPE_MAC)) {
			json_object_object_add(json_object_object_get(root, "tokens"), name,
					       json_tokener_parse(text));
			return;
		}
}

/* The digest at its least iterations: each opening computes it. */
static void cheapen_digest(struct json_object *root)
{
	struct json_object *digest = at(root, "digests", "0");
	_cleanup_blob_ struct blob salt = {0};
	_cleanup_free_ char *text = NULL;
	uint8_t value[SHA256_SIZE];

	CHECK(base64_decode(json_object_get_string(json_object_object_get(digest, "salt")),
			    &salt) == 0);
	CHECK(PKCS5_PBKDF2_HMAC((const char *)fvek->data, FVEK_SIZE, salt.data, (int)salt.size,
				1000, EVP_sha256(), sizeof(value), value) == 1);
	text = base64_encode(&(struct blob){value, sizeof(value)});
	CHECK(text);
	json_object_object_add(digest, "iterations", json_object_new_int(1000));
	json_object_object_add(digest, "digest", json_object_new_string(text));
}

static void add_person(struct header *header)
{
	const struct protector_spec spec = {.kind = PROTECTOR_PASSPHRASE};
	_cleanup_secret_ struct secret *typed = secret_copy(PASSPHRASE, strlen(PASSPHRASE));

	CHECK(protector_add(header, fvek, &(struct enrolment){.spec = &spec, .secret = typed}) ==
	      0);
}

static void make_header(void)
{
	const struct header_format how = {.sector_size = 512};
	const struct protector_spec spec = {.kind = PROTECTOR_AUTO};
	_cleanup_header_ struct header *header = NULL;
	_cleanup_secret_ struct secret *vmk = NULL;
	struct json_object *root;
	const char *json;

	image = memfd_create("header", MFD_CLOEXEC);
	CHECK(image >= 0 && ftruncate(image, 17 << 20) == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", image);
	fvek = secret_random(FVEK_SIZE);
	other = secret_random(FVEK_SIZE);
	copies = malloc(2 * COPY_SIZE);
	CHECK(fvek && other && copies && header_format(path, &how, fvek, &header) == 0);
	CHECK(vmk_create(header, fvek, &vmk) == 0);
	add_person(header);
	CHECK(protector_add(header, fvek,
			    &(struct enrolment){.spec = &spec,
						.secret = other,
						.volume = OTHER_UUID}) == 0);
	CHECK(header_json(header, &json) == 0);
	root = json_tokener_parse(json);
	snprintf(uuid, sizeof(uuid), "%s", header_uuid(header));
	CHECK(root && pread(image, copies, 2 * COPY_SIZE, 0) == 2 * COPY_SIZE);
	cheapen_digest(root);
	sign(root, fvek);
	genuine = strdup(
		json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
							     JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	CHECK(genuine);
	write_json(genuine);
	forged = secret_random(FVEK_SIZE);
	CHECK(genuine && forged);
}

/* --- edits ---------------------------------------------------------------------------------- */

/* A member or element, by its container. */
struct node {
	struct json_object *in;
	char key[64];
	size_t index;
};

static struct node nodes[NODES_MAX];
static size_t n_nodes;

static void walk(struct json_object *object)
{
	if (json_object_is_type(object, json_type_object)) {
		json_object_object_foreach (object, key, value) {
			if (n_nodes < NODES_MAX) {
				nodes[n_nodes].in = object;
				snprintf(nodes[n_nodes++].key, sizeof(nodes->key), "%s", key);
			}
			walk(value);
		}
	} else if (json_object_is_type(object, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(object); i++) {
			if (n_nodes < NODES_MAX)
				nodes[n_nodes++] = (struct node){.in = object, .index = i};
			walk(json_object_array_get_idx(object, i));
		}
	}
}

static struct json_object *value_of(const struct node *node)
{
	return json_object_is_type(node->in, json_type_object)
		       ? json_object_object_get(node->in, node->key)
		       : json_object_array_get_idx(node->in, node->index);
}

static void set(const struct node *node, const char *key, struct json_object *value)
{
	if (json_object_is_type(node->in, json_type_object))
		json_object_object_add(node->in, key, value);
	else
		json_object_array_put_idx(node->in, node->index, value);
}

static const char *const words[] = {
	"cipher_null-ecb",
	"null-ecb",
	"aes-xts-plain64",
	"aes-cbc-plain64",
	"aes-ecb",
	"aes",
	"",
	"pbkdf2",
	"argon2id",
	"argon2i",
	"sha256",
	"sha512",
	"md5",
	"luks1",
	"luks2",
	"raw",
	"crypt",
	"linear",
	"dynamic",
	"0",
	"1",
	"reencrypt",
	"none",
	"datashift",
	"fve-vmk",
	"fve-mac",
	"2",
	"16777216",
};

static struct json_object *word(uint8_t n)
{
	static const int64_t numbers[] = {0,  1,  -1,	2,    31,     32,	 48,
					  64, 96, 1000, 4000, 100000, INT32_MAX, INT64_MAX};

	if (n % 2)
		return json_object_new_int64(numbers[n / 2 % ARRAY_SIZE(numbers)]);
	return json_object_new_string(words[n / 2 % ARRAY_SIZE(words)]);
}

/* One edit of three bytes: where, what, and with which other node or value. */
static void edit(struct json_object *root, const uint8_t data[3])
{
	struct json_object *copy = NULL;
	const struct node *node, *from;

	n_nodes = 0;
	walk(root);
	if (!n_nodes)
		return;
	node = &nodes[(data[0] | (size_t)(data[1] & 0x80) << 1) % n_nodes];
	from = &nodes[data[2] % n_nodes];
	switch (data[1] % 4) {
	case 0:
		set(node, node->key, word(data[2]));
		break;
	case 1:
		if (json_object_is_type(node->in, json_type_object))
			json_object_object_del(node->in, node->key);
		else
			json_object_array_del_idx(node->in, node->index, 1);
		break;
	case 2: /* another node's value here */
		json_object_deep_copy(value_of(from), &copy, NULL);
		set(node, node->key, copy);
		break;
	default: /* this value under another node's name, too */
		json_object_deep_copy(value_of(node), &copy, NULL);
		set(node, *from->key ? from->key : "1", copy);
	}
}

/* --- opening -------------------------------------------------------------------------------- */

static int ask(void *data, enum unlock_question question, const char *prompt, struct secret **ret)
{
	(void)data, (void)question, (void)prompt;
	*ret = secret_copy(PASSPHRASE, strlen(PASSPHRASE));
	return *ret ? 0 : -ENOMEM;
}

static void refused(void *data, const struct protector *protector, const struct refusal *refusal)
{
	(void)data, (void)protector;
	CHECK(reason_code(refusal->reason));
}

static int open_by(uint32_t kinds)
{
	const struct unlocked_volume others[] = {{.uuid = OTHER_UUID, .fvek = other}};
	_cleanup_header_ struct header *header = NULL;
	_cleanup_secret_ struct secret *opened = NULL;
	struct protector used;
	const struct unlock how = {
		.kinds = kinds,
		.others = others,
		.n_others = 1,
		.ask = ask,
		.tries = {1, 0},
		.refused = refused,
	};
	int r = header_load(path, &header);

	if (r == 0)
		r = unlock(header, &how, &opened, &used);
	CHECK(r < 0 || secret_equal(opened, fvek));
	return r;
}

static void begin(void)
{
	make_header();
	CHECK(open_by(1u << PROTECTOR_AUTO) == 0 && open_by(1u << PROTECTOR_PASSPHRASE) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *root;

	if (!fvek)
		begin();
	root = json_tokener_parse(genuine);
	CHECK(root);
	for (size_t i = 0; i < EDITS_MAX && (i + 1) * 3 <= size; i++)
		edit(root, data + i * 3);
	if (size % 3 && json_object_object_get(root, "tokens"))
		sign(root, forged); /* the attacker has his own FVEK */
	write_json(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN |
								JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(root);
	open_by(1u << PROTECTOR_AUTO);
	open_by(1u << PROTECTOR_PASSPHRASE | 1u << PROTECTOR_KEYSLOT);
	return 0;
}

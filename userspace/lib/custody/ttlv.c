// SPDX-License-Identifier: LGPL-2.1-or-later
/* TTLV: tag (3 bytes), type (1), length (4), and the value, padded to 8 bytes (KMIP 1.4, 9.1). */
#include <errno.h>
#include <string.h>

#include "custody/ttlv.h"

enum type {
	TYPE_STRUCTURE = 1,
	TYPE_INTEGER = 2,
	TYPE_ENUMERATION = 5,
	TYPE_BOOLEAN = 6,
	TYPE_TEXT = 7,
	TYPE_BYTES = 8,
};

/* KMIP 1.4, 9.1.3.1. */
enum tag {
	TAG_ATTRIBUTE = 0x420008,
	TAG_ATTRIBUTE_NAME = 0x42000a,
	TAG_ATTRIBUTE_VALUE = 0x42000b,
	TAG_BATCH_COUNT = 0x42000d,
	TAG_BATCH_ITEM = 0x42000f,
	TAG_BLOCK_CIPHER_MODE = 0x420011,
	TAG_ALGORITHM = 0x420028,
	TAG_PARAMETERS = 0x42002b,
	TAG_IV = 0x42003d,
	TAG_OPERATION = 0x42005c,
	TAG_PROTOCOL_VERSION = 0x420069,
	TAG_PROTOCOL_MAJOR = 0x42006a,
	TAG_PROTOCOL_MINOR = 0x42006b,
	TAG_REQUEST_HEADER = 0x420077,
	TAG_REQUEST = 0x420078,
	TAG_REQUEST_PAYLOAD = 0x420079,
	TAG_RESPONSE = 0x42007b,
	TAG_RESPONSE_PAYLOAD = 0x42007c,
	TAG_RESULT_MESSAGE = 0x42007d,
	TAG_RESULT_REASON = 0x42007e,
	TAG_RESULT_STATUS = 0x42007f,
	TAG_UID = 0x420094,
	TAG_DATA = 0x4200c2,
	TAG_TAG_LENGTH = 0x4200ce,
	TAG_AUTHENTICATION_TAG = 0x4200ff,
};

#define MODE_GCM 0x09 /* table "Block Cipher Mode" */
#define MINOR	 4    /* the first version with authenticated encryption */

/* --- writing -------------------------------------------------------------------------------- */

struct writer {
	struct secret *out;
	size_t n;
	bool failed;
};

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* Room for an item; gives where its value goes, or NULL. */
static uint8_t *put_item(struct writer *w, enum tag tag, enum type type, size_t length)
{
	size_t whole = KMIP_HEADER_SIZE + (length + 7) / 8 * 8;
	uint8_t *p = w->out->data + w->n;

	if (w->failed || length > KMIP_MESSAGE_MAX || whole > w->out->size - w->n) {
		w->failed = true;
		return NULL;
	}
	w->n += whole;
	put32(p, (uint32_t)tag << 8 | type);
	put32(p + 4, (uint32_t)length);
	return p + KMIP_HEADER_SIZE;
}

static void put_number(struct writer *w, enum tag tag, enum type type, uint32_t value)
{
	uint8_t *p = put_item(w, tag, type, 4);

	if (p)
		put32(p, value);
}

static void put_bytes(struct writer *w, enum tag tag, enum type type, const void *data, size_t size)
{
	uint8_t *p = put_item(w, tag, type, size);

	if (p && size)
		memcpy(p, data, size);
}

/* A structure is begun with no length, and gets it at its end. */
static size_t begin(struct writer *w, enum tag tag)
{
	size_t at = w->n;

	put_item(w, tag, TYPE_STRUCTURE, 0);
	return at;
}

static void end(struct writer *w, size_t at)
{
	if (!w->failed)
		put32(w->out->data + at + 4, (uint32_t)(w->n - at - KMIP_HEADER_SIZE));
}

static void put_payload(struct writer *w, const struct kmip_request *request)
{
	static const char *const names[] = {"State", "Cryptographic Algorithm",
					    "Cryptographic Length", "Sensitive", "Extractable"};
	size_t parameters;

	put_bytes(w, TAG_UID, TYPE_TEXT, request->uid, strlen(request->uid));
	if (request->operation == KMIP_GET_ATTRIBUTES) {
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			put_bytes(w, TAG_ATTRIBUTE_NAME, TYPE_TEXT, names[i], strlen(names[i]));
		return;
	}
	parameters = begin(w, TAG_PARAMETERS);
	put_number(w, TAG_BLOCK_CIPHER_MODE, TYPE_ENUMERATION, MODE_GCM);
	put_number(w, TAG_ALGORITHM, TYPE_ENUMERATION, KMIP_AES);
	put_number(w, TAG_TAG_LENGTH, TYPE_INTEGER, KMIP_TAG_SIZE);
	end(w, parameters);
	put_bytes(w, TAG_DATA, TYPE_BYTES, request->data.data, request->data.size);
	put_bytes(w, TAG_IV, TYPE_BYTES, request->iv.data, request->iv.size);
	if (request->operation == KMIP_DECRYPT)
		put_bytes(w, TAG_AUTHENTICATION_TAG, TYPE_BYTES, request->tag.data,
			  request->tag.size);
}

struct secret *ttlv_encode(const struct kmip_request *request)
{
	struct writer w = {.out = secret_new(KMIP_MESSAGE_MAX)};
	size_t message, part, inner;

	if (!w.out)
		return NULL;
	message = begin(&w, TAG_REQUEST);
	part = begin(&w, TAG_REQUEST_HEADER);
	inner = begin(&w, TAG_PROTOCOL_VERSION);
	put_number(&w, TAG_PROTOCOL_MAJOR, TYPE_INTEGER, 1);
	put_number(&w, TAG_PROTOCOL_MINOR, TYPE_INTEGER, MINOR);
	end(&w, inner);
	put_number(&w, TAG_BATCH_COUNT, TYPE_INTEGER, 1);
	end(&w, part);
	part = begin(&w, TAG_BATCH_ITEM);
	put_number(&w, TAG_OPERATION, TYPE_ENUMERATION, request->operation);
	inner = begin(&w, TAG_REQUEST_PAYLOAD);
	put_payload(&w, request);
	end(&w, inner);
	end(&w, part);
	end(&w, message);
	if (w.failed) {
		secret_free(w.out);
		return NULL;
	}
	secret_truncate(w.out, w.n);
	return w.out;
}

/* --- reading -------------------------------------------------------------------------------- */

struct item {
	uint32_t tag;
	uint8_t type;
	struct kmip_bytes value;
};

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Take the first item off @rest. */
static bool next(struct kmip_bytes *rest, struct item *ret)
{
	size_t length, whole;

	if (rest->size < KMIP_HEADER_SIZE)
		return false;
	length = get32(rest->data + 4);
	if (length > rest->size - KMIP_HEADER_SIZE)
		return false;
	whole = KMIP_HEADER_SIZE + (length + 7) / 8 * 8;
	if (whole > rest->size)
		return false;
	ret->tag = get32(rest->data) >> 8;
	ret->type = rest->data[3];
	ret->value = (struct kmip_bytes){rest->data + KMIP_HEADER_SIZE, length};
	rest->data += whole;
	rest->size -= whole;
	return true;
}

/* The first item of @tag in a structure's value, which must be of @type. */
static bool find(struct kmip_bytes structure, enum tag tag, enum type type, struct kmip_bytes *ret)
{
	struct item item;

	while (next(&structure, &item)) {
		if (item.tag != (uint32_t)tag)
			continue;
		*ret = item.value;
		return item.type == type;
	}
	return false;
}

static bool find_number(struct kmip_bytes structure, enum tag tag, enum type type, uint32_t *ret)
{
	struct kmip_bytes value;

	if (!find(structure, tag, type, &value) || value.size != 4)
		return false;
	*ret = get32(value.data);
	return true;
}

static bool is_true(struct kmip_bytes attribute)
{
	struct kmip_bytes value;

	return find(attribute, TAG_ATTRIBUTE_VALUE, TYPE_BOOLEAN, &value) && value.size == 8 &&
	       value.data[7] == 1;
}

static bool is_named(struct kmip_bytes name, const char *text)
{
	return name.size == strlen(text) && !memcmp(name.data, text, name.size);
}

static void take_attribute(struct kmip_bytes attribute, struct kmip_response *ret)
{
	struct kmip_bytes name;

	if (!find(attribute, TAG_ATTRIBUTE_NAME, TYPE_TEXT, &name))
		return;
	if (is_named(name, "State"))
		find_number(attribute, TAG_ATTRIBUTE_VALUE, TYPE_ENUMERATION, &ret->state);
	else if (is_named(name, "Cryptographic Algorithm"))
		find_number(attribute, TAG_ATTRIBUTE_VALUE, TYPE_ENUMERATION, &ret->algorithm);
	else if (is_named(name, "Cryptographic Length"))
		find_number(attribute, TAG_ATTRIBUTE_VALUE, TYPE_INTEGER, &ret->bits);
	else if (is_named(name, "Sensitive"))
		ret->sensitive = is_true(attribute);
	else if (is_named(name, "Extractable"))
		ret->unextractable = !is_true(attribute);
}

static void take_payload(struct kmip_bytes payload, struct kmip_response *ret)
{
	struct kmip_bytes value;
	struct item item;

	if (find(payload, TAG_DATA, TYPE_BYTES, &value))
		ret->data = value;
	if (find(payload, TAG_IV, TYPE_BYTES, &value))
		ret->iv = value;
	if (find(payload, TAG_AUTHENTICATION_TAG, TYPE_BYTES, &value))
		ret->tag = value;
	while (next(&payload, &item))
		if (item.tag == TAG_ATTRIBUTE && item.type == TYPE_STRUCTURE)
			take_attribute(item.value, ret);
}

int ttlv_size(const uint8_t header[KMIP_HEADER_SIZE], size_t *ret)
{
	uint32_t length = get32(header + 4);

	if (get32(header) != ((uint32_t)TAG_RESPONSE << 8 | TYPE_STRUCTURE) || length % 8 ||
	    length > KMIP_MESSAGE_MAX - KMIP_HEADER_SIZE)
		return -EBADMSG;
	*ret = KMIP_HEADER_SIZE + length;
	return 0;
}

int ttlv_decode(enum kmip_operation operation, const uint8_t *message, size_t size,
		struct kmip_response *ret)
{
	struct kmip_bytes rest = {message, size}, batch, payload, text;
	struct item item;
	uint32_t status, echoed;

	*ret = (struct kmip_response){0};
	if (!next(&rest, &item) || rest.size || item.tag != TAG_RESPONSE ||
	    item.type != TYPE_STRUCTURE ||
	    !find(item.value, TAG_BATCH_ITEM, TYPE_STRUCTURE, &batch) ||
	    !find_number(batch, TAG_RESULT_STATUS, TYPE_ENUMERATION, &status))
		return -EBADMSG;
	ret->success = status == 0;
	/* A message that was not understood is answered without an operation. */
	if (find_number(batch, TAG_OPERATION, TYPE_ENUMERATION, &echoed)
		    ? echoed != (uint32_t)operation
		    : ret->success)
		return -EBADMSG;
	find_number(batch, TAG_RESULT_REASON, TYPE_ENUMERATION, &ret->reason);
	if (find(batch, TAG_RESULT_MESSAGE, TYPE_TEXT, &text))
		ret->message = text;
	if (!ret->success)
		return 0;
	if (!find(batch, TAG_RESPONSE_PAYLOAD, TYPE_STRUCTURE, &payload))
		return -EBADMSG;
	take_payload(payload, ret);
	return 0;
}

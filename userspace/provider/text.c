// SPDX-License-Identifier: LGPL-2.1-or-later
/* Building texts in secret memory, and decoding base64 into it. */
#include <errno.h>
#include <string.h>

#include "provider/text.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void text_begin(struct text *text, size_t room)
{
	*text = (struct text){.bytes = secret_new(room + 1)};
	text->failed = !text->bytes;
}

void text_add_bytes(struct text *text, const void *data, size_t size)
{
	/* One byte stays for the NUL. */
	if (text->failed || size >= text->bytes->size - text->used) {
		text->failed = true;
		return;
	}
	memcpy(text->bytes->data + text->used, data, size);
	text->used += size;
}

void text_add(struct text *text, const char *more)
{
	text_add_bytes(text, more, strlen(more));
}

void text_add_escaped(struct text *text, const void *data, size_t size)
{
	static const char hex[] = "0123456789ABCDEF";
	const uint8_t *bytes = data;

	for (size_t i = 0; i < size; i++) {
		char escaped[3] = {'%', hex[bytes[i] >> 4], hex[bytes[i] & 15]};

		if (bytes[i] && (strchr(letters, bytes[i]) || strchr(".~", bytes[i])))
			text_add_bytes(text, &bytes[i], 1);
		else
			text_add_bytes(text, escaped, sizeof(escaped));
	}
}

void text_add_base64url(struct text *text, const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint32_t bits = 0;
	int n = 0; /* bits that wait */

	for (size_t i = 0; i < size; i++) {
		bits = bits << 8 | bytes[i];
		for (n += 8; n >= 6; n -= 6)
			text_add_bytes(text, &letters[bits >> (n - 6) & 63], 1);
	}
	if (n)
		text_add_bytes(text, &letters[bits << (6 - n) & 63], 1);
}

struct secret *text_end(struct text *text)
{
	struct secret *bytes = steal(text->bytes);

	if (text->failed) {
		secret_free(bytes);
		return NULL;
	}
	secret_truncate(bytes, text->used);
	return bytes;
}

/* The value of one letter of either alphabet; -1: it is none. */
static int value_of(char letter)
{
	const char *at = NULL;

	if (letter == '+')
		letter = '-';
	else if (letter == '/')
		letter = '_';
	if (letter)
		at = strchr(letters, letter);
	return at ? (int)(at - letters) : -1;
}

ssize_t text_decode_base64(const char *text, void *ret, size_t room)
{
	size_t length = strcspn(text, "="), used = 0;
	size_t padding = strlen(text + length);
	uint8_t *bytes = ret;
	uint32_t bits = 0;
	int n = 0; /* bits that wait */

	if (length % 4 == 1 || strspn(text + length, "=") != padding ||
	    (padding && (padding > 2 || (length + padding) % 4)))
		return -EINVAL;
	for (size_t i = 0; i < length; i++) {
		int value = value_of(text[i]);

		if (value < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)value;
		n += 6;
		if (n < 8)
			continue;
		n -= 8;
		if (used == room)
			return -EINVAL;
		bytes[used++] = (uint8_t)(bits >> n);
	}
	/* What is left over is zeros in what an encoder made. */
	return bits & ((1U << n) - 1) ? -EINVAL : (ssize_t)used;
}

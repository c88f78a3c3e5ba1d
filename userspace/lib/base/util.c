// SPDX-License-Identifier: LGPL-2.1-or-later
/* Bytes and their text forms: hex, base64 and UTF-8. */
#include <errno.h>
#include <string.h>

#include "base/util.h"

int blob_set(struct blob *ret, const void *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, size);
	ret->data = copy;
	ret->size = size;
	return 0;
}

void blob_free(struct blob *blob)
{
	free(blob->data);
	blob->data = NULL;
	blob->size = 0;
}

bool blob_equal(const struct blob *a, const struct blob *b)
{
	return a->size == b->size && !memcmp(a->data, b->data, a->size);
}

char *hex_encode(const void *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *in = data;
	char *text = malloc(size * 2 + 1);

	if (!text)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		text[i * 2] = digits[in[i] >> 4];
		text[i * 2 + 1] = digits[in[i] & 15];
	}
	text[size * 2] = '\0';
	return text;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int hex_decode(const char *hex, void *ret, size_t size)
{
	uint8_t *out = ret;

	if (strlen(hex) != size * 2)
		return -EINVAL;
	for (size_t i = 0; i < size; i++) {
		int high = hex_digit(hex[i * 2]), low = hex_digit(hex[i * 2 + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int number_parse(const char *text, uint32_t min, uint32_t max, uint32_t *ret)
{
	uint64_t value = 0;

	if (!*text || text[strspn(text, "0123456789")])
		return -EINVAL;
	for (; *text && value <= max; text++)
		value = value * 10 + (uint64_t)(*text - '0');
	if (value < min || value > max)
		return -EINVAL;
	*ret = (uint32_t)value;
	return 0;
}

int bool_parse(const char *text, bool *ret)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{"", true},   {"1", true},   {"yes", true},  {"on", true},     {"true", true},
		{"0", false}, {"no", false}, {"off", false}, {"false", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(text, words[i].word)) {
			*ret = words[i].value;
			return 0;
		}
	return -EINVAL;
}

int seconds_parse(const char *text, uint32_t max, uint32_t *ret)
{
	static const struct {
		const char *name;
		uint32_t seconds;
	} units[] = {
		{"", 1},      {"s", 1},	      {"sec", 1},      {"second", 1},	{"seconds", 1},
		{"m", 60},    {"min", 60},    {"minute", 60},  {"minutes", 60}, {"h", 3600},
		{"hr", 3600}, {"hour", 3600}, {"hours", 3600},
	};
	uint32_t sum = 0;

	do {
		size_t digits = strspn(text, "0123456789"), unit = 0, length;
		char number[12];
		uint32_t value;

		if (digits >= sizeof(number))
			return -EINVAL;
		memcpy(number, text, digits);
		number[digits] = '\0';
		text += digits;
		length = strcspn(text, "0123456789");
		while (unit < ARRAY_SIZE(units) && (strlen(units[unit].name) != length ||
						    strncmp(text, units[unit].name, length)))
			unit++;
		if (unit == ARRAY_SIZE(units) ||
		    number_parse(number, 0, max / units[unit].seconds, &value) < 0)
			return -EINVAL;
		sum += value * units[unit].seconds;
		text += length;
	} while (*text && sum <= max);
	if (sum > max)
		return -EINVAL;
	*ret = sum;
	return 0;
}

int text_copy(char *ret, size_t size, const char *text)
{
	size_t length = strlen(text);

	if (length >= size)
		return -ENAMETOOLONG;
	memcpy(ret, text, length + 1);
	return 0;
}

int time_text(time_t time, char ret[TIME_LENGTH + 1])
{
	struct tm tm;

	if (!gmtime_r(&time, &tm) ||
	    strftime(ret, TIME_LENGTH + 1, "%Y-%m-%dT%H:%M:%SZ", &tm) != TIME_LENGTH)
		return -EOVERFLOW;
	return 0;
}

char *base64_encode(const struct blob *blob)
{
	size_t groups = (blob->size + 2) / 3;
	char *text = malloc(groups * 4 + 1), *out = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < blob->size; i += 3) {
		size_t left = blob->size - i;
		uint32_t v = (uint32_t)blob->data[i] << 16;

		if (left > 1)
			v |= (uint32_t)blob->data[i + 1] << 8;
		if (left > 2)
			v |= blob->data[i + 2];
		*out++ = base64_digits[v >> 18];
		*out++ = base64_digits[v >> 12 & 63];
		*out++ = left > 1 ? base64_digits[v >> 6 & 63] : '=';
		*out++ = left > 2 ? base64_digits[v & 63] : '=';
	}
	*out = '\0';
	return text;
}

size_t utf8_read(const char *text, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const uint8_t *byte = (const uint8_t *)text;
	size_t n = *byte < 0x80	      ? 1
		   : *byte >> 5 == 6  ? 2
		   : *byte >> 4 == 14 ? 3
		   : *byte >> 3 == 30 ? 4
				      : 0;
	uint32_t c = n == 1 ? *byte : *byte & 0x7fu >> n;

	for (size_t i = 1; i < n; i++) {
		if (byte[i] >> 6 != 2)
			return 0;
		c = c << 6 | (byte[i] & 0x3f);
	}
	if (!n || c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

bool is_printable(uint32_t c)
{
	/* Separators of lines and paragraphs, marks of direction, and what has no width at all. */
	if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x2069) || c == 0xfeff)
		return false;
	return c >= 0x20 && !(c >= 0x7f && c <= 0x9f);
}

void make_printable(char *text, const char *keep)
{
	while (*text) {
		uint32_t c = 0;
		size_t n = utf8_read(text, &c);

		if (!n || (!is_printable(c) && (c >= 0x80 || !strchr(keep, (int)c))))
			memset(text, '?', n ?: 1);
		text += n ?: 1;
	}
}

char *printable_copy(const char *text)
{
	char *copy = strdup(text);

	if (copy)
		make_printable(copy, "");
	return copy;
}

int base64_decode(const char *text, struct blob *ret)
{
	size_t length = strlen(text), padding = 0, size = 0;
	uint8_t *data;

	if (length % 4)
		return -EINVAL;
	while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
		padding++;
	data = malloc(length / 4 * 3 + 1);
	if (!data)
		return -ENOMEM;
	for (size_t i = 0; i < length; i += 4) {
		uint32_t v = 0;

		for (size_t k = 0; k < 4; k++) {
			bool pad = i + k >= length - padding;
			const char *digit =
				pad ? base64_digits : strchr(base64_digits, text[i + k]);

			if (!digit) {
				free(data);
				return -EINVAL;
			}
			v = v << 6 | (uint32_t)(digit - base64_digits);
		}
		data[size++] = (uint8_t)(v >> 16);
		data[size++] = (uint8_t)(v >> 8);
		data[size++] = (uint8_t)v;
	}
	ret->data = data;
	ret->size = size - padding;
	return 0;
}

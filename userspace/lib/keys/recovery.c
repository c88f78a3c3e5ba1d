// SPDX-License-Identifier: LGPL-2.1-or-later
/* Recovery passwords: making, reading, and finding the typo. */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "keys/recovery.h"

#define GROUP_DIGITS  6
#define GROUP_DIVISOR 11
#define GROUP_LIMIT   (65536 * GROUP_DIVISOR) /* 720896 */
#define DIGITS	      (RECOVERY_GROUPS * GROUP_DIGITS)

/* Write the canonical text of eight 16-bit values. */
static struct secret *recovery_format(const uint16_t values[RECOVERY_GROUPS])
{
	struct secret *text = secret_new(RECOVERY_TEXT_LENGTH);
	uint8_t *out;

	if (!text)
		return NULL;
	out = text->data;
	for (unsigned int i = 0; i < RECOVERY_GROUPS; i++) {
		uint32_t group = (uint32_t)values[i] * GROUP_DIVISOR;

		if (i)
			*out++ = '-';
		for (int k = GROUP_DIGITS - 1; k >= 0; k--, group /= 10)
			out[k] = (uint8_t)('0' + group % 10);
		out += GROUP_DIGITS;
	}
	return text;
}

struct secret *recovery_generate(void)
{
	_cleanup_secret_ struct secret *random = secret_random(RECOVERY_GROUPS * sizeof(uint16_t));

	return random ? recovery_format((const uint16_t *)random->data) : NULL;
}

int recovery_parse(const struct secret *typed, struct secret **ret, unsigned int *ret_group)
{
	_cleanup_secret_ struct secret *values = secret_new(RECOVERY_GROUPS * sizeof(uint16_t));
	uint16_t *value = values ? (uint16_t *)values->data : NULL;
	static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
	uint32_t group = 0;
	unsigned int digits = 0, wrong = 0;
	size_t first = 0;

	*ret_group = 0;
	if (!values)
		return -ENOMEM;
	/* Some editors begin a text with the byte order mark. */
	if (typed->size > sizeof(mark) && !memcmp(typed->data, mark, sizeof(mark)))
		first = sizeof(mark);
	for (size_t i = first; i < typed->size; i++) {
		uint8_t c = typed->data[i];

		if (c && strchr(" -\t\r\n", c))
			continue;
		if (c < '0' || c > '9' || digits == DIGITS)
			return -EINVAL;
		group = group * 10 + (c - '0');
		if (++digits % GROUP_DIGITS)
			continue;
		if ((group % GROUP_DIVISOR || group >= GROUP_LIMIT) && !wrong)
			wrong = digits / GROUP_DIGITS;
		value[digits / GROUP_DIGITS - 1] = (uint16_t)(group / GROUP_DIVISOR);
		group = 0;
	}
	if (digits != DIGITS)
		return -EINVAL;
	*ret_group = wrong;
	if (wrong)
		return -EINVAL;
	*ret = recovery_format(value);
	return *ret ? 0 : -ENOMEM;
}

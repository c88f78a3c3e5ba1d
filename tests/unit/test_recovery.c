// SPDX-License-Identifier: LGPL-2.1-or-later
/* Recovery passwords: spelling, and naming the typo. */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "keys/recovery.h"
#include "test.h"

/* Values 0, 1, 65535 and some between, times eleven. */
static const char canonical[] = "000000-000011-720885-000110-110011-300003-555555-654324";

/* Parse @text; gives the result, and the group that is wrong. */
static int parse(const char *text, unsigned int *group, char out[RECOVERY_TEXT_LENGTH + 1])
{
	_cleanup_secret_ struct secret *typed = secret_copy(text, strlen(text)), *parsed = NULL;
	int r = recovery_parse(typed, &parsed, group);

	out[0] = '\0';
	if (parsed) {
		memcpy(out, parsed->data, parsed->size);
		out[parsed->size] = '\0';
	}
	return r;
}

int main(void)
{
	static const char *const spellings[] = {
		canonical,
		"000000 000011 720885 000110 110011 300003 555555 654324\n",
		"000000000011720885000110110011300003555555654324",
		" 000000-000011-720885-000110\t110011-300003-555555-654324-\r\n",
	};
	static const char *const malformed[] = {
		"",
		"-",
		"hello",
		"000000-000011-720885-000110-110011-300003-555555-65432",
		"000000-000011-720885-000110-110011-300003-555555-6543240",
		"000000-000011-720885-000110-110011-300003-555555-65432x",
		"000000-000011-720885-000110-110011-300003-555555-654324-000000",
	};
	char out[RECOVERY_TEXT_LENGTH + 1], typo[sizeof(canonical)];
	unsigned int group;

	for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
		CHECK(parse(spellings[i], &group, out) == 0);
		CHECK(!strcmp(out, canonical));
	}
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
		CHECK(parse(malformed[i], &group, out) == -EINVAL);
		CHECK(group == 0);
	}

	/* Any single wrong digit is noticed, and its group named. */
	for (size_t i = 0; i < RECOVERY_TEXT_LENGTH; i++) {
		if (canonical[i] == '-')
			continue;
		strcpy(typo, canonical);
		typo[i] = typo[i] == '9' ? '0' : (char)(typo[i] + 1);
		CHECK(parse(typo, &group, out) == -EINVAL);
		CHECK(group == i / 7 + 1);
	}
	/* 720896 is divisible by eleven but more than 16 bits. */
	CHECK(parse("720896-000011-720885-000110-110011-300003-555555-654324", &group, out) ==
	      -EINVAL);
	CHECK(group == 1);

	/* What is generated parses to itself, and differs from time to time. */
	for (int i = 0; i < 100; i++) {
		_cleanup_secret_ struct secret *a = recovery_generate(), *b = recovery_generate();
		_cleanup_secret_ struct secret *parsed = NULL;

		CHECK(a->size == RECOVERY_TEXT_LENGTH);
		CHECK(recovery_parse(a, &parsed, &group) == 0);
		CHECK(secret_equal(a, parsed));
		CHECK(!secret_equal(a, b));
	}
	return test_done();
}

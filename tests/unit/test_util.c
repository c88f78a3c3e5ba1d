// SPDX-License-Identifier: LGPL-2.1-or-later
/* Texts that go to a terminal. */
#include <string.h>

#include "base/util.h"
#include "test.h"

static void test_printable(void)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{"", ""},
		{"Käse ≠ 🧀, ~", "Käse ≠ 🧀, ~"},
		{"\033]0;pwn\a\033[2J", "?]0;pwn??[2J"},
		{"a\nb\tc\rd\177e", "a?b?c?d?e"},
		{"\302\233"
		 "2J",
		 "??2J"},		  /* CSI, one of C1 */
		{"\302\240", "\302\240"}, /* U+00A0 */
		{"\233"
		 "2J\377",
		 "?2J?"},		      /* no UTF-8 */
		{"\300\200\300\257", "????"}, /* overlong */
		{"\340\237\277\360\217\277\277", "???????"},
		{"\355\240\200", "???"},			  /* a surrogate */
		{"\364\220\200\200\370\210\200\200", "????????"}, /* above U+10FFFF */
		{"\342\202", "??"},				  /* cut short */
		{"\303(", "?("},
		{"\342\200\256", "???"}, /* U+202E turns the line around */
		{"\342\201\246\342\200\250", "??????"},
		{"\355\237\277\356\200\200\364\217\277\277",
		 "\355\237\277\356\200\200\364\217\277\277"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *shown = printable_copy(cases[i].text);

		CHECK(!strcmp(shown, cases[i].shown));
		make_printable(shown, "");
		CHECK(!strcmp(shown, cases[i].shown));
	}
}

static void test_kept(void)
{
	char text[] = "one\n\ttwo\033\r";

	make_printable(text, "\n\t");
	CHECK(!strcmp(text, "one\n\ttwo??"));
}

/* Whatever two bytes stand there, what comes of them has no control character. */
static void test_all(void)
{
	for (unsigned int pair = 0x101; pair <= 0xffff; pair++) {
		char text[] = {(char)(pair >> 8), (char)pair, 'x', '\0'};

		make_printable(text, "");
		for (const char *c = text; *c;) {
			uint32_t character;
			size_t n = utf8_read(c, &character);

			CHECK(n && is_printable(character));
			c += n ?: 1;
		}
		CHECK(!(pair & 0xff) || !(pair >> 8) || strlen(text) == 3);
	}
}

int main(void)
{
	test_printable();
	test_kept();
	test_all();
	return test_done();
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Parsing the kernel command line. */
#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "volume/fvetab.h"

#define WHITE	    " \t\r\n"
#define UUID_LENGTH 36

typedef void complain_fn(unsigned int line, const char *what, const char *word);

/*
 * "luks-" and the quotes of other tools are not ours: a UUID is hex digits and dashes. For a part
 * of one the boot would wait without end.
 */
static bool is_uuid(const char *text, size_t length)
{
	return length == UUID_LENGTH && strspn(text, "0123456789abcdefABCDEF-") >= length;
}

static int add_volume(struct bootargs *args, const char *uuid, size_t length, const char *name)
{
	size_t i;

	if (!is_uuid(uuid, length) || (*name && !fvetab_is_name(name)))
		return -EINVAL;
	for (i = 0; i < args->n; i++)
		if (strlen(args->volume[i].uuid) == length &&
		    !strncasecmp(args->volume[i].uuid, uuid, length))
			break;
	if (i == FVETAB_MAX)
		return -E2BIG;
	memcpy(args->volume[i].uuid, uuid, length);
	args->volume[i].uuid[length] = '\0';
	if (*name)
		text_copy(args->volume[i].name, sizeof(args->volume[i].name), name);
	if (i == args->n)
		args->n++;
	return 0;
}

static int set_word(struct bootargs *args, const char *name, const char *value)
{
	const char *equals;
	bool enabled;
	int r;

	if (!strcmp(name, "root"))
		return text_copy(args->root, sizeof(args->root), value);
	if (!strcmp(name, "resume"))
		return text_copy(args->resume, sizeof(args->resume), value);
	if (!strcmp(name, "resume_offset"))
		return number_parse(value, 0, UINT32_MAX, &args->resume_offset);
	if (!strcmp(name, "rd.fve")) {
		r = bool_parse(value, &enabled);
		args->disabled = r == 0 ? !enabled : args->disabled;
		return r;
	}
	if (!strcmp(name, "systemd.import_credentials")) {
		r = bool_parse(value, &enabled);
		args->no_credentials = r == 0 && !enabled;
		return 0;
	}
	if (!strcmp(name, "rd.fve.recovery"))
		return bool_parse(value, &args->recovery);
	if (!strcmp(name, "rd.fve.timeout"))
		return seconds_parse(value, FVETAB_SECONDS_MAX, &args->timeout_s);
	if (!strcmp(name, "rd.fve.uuid"))
		return add_volume(args, value, strlen(value), "");
	if (!strcmp(name, "rd.fve.name")) {
		equals = strchr(value, '=');
		return equals ? add_volume(args, value, (size_t)(equals - value), equals + 1)
			      : -EINVAL;
	}
	return strncmp(name, "rd.fve.", 7) ? 0 : -EINVAL;
}

/* One word, without the quotes around it or its value; NULL at the end. */
static const char *next_word(const char *text, char *ret, size_t size)
{
	bool quoted = false;
	size_t n = 0;

	text += strspn(text, WHITE);
	if (!*text)
		return NULL;
	for (; *text && (quoted || !strchr(WHITE, *text)); text++) {
		if (*text == '"')
			quoted = !quoted;
		else if (n < size - 1)
			ret[n++] = *text;
	}
	ret[n] = '\0';
	return text;
}

size_t bootargs_parse(const char *cmdline, struct bootargs *ret, complain_fn *complain)
{
	char word[FVETAB_LINE_MAX], whole[FVETAB_LINE_MAX];
	size_t wrong = 0;

	*ret = (struct bootargs){.timeout_s = FVETAB_UNSET};
	while ((cmdline = next_word(cmdline, word, sizeof(word)))) {
		char *value = strchr(word, '=');

		strcpy(whole, word);
		if (value)
			*value++ = '\0';
		if (set_word(ret, word, value ?: "") == 0)
			continue;
		complain(0, "wrong word on the kernel command line, skipped", whole);
		wrong++;
	}
	return wrong;
}

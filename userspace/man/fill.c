// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A build tool: copies a template from standard input to standard output and puts what the tables
 * of fvesetup say in the place of lines that are only a @WORD@. The man page (scdoc) and the
 * completions of the shells are made by it.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/table.h"

/* What scdoc takes for markup. */
static void put_plain(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (strchr("_*\\", text[i]))
			putchar('\\');
		putchar(text[i]);
	}
}

/* @text as scdoc: --options bold, <words> underlined. */
static void put_text(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, " "), option = 0;
		const char *end = strchr(text, '>');

		if (*text == '<' && end) {
			n = (size_t)(end - text) + 1;
			printf("_%.*s_", (int)n - 2, text + 1);
		} else if (!strncmp(text, "--", 2)) {
			while (isalnum((unsigned char)text[option]) || text[option] == '-')
				option++;
			printf("*%.*s*", (int)option, text);
			put_plain(text + option, n - option);
		} else {
			const char *open = memchr(text, '<', n);

			n = open ? (size_t)(open - text) : n;
			put_plain(text, n);
		}
		text += n;
		if (*text == ' ')
			putchar(*text++);
	}
}

/* A sentence from what goes on after a name: "read it" -> "Read it." */
static void put_sentence(const char *about, const char *help)
{
	char first[2] = {(char)toupper((unsigned char)help[0]), 0};

	putchar('\t');
	if (about) {
		put_text(about);
	} else {
		put_text(first);
		put_text(help + 1);
		putchar('.');
	}
	putchar('\n');
}

static void put_action_name(const struct action *action)
{
	printf("*%s* ", action->words);
	put_text(action->operands);
}

static void put_synopsis(void)
{
	for (size_t i = 0; i < n_actions; i++) {
		printf("*fvesetup* [options] ");
		put_action_name(actions[i]);
		puts(i + 1 < n_actions ? "++" : "");
	}
}

static void put_actions(void)
{
	const char *group = "";

	for (size_t i = 0; i < n_actions; i++) {
		if (strcmp(group, actions[i]->group))
			printf("%s## %s\n\n", *group ? "\n" : "", actions[i]->group);
		else
			putchar('\n');
		group = actions[i]->group;
		put_action_name(actions[i]);
		putchar('\n');
		put_sentence(actions[i]->about, actions[i]->help);
	}
}

static void put_specs(void)
{
	for (size_t i = 0; i < n_specs; i++) {
		printf("%s*%s*\n", i ? "\n" : "", specs[i].spec);
		put_sentence(specs[i].about, specs[i].help);
	}
}

static void put_options(void)
{
	for (size_t i = 0; i < OPT_END; i++) {
		const struct option_row *o = &options[i];
		const char *between = "";

		if (i > 0)
			putchar('\n');
		if (o->letter)
			printf("*-%c*, ", o->letter);
		printf("*--%s*", o->name);
		if (o->argument)
			printf("=_%s_", o->argument);
		putchar('\n');
		put_sentence(o->about, o->help);
		if (i >= OPT_COMMON)
			continue;
		printf("\t(With ");
		for (size_t a = 0; a < n_actions; a++)
			if (action_takes(actions[a], (enum option_id)i)) {
				printf("%s%s", between, actions[a]->words);
				between = ", ";
			}
		printf(".)\n");
	}
}

/* Bash arrays; no text of the tables holds a quote. */
static void put_completion(void)
{
	for (size_t i = 0; i < n_actions; i++) {
		printf("_fvesetup_operands['%s']='%s'\n", actions[i]->words, actions[i]->operands);
		printf("_fvesetup_takes['%s']='", actions[i]->words);
		for (size_t o = 0; o < OPT_COMMON; o++)
			if (action_takes(actions[i], (enum option_id)o))
				printf("--%s%s ", options[o].name, options[o].argument ? "=" : "");
		puts("'");
	}
	printf("_fvesetup_common='");
	for (size_t o = OPT_COMMON; o < OPT_END; o++)
		printf("--%s ", options[o].name);
	puts("'");
	for (size_t o = 0; o < OPT_END; o++) {
		if (!options[o].argument)
			continue;
		printf("_fvesetup_argument['--%s']='%s'\n", options[o].name, options[o].argument);
		if (options[o].letter)
			printf("_fvesetup_argument['-%c']='%s'\n", options[o].letter,
			       options[o].argument);
	}
	printf("_fvesetup_kinds='");
	for (size_t i = 0; i < n_specs; i++)
		printf("%.*s ", (int)strcspn(specs[i].spec, "["), specs[i].spec);
	puts("'");
}

/* In quotes of zsh and fish, both of which take \\' for one. */
static void put_quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++)
		printf(*text == '\'' ? "'\\''" : "%c", *text);
	putchar('\'');
}

/* Elements of zsh's associative arrays; a key has no quotes of its own there. */
static void put_zsh(void)
{
	puts("_fvesetup_actions=(");
	for (size_t i = 0; i < n_actions; i++) {
		printf("\t'%s' ", actions[i]->words);
		put_quoted(actions[i]->help);
		putchar('\n');
	}
	puts(")\n_fvesetup_operands=(");
	for (size_t i = 0; i < n_actions; i++)
		printf("\t'%s' '%s'\n", actions[i]->words, actions[i]->operands);
	puts(")\n_fvesetup_takes=(");
	for (size_t i = 0; i < n_actions; i++) {
		printf("\t'%s' '", actions[i]->words);
		for (size_t o = 0; o < OPT_END; o++)
			if (action_takes(actions[i], (enum option_id)o))
				printf("--%s ", options[o].name);
		puts("'");
	}
	puts(")\n_fvesetup_help=(");
	for (size_t o = 0; o < OPT_END; o++) {
		printf("\t'--%s' ", options[o].name);
		put_quoted(options[o].help);
		putchar('\n');
	}
	puts(")\n_fvesetup_argument=(");
	for (size_t o = 0; o < OPT_END; o++) {
		if (!options[o].argument)
			continue;
		printf("\t'--%s' '%s'\n", options[o].name, options[o].argument);
		if (options[o].letter)
			printf("\t'-%c' '%s'\n", options[o].letter, options[o].argument);
	}
	printf(")\n_fvesetup_kinds=(");
	for (size_t i = 0; i < n_specs; i++)
		printf(" '%.*s'", (int)strcspn(specs[i].spec, "["), specs[i].spec);
	puts(" )");
}

/* One line of fish for each word and option; __fvesetup_at is in the template. */
static void put_fish(void)
{
	for (size_t i = 0; i < n_actions; i++) {
		const char *words = actions[i]->words, *second = strchr(words, ' ');
		int first = second ? (int)(second - words) : (int)strlen(words);

		if (second)
			printf("complete -c fvesetup -n '__fvesetup_group %.*s' -a '%s' -d ", first,
			       words, second + 1);
		else
			printf("complete -c fvesetup -n '__fvesetup_group' -a '%s' -d ", words);
		put_quoted(actions[i]->help);
		putchar('\n');
		/* The first word of several is offered once. */
		if (second && (!i || strncmp(actions[i - 1]->words, words, (size_t)first + 1)))
			printf("complete -c fvesetup -n '__fvesetup_group' -a '%.*s' -d '%s'\n",
			       first, words, actions[i]->group);
		for (const char *at = actions[i]->operands; (at = strchr(at, '<')); at++)
			printf("complete -c fvesetup -n '__fvesetup_at %s' -a "
			       "'(__fvesetup_value %.*s)'\n",
			       words, (int)strcspn(at + 1, ">"), at + 1);
	}
	for (size_t o = 0; o < OPT_END; o++) {
		printf("complete -c fvesetup -l %s", options[o].name);
		if (options[o].letter)
			printf(" -s %c", options[o].letter);
		if (options[o].argument)
			printf(" -x -a '(__fvesetup_value %s)'", options[o].argument);
		if (o < OPT_COMMON) {
			const char *between = "";

			printf(" -n '__fvesetup_takes ");
			for (size_t i = 0; i < n_actions; i++)
				if (action_takes(actions[i], (enum option_id)o)) {
					printf("%s\"%s\"", between, actions[i]->words);
					between = " ";
				}
			putchar('\'');
		}
		printf(" -d ");
		put_quoted(options[o].help);
		putchar('\n');
	}
	printf("set -g __fvesetup_kinds");
	for (size_t i = 0; i < n_specs; i++)
		printf(" '%.*s'", (int)strcspn(specs[i].spec, "["), specs[i].spec);
	putchar('\n');
}

/* For tests: "action words:--option --option ...". */
static void put_list(void)
{
	for (size_t i = 0; i < n_actions; i++) {
		printf("%s:", actions[i]->words);
		for (size_t o = 0; o < OPT_COMMON; o++)
			if (action_takes(actions[i], (enum option_id)o))
				printf(" --%s", options[o].name);
		putchar('\n');
	}
	printf(":");
	for (size_t o = OPT_COMMON; o < OPT_END; o++)
		printf(" --%s", options[o].name);
	putchar('\n');
}

static const struct {
	const char *line;
	void (*put)(void);
} places[] = {
	{"@SYNOPSIS@\n", put_synopsis},
	{"@ACTIONS@\n", put_actions},
	{"@SPECS@\n", put_specs},
	{"@OPTIONS@\n", put_options},
	{"@COMPLETION@\n", put_completion},
	{"@LIST@\n", put_list},
	{"@ZSH@\n", put_zsh},
	{"@FISH@\n", put_fish},
};

int main(void)
{
	char line[512];

	while (fgets(line, sizeof(line), stdin)) {
		bool filled = false;

		for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
			if (strcmp(line, places[i].line))
				continue;
			places[i].put();
			filled = true;
		}
		if (!filled)
			fputs(line, stdout);
	}
	return fflush(stdout) || ferror(stdin) ? 1 : 0;
}

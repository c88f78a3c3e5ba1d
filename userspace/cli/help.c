// SPDX-License-Identifier: LGPL-2.1-or-later
/* What --help prints, from the tables. */
#include <stdio.h>
#include <string.h>

#include "cli/show.h"
#include "cli/table.h"

#define ACTION_COLUMN 34 /* where the actions' one-line texts begin */
#define OPTION_COLUMN 30
#define SPEC_COLUMN   38

/* Two columns: @name, then @text from @column on, or on the next line where @name is too long. */
static void print_row(const char *name, const char *text, int column)
{
	int n = printf("  %s", name);

	if (n > column - 1) {
		putchar('\n');
		n = 0;
	}
	printf("%*s", column - n, "");
	show_wrapped(text, column);
}

static void print_action_row(const struct action *action)
{
	char name[80];

	snprintf(name, sizeof(name), "%s %s", action->words, action->operands);
	print_row(name, action->help, ACTION_COLUMN);
}

static void print_option_row(const struct option_row *option)
{
	char name[60], letter[5] = "    ";

	if (option->letter)
		snprintf(letter, sizeof(letter), "-%c, ", option->letter);
	snprintf(name, sizeof(name), "%s--%s%s%s", letter, option->name,
		 option->argument ? "=" : "", option->argument ?: "");
	print_row(name, option->help, OPTION_COLUMN);
}

static void print_common_options(void)
{
	for (size_t i = OPT_COMMON; i < OPT_END; i++)
		print_option_row(&options[i]);
}

static void print_specs(void)
{
	printf("\nProtectors, as <spec>:\n");
	for (size_t i = 0; i < n_specs; i++)
		print_row(specs[i].spec, specs[i].help, SPEC_COLUMN);
	printf("  each with [,label=TEXT]\n");
}

void help_print(void)
{
	const char *group = "";

	printf("fvesetup " FVE_VERSION ": volumes of the fve target, with BitLocker's key model\n\n"
	       "Usage: fvesetup [options] <action> <operands>\n"
	       "       fvesetup <action> --help     what it does, and the options it takes\n");
	for (size_t i = 0; i < n_actions; i++) {
		if (strcmp(group, actions[i]->group))
			printf("\n%s:\n", actions[i]->group);
		group = actions[i]->group;
		print_action_row(actions[i]);
	}
	print_specs();
	printf("\nOptions of every action:\n");
	print_common_options();
	printf("\nExit codes: 0 done, 1 wrong parameters, 2 no permission (wrong secret, policy\n"
	       "refused), 3 out of memory, 4 wrong device or file, 5 busy or exists.\n"
	       "The recovery password also opens the volume with: cryptsetup open <device> "
	       "<name>\n");
}

void help_print_action(const struct action *action)
{
	printf("Usage: fvesetup %s [options] %s\n\n", action->words, action->operands);
	show_wrapped(action->about, 0);
	printf("\nOptions:\n");
	for (size_t i = 0; i < OPT_COMMON; i++)
		if (action_takes(action, (enum option_id)i))
			print_option_row(&options[i]);
	print_common_options();
	if (strstr(action->operands, "<spec>") || action == &action_format)
		print_specs();
}

bool help_print_group(const char *word)
{
	size_t length = strlen(word);
	bool found = false;

	for (size_t i = 0; i < n_actions; i++) {
		if (strncmp(actions[i]->words, word, length) || actions[i]->words[length] != ' ')
			continue;
		if (!found)
			printf("Usage: fvesetup <action> <operands>\n\n");
		found = true;
		print_action_row(actions[i]);
	}
	return found;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* fvesetup: from the command line to the action, and from its error to the exit code. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/table.h"
#include "os/process.h"

#define DEFAULT_TRIES 3

/* cryptsetup's exit codes, cryptsetup(8) "RETURN CODES". */
enum exit_code {
	EXIT_OK = 0,
	EXIT_PARAMETERS = 1,
	EXIT_PERMISSION = 2,
	EXIT_MEMORY = 3,
	EXIT_DEGRADED = 3, /* of policy check: one of two roots does not unwrap */
	EXIT_DEVICE = 4,
	EXIT_BUSY = 5,
};

static enum exit_code exit_code(int error)
{
	switch (-error) {
	case 0:
		return EXIT_OK;
	case EPERM:
	case EACCES:
	case ENOKEY:
	case EKEYREJECTED:
		return EXIT_PERMISSION;
	case ENOMEM:
		return EXIT_MEMORY;
	case EREMOTEIO:
		return EXIT_DEGRADED;
	case ENODEV:
	case ENXIO:
	case ENOENT:
	case ENOTBLK:
	case ENOTUNIQ:
	case ENOTDIR:
	case EISDIR:
	case EFBIG:
	case EBADMSG:
	case EIO:
	case ENOPKG:
	case EHOSTUNREACH:
	case EROFS:
		return EXIT_DEVICE;
	case EBUSY:
	case EEXIST:
	case ENOSPC:
		return EXIT_BUSY;
	default:
		return EXIT_PARAMETERS;
	}
}

static unsigned int count(const char *text, char c)
{
	unsigned int n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

/* There is no action as @words say: the message says what there is. */
static int refuse_action(char **words, int n)
{
	size_t length = strlen(words[0]);
	char seconds[200] = "";

	for (size_t i = 0; i < n_actions; i++) {
		if (strncmp(actions[i]->words, words[0], length) ||
		    actions[i]->words[length] != ' ')
			continue;
		snprintf(seconds + strlen(seconds), sizeof(seconds) - strlen(seconds), "%s%s",
			 *seconds ? ", " : "", actions[i]->words + length + 1);
	}
	if (!*seconds)
		return log_errno(EINVAL, "there is no action %s; see fvesetup --help", words[0]);
	if (n > 1)
		return log_errno(EINVAL, "there is no action %s %s; %s takes one of: %s", words[0],
				 words[1], words[0], seconds);
	return log_errno(EINVAL, "%s takes one of: %s", words[0], seconds);
}

/* --help: on the action that is named, on all that begin with the word, or on everything. */
static int show_help(char **words, int n)
{
	const struct action *action;
	int used;

	if (n == 0) {
		help_print();
		return 0;
	}
	action = action_find(words, n, &used);
	if (action)
		help_print_action(action);
	else if (n > 1 || !help_print_group(words[0]))
		return refuse_action(words, n);
	return 0;
}

/* What a report of a bug begins with. No operand is part of it: a person may have typed anything.
 */
static void tell_where(const struct action *action)
{
	struct utsname system;

	if (uname(&system) == 0)
		log_debug("fvesetup " FVE_VERSION " %s, %s %s %s, user %u", action->words,
			  system.sysname, system.release, system.machine, geteuid());
}

static int run(int argc, char **argv)
{
	struct args args = {.unlock.tries = DEFAULT_TRIES};
	bool given[OPT_END] = {0};
	const struct action *action;
	unsigned int operands, most;
	int first, words = 0;
	int r = options_parse(argc, argv, &args, given, &first);

	if (r < 0)
		return r;
	if (args.version) {
		puts("fvesetup " FVE_VERSION);
		return 0;
	}
	if (args.help)
		return show_help(argv + first, argc - first);
	if (first == argc)
		return log_errno(EINVAL, "no action given; see fvesetup --help");
	action = action_find(argv + first, argc - first, &words);
	if (!action)
		return refuse_action(argv + first, argc - first);
	for (size_t i = 0; i < OPT_END; i++)
		if (given[i] && !action_takes(action, (enum option_id)i))
			return log_errno(EINVAL, "--%s does not go with %s", options[i].name,
					 action->words);
	operands = (unsigned int)(argc - first - words);
	most = count(action->operands, '<');
	if (operands > most || operands + count(action->operands, '[') < most)
		return log_errno(EINVAL, "usage: fvesetup %s %s", action->words, action->operands);
	for (unsigned int i = 0; i < operands; i++)
		args.operand[i] = argv[first + words + (int)i];
	args.unlock.device = args.operand[0];
	args.unlock.protector = args.protector[0];
	if (args.n_protectors > 1 && action != &action_format)
		return log_errno(EINVAL, "--protector can be given once here");
	tell_where(action);
	return action->run(&args);
}

int main(int argc, char **argv)
{
	int r, closed;

	process_init();
	r = run(argc, argv);
	if (r == -ENOMEM)
		log_error("out of memory, or out of memory that may be locked (ulimit -l)");
	closed = process_close_stdout();
	if (closed < 0)
		log_error("cannot write to standard output: %s", strerror(-closed));
	return exit_code(r < 0 ? r : closed < 0 ? -EIO : 0);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tables of actions and options. --help, the man page and the shell completion are made from
 * them, so that they cannot disagree.
 *
 * A new action is one row in actions.c, its prototype in cli.h and one cmd_<verb>.c; a new option
 * is one row in options.c with its name in enum option_id, and a member of struct args. Texts are
 * plain: in the man page words that begin with -- become bold, and <words> in brackets underlined.
 */
#ifndef FVE_CLI_TABLE_H
#define FVE_CLI_TABLE_H

#include "cli/cli.h"

/* In the order in which help lists them. */
enum option_id {
	OPT_PROTECTOR,
	OPT_KEY_FILE,
	OPT_NEW_KEY_FILE,
	OPT_PIN_FILE,
	OPT_STARTUP_KEY_FILE,
	OPT_OTHER_KEY_FILE,
	OPT_NO_RECOVERY,
	OPT_RECOVERY_FILE,
	OPT_ESCROW,
	OPT_ESCROW_FILE,
	OPT_ACK_FILE,
	OPT_ESCROW_KEY,
	OPT_AGENT,
	OPT_TIMEOUT,
	OPT_TRIES,
	OPT_TEST,
	OPT_TARGET,
	OPT_READ_ONLY,
	OPT_ALLOW_DISCARDS,
	OPT_LABEL,
	OPT_ROOT_A,
	OPT_ROOT_B,
	OPT_AVAILABILITY_KEY,
	OPT_AVAILABILITY,
	OPT_ON_REVOCATION,
	OPT_BOUND,
	OPT_APPROVER,
	OPT_PURGE_DAYS,
	OPT_BOOTS,
	OPT_PCRS,
	OPT_POLICY,
	OPT_SIZE,
	OPT_REQUEST,
	OPT_APPROVAL,
	OPT_CANCEL,
	OPT_CERTIFICATE,
	OPT_KERNEL,
	OPT_INITRD,
	OPT_CMDLINE,
	OPT_UKI,
	OPT_APPROVE,
	OPT_OLD_CMDLINE,
	OPT_EVENT_LOG,
	OPT_SECTOR_SIZE,
	OPT_ITER_TIME,
	OPT_PBKDF_MEMORY,
	OPT_FORCE,
	OPT_TPM,
	OPT_TABLE,
	OPT_KERNEL_CMDLINE,
	OPT_IN_INITRD,
	OPT_NETWORK,
	OPT_FIX,
	OPT_JSON,
	/* From here on: those that every action takes. */
	OPT_COMMON,
	OPT_BATCH_MODE = OPT_COMMON,
	OPT_VERBOSE,
	OPT_DEBUG,
	OPT_HELP,
	OPT_VERSION,
	OPT_END, /* their number, and the end of an action's list */
};

struct option_row {
	const char *name;
	char letter;	      /* the short option, or 0 */
	const char *argument; /* how help calls it; NULL: takes none */
	const char *help;     /* one line, which goes on after the option's name */
	const char *about;    /* whole sentences for the man page; NULL: help says all */
	/* Where the value goes; made by FLAG(), TEXT(), NUMBER() or CALL() in options.c. */
	enum {
		SET_FLAG,
		SET_TEXT,
		SET_NUMBER,
		SET_CALL
	} set;
	size_t offset; /* in struct args */
	uint32_t min, max;
	int (*call)(const char *value, struct args *args);
};

extern const struct option_row options[OPT_END];

struct action {
	const char *group;    /* heading in help; the rows of a group stand together */
	const char *words;    /* one word, or two */
	const char *operands; /* each in <>, and those that may be left out in [] */
	int (*run)(const struct args *args);
	const char *help;	     /* one line of at most 46 characters */
	const char *about;	     /* whole sentences for the action's help and the man page */
	const enum option_id *takes; /* besides the common ones, to OPT_END */
};

extern const struct action actions[];
extern const size_t n_actions;

/* A kind of protector as --protector and `protector add` take it. */
struct spec_row {
	const char *spec;
	const char *help;
	const char *about;
};

extern const struct spec_row specs[];
extern const size_t n_specs;

/* Whether @action takes @option. */
bool action_takes(const struct action *action, enum option_id option);

/* The action that the first one or two words name, or NULL; @ret_words: how many it took. */
const struct action *action_find(char **words, int n, int *ret_words);

/*
 * Take the options out of @argv, which is reordered so that the operands stand at its end, from
 * @ret_operand on. @ret_given: for each option whether it was there. -EINVAL with a message.
 */
int options_parse(int argc, char **argv, struct args *args, bool ret_given[OPT_END],
		  int *ret_operand);

/* help.c: what fvesetup is and can do; on one action, or on all whose first word is @word. */
void help_print(void);
void help_print_action(const struct action *action);
bool help_print_group(const char *word);

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tables of actions and options. --help, the man page and the shell completion are made from
 * them, so that they cannot disagree.
 *
 * A new action is one file in cli/cmd/ with its function and its row, which is named here and takes
 * its place in actions.c; a new option is one row in options.c with its name in enum option_id, and
 * a member of struct args. Texts are plain: in the man page words that begin with -- become bold,
 * and <words> in brackets underlined.
 */
#pragma once

#include "cli/cli.h"

/* In the order in which help lists them. */
enum option_id {
	OPT_PROTECTOR,
	OPT_KEY_FILE,
	OPT_NEW_KEY_FILE,
	OPT_PIN_FILE,
	OPT_STARTUP_KEY_FILE,
	OPT_OTHER_KEY_FILE,
	OPT_NET,
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
	OPT_CUSTODIAN,
	OPT_PLAIN,
	OPT_ON_REVOCATION,
	OPT_BOUND,
	OPT_APPROVER,
	OPT_PURGE_DAYS,
	OPT_LOCAL,
	OPT_SIGN,
	OPT_SIGNER,
	OPT_TEXTFILE,
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
	OPT_FREE,
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
	/* Where the value goes; made by FLAG(), TEXT(), LIST(), NUMBER() or CALL() in
	 * options.c. */
	enum {
		SET_FLAG,
		SET_TEXT,
		SET_LIST,
		SET_NUMBER,
		SET_CALL
	} set;
	size_t offset, count; /* in struct args; LIST(): of the list, and of its number */
	uint32_t min, max;
	int (*call)(const char *value, struct args *args);
};

extern const struct option_row options[OPT_END];

/* Lists that several actions share. */
#define TO_UNLOCK                                                                                \
	OPT_PROTECTOR, OPT_KEY_FILE, OPT_PIN_FILE, OPT_STARTUP_KEY_FILE, OPT_AGENT, OPT_TIMEOUT, \
		OPT_TRIES, OPT_TPM, OPT_EVENT_LOG
#define TO_MAKE_PROTECTORS                                                           \
	OPT_RECOVERY_FILE, OPT_ESCROW, OPT_ESCROW_FILE, OPT_ACK_FILE, OPT_ITER_TIME, \
		OPT_PBKDF_MEMORY

struct action {
	const char *group;    /* heading in help; the rows of a group stand together */
	const char *words;    /* one word, or two */
	const char *operands; /* each in <>, and those that may be left out in [] */
	int (*run)(const struct args *args);
	const char *help;	     /* one line of at most 46 characters */
	const char *about;	     /* whole sentences for the action's help and the man page */
	const enum option_id *takes; /* besides the common ones, to OPT_END */
};

/*
 * The row of cmd_@name(), below which it stands in cli/cmd/. The texts are those of struct action;
 * the options follow, OPT_END where there is none but the common ones.
 */
#define ACTION(name, group, words, operands, help, about, ...) \
	const struct action action_##name = {group,            \
					     words,            \
					     operands,         \
					     cmd_##name,       \
					     help,             \
					     about,            \
					     (const enum option_id[]){__VA_ARGS__, OPT_END}}

extern const struct action action_format, action_open, action_close, action_suspend, action_resume,
	action_status, action_list, action_adopt, action_release, action_erase, action_identity,
	action_dump, action_protector_list, action_protector_add, action_protector_remove,
	action_protector_change, action_protector_test, action_protector_disable,
	action_protector_enable, action_rotate_vmk, action_rotate_recovery, action_tpm_status,
	action_tpm_approve, action_tpm_predict, action_tpm_revoke, action_tpm_lockout,
	action_tpm_counters, action_policy_create, action_policy_validate, action_policy_show,
	action_policy_list, action_policy_assign, action_policy_unassign, action_policy_roll,
	action_policy_refresh, action_policy_recover, action_policy_retire, action_policy_export,
	action_policy_apply, action_policy_check, action_policy_revoke, action_policy_resume,
	action_tenant_create, action_tenant_open, action_tenant_close, action_tenant_list,
	action_tenant_assign, action_tenant_purge, action_boot_unlock, action_boot_cap,
	action_boot_finish, action_boot_generator, action_boot_check, action_boot_table,
	action_boot_lock, action_boot_switch, action_boot_resume, action_selftest, action_benchmark,
	action_header_verify, action_header_accept, action_header_backup, action_header_restore,
	action_escrow_export, action_escrow_import, action_escrow_ack, action_escrow_verify,
	action_audit_show, action_audit_verify, action_audit_export, action_metrics;

/* All of them, in the order in which help lists them. */
extern const struct action *const actions[];
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

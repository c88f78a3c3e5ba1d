/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the actions of fvesetup share: parsed arguments, asking for secrets, showing refusals. */
#ifndef FVE_CLI_H
#define FVE_CLI_H

#include "base/log.h"
#include "base/secret.h"
#include "custody/keypolicy.h"
#include "header/header.h"
#include "protector/protector.h"
#include "protector/unlock.h"
#include "volume/volume.h"

#define CLI_MAX_OPERANDS   3
#define CLI_MAX_PROTECTORS 8
#define CLI_MAX_APPROVERS  KEYPOLICY_APPROVERS_MAX
#define CLI_MAX_ESCROW	   4 /* certificates; escrow.h */

/* The command line after parsing; strings borrowed from argv. */
struct args {
	const char *operand[CLI_MAX_OPERANDS]; /* as many as the action takes; optional ones NULL */
	bool batch_mode, json, force, no_recovery, test, read_only, allow_discards;
	bool agent, in_initrd, help, version, approve;
	const char *key_file, *new_key_file, *pin_file, *startup_key_file, *other_key_file,
		*recovery_file, *label, *tcti, *table_file, *cmdline_file, *event_log, *kernel,
		*initrd, *cmdline, *old_cmdline, *uki, *root_a, *root_b, *availability_key;
	const char *protector[CLI_MAX_PROTECTORS];
	unsigned int n_protectors;
	const char *approver[CLI_MAX_APPROVERS]; /* files */
	unsigned int n_approvers;
	const char *policy, *request, *approval, *certificate;
	bool cancel;
	bool fix; /* of boot check */
	bool network;
	uint64_t size;	     /* bytes of a new file, or 0 */
	uint32_t purge_days; /* 0: not given */
	const char *escrow[CLI_MAX_ESCROW], *escrow_file, *ack_file, *escrow_key;
	unsigned int n_escrow;
	uint32_t sector_size; /* bytes, or 0 */
	uint32_t tries;
	const char *pcrs;   /* of tpm approve */
	uint32_t boots;	    /* of protector disable; 0: not given */
	uint32_t timeout_s; /* for an answer; 0: none */
	uint32_t bound;	    /* minutes; 0: not given */
	enum keypolicy_availability availability;
	enum keypolicy_action on_revocation;
	struct header_pbkdf pbkdf;
	enum volume_target target;
	uint32_t kinds;	   /* set by actions: of protectors to unlock with, as in struct unlock */
	bool stock_header; /* set by actions: only people's secrets, and no MAC is expected */
};

/* Actions that others carry out as a part of theirs: 0 or -errno, with the message printed. */
int cmd_identity(const struct args *args);
int cmd_rotate_recovery(const struct args *args);
int cmd_tpm_approve(const struct args *args);
int cmd_tpm_lockout(const struct args *args);

/* prompt.c */

/* What to ask somebody for, and how. */
struct question {
	const char *text;	/* ends in ": " */
	const char *volume;	/* the path, by which an agent tells questions apart */
	const char *file;	/* the answer is in it, every byte; "-": standard input; or NULL */
	bool agent;		/* ask the system's password agent, and no terminal */
	unsigned int timeout_s; /* how long to wait for somebody; 0: for ever */
};

/*
 * The answer from the question's file, the agent, the terminal without echo, or one line of
 * standard input where that is no terminal. -ENOKEY: nobody answered. The messages are made here.
 */
int prompt_secret(const struct question *question, struct secret **ret);
/* The same for a secret that is to be set: a person is asked twice, and it is never empty. */
int prompt_new_secret(const struct question *question, struct secret **ret);
/* 0 when the person types YES; -ECANCELED. With --batch-mode nobody is asked. */
int prompt_confirm(const struct args *args, const char *question, ...) _printf_(2, 3);

/* agent.c: ask as prompt_secret() does, through systemd-ask-password. -ENOPKG: there is none. */
int agent_ask(const struct question *question, struct secret **ret);

/* unlock.c */

/* Unlock as the arguments say; how refusals are told and secrets asked for is the same for all. */
int cli_unlock(const struct args *args, struct header *header, struct secret **ret_fvek,
	       struct protector *ret_used);

/*
 * The same for who will change the header: it has to verify, whoever opened it, and a rotation that
 * was interrupted is finished first. -EKEYREJECTED with a message.
 */
int cli_unlock_to_change(const struct args *args, struct header *header, struct secret **ret_fvek,
			 struct protector *ret_used);
/* Lock and load the first operand, and then the same. */
int cli_open_to_change(const struct args *args, int *ret_lock, struct header **ret_header,
		       struct secret **ret_fvek);
/* The name of a mapping that is given by its name or as /dev/mapper/<name>. */
const char *cli_mapping_name(const char *text);

/* The same whatever the header's MAC says, for who judges it; @person: only by people's protectors.
 */
int cli_unlock_unverified(const struct args *args, struct header *header, bool person,
			  struct secret **ret_fvek, struct protector *ret_used);

/* The contents of --startup-key-file; NULL where it is not given, not there or not a key. */
int cli_read_startup_key(const struct args *args, struct secret **ret);

/* The contents of --availability-key. The message is made here. */
int cli_read_availability_key(const struct args *args, struct secret **ret);

/* identity.c */

/* This volume is the machine's own from now on. The message is made here. */
int cli_remember_identity(const struct header *header, const struct secret *fvek);
/* With --json: an object with "device", "uuid" and "identity" (docs/json.md). */
int cli_show_identity(const struct args *args, const struct header *header,
		      const struct secret *fvek);

/* refusal.c */

struct json_object;

/* Tell a person why @protector refused. */
void cli_show_refusal(const struct args *args, const struct protector *protector,
		      const struct refusal *refusal);
/* Add "reason", "pcrs" and "event" (docs/json.md). */
void cli_refusal_json(const struct args *args, const struct refusal *refusal,
		      struct json_object *object);

/* add_protector.c */

/* Refuse a --recovery-file that exists or, where a new recovery password is to be printed, a
 * standard output that takes nothing; before anything is asked or written. */
int cli_check_recovery(const struct args *args);
/* Print it past stdio, and as far as the disk where it goes into a file. -EIO with a message. */
int cli_print_recovery(const struct secret *password, const char *before, const char *after);
/* Add a recovery protector and hand its password over: to --recovery-file, or printed once. Where
 * that fails, it is removed again. */
int cli_add_recovery(const struct args *args, struct header *header, const struct secret *fvek,
		     const struct protector_spec *spec);
/* Remove the recovery protector that is there now and was not @before, and say so. */
void cli_remove_new(struct header *header, const struct secret *fvek,
		    const struct protector *before, int n_before);

/*
 * Ask for the passphrase or PIN that @spec takes, for the first operand's volume, as
 * prompt_new_secret() does, or unlock the volume that it names; @ret stays untouched where it takes
 * none.
 */
int cli_new_secret(const struct args *args, const struct protector_spec *spec, const char *file,
		   struct secret **ret);

/*
 * Add the protector that @spec asks for, with what cli_new_secret() gave. A startup key is made
 * here and written to the new file @file, as an auto protector's key file is to its own.
 */
int cli_add_protector(const struct args *args, struct header *header, const struct secret *fvek,
		      const struct protector_spec *spec, const struct secret *secret,
		      const char *file);

/* add_auto.c */

/* Refuse a key file that exists or would lie unencrypted, before anything is written. */
int cli_check_auto(const struct args *args, const struct protector_spec *spec);
/* Where @spec names another volume: unlock that, and give its FVEK. */
int cli_auto_secret(const struct args *args, const struct protector_spec *spec,
		    struct secret **ret);
/* escrow.c */

/* Refuse what is wrong with --escrow and what goes with it, before anything is written. */
int cli_check_escrow(const struct args *args);
/*
 * Write the packet with the @password of protector @id, and wait until it is acknowledged. -ENOKEY
 * where it is not: then the caller takes the protector away again.
 */
int cli_escrow(const struct args *args, const struct header *header, const char *id,
	       const struct secret *password);

#endif

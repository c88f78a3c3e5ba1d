/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the actions of fvesetup share: parsed arguments, asking for secrets, showing refusals. */
#pragma once

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
#define CLI_MAX_CUSTODIANS 2
#define CLI_MAX_NET	   PROTECTOR_NET_MAX
#define CLI_MAX_ESCROW	   4 /* certificates; escrow.h */

/* Strings of all requests are borrowed, from argv where options gave them. */

/* How to unlock a volume: by what, with secrets from where, and whom to ask for how long. */
struct unlock_request {
	const char *device;    /* the volume, by which an agent tells questions apart, too */
	const char *protector; /* only this id or kind; NULL: all */
	uint32_t kinds;	       /* only these (kind_mask()); 0: all */
	const char *key_file, *pin_file, *startup_key_file, *availability_key;
	bool agent;
	uint32_t timeout_s; /* for an answer; 0: none */
	uint32_t tries;
	const char *tcti, *event_log; /* as for tpm_open() and event_log_load() */
	bool unverified;	      /* whatever the header's MAC says: the caller judges it */
	bool stock_header;	      /* only people's secrets, and no MAC is expected */
};

/* Where a new recovery password goes: into a file, an escrow packet, or to standard output. */
struct handover {
	const char *recovery_file;
	const char *escrow[CLI_MAX_ESCROW], *escrow_file, *ack_file;
	unsigned int n_escrow;
};

/* Which boot to approve, and how it is called. */
struct approve_request {
	struct unlock_request unlock;
	const char *label; /* NULL: a usual one */
	const char *pcrs;  /* move to these PCRs, or "default"; NULL: those of before */
	bool force;	   /* though they guard little */
};

/* Which recovery password to replace, and where the new one goes. */
struct recovery_request {
	struct unlock_request unlock;
	struct handover to;
	const char *id;	 /* of the old one; NULL: there is but one */
	bool batch_mode; /* nobody is asked whether the new one is written down */
};

/* The command line after parsing. */
struct args {
	const char *operand[CLI_MAX_OPERANDS]; /* as many as the action takes; optional ones NULL */
	bool batch_mode, json, force, no_recovery, test, read_only, allow_discards;
	bool in_initrd, help, version, approve;
	struct unlock_request unlock; /* of the first operand, unless the action says otherwise */
	struct handover handover;
	const char *new_key_file, *other_key_file, *label, *table_file, *cmdline_file, *kernel,
		*initrd, *cmdline, *old_cmdline, *uki, *root_a, *root_b;
	const char *protector[CLI_MAX_PROTECTORS];
	unsigned int n_protectors;
	const char *approver[CLI_MAX_APPROVERS]; /* files */
	unsigned int n_approvers;
	const char *policy, *request, *approval, *certificate;
	const char *sign, *signer; /* of policy export: a private key and its certificate */
	const char *textfile;	   /* of metrics */
	bool local;		   /* though signed orders make the policies here */
	bool cancel;
	bool fix; /* of boot check */
	bool network;
	uint64_t size;	     /* bytes of a new file, or 0 */
	uint32_t purge_days; /* 0: not given */
	const char *escrow_key;
	uint32_t sector_size;	/* bytes, or 0 */
	const char *pcrs;	/* of tpm approve */
	const char *free_index; /* of tpm counters */
	uint32_t boots;		/* of protector disable; 0: not given */
	uint32_t bound;		/* minutes; 0: not given */
	const char *availability;
	const char *custodian[CLI_MAX_CUSTODIANS]; /* certificates */
	unsigned int n_custodians;
	const char *net[CLI_MAX_NET]; /* URIs of tpm2-net's servers */
	unsigned int n_net;
	bool plain; /* the availability key is written in the clear */
	enum keypolicy_action on_revocation;
	struct header_pbkdf pbkdf;
	enum volume_target target;
};

/*
 * What the boot actions do, too, for the volume that a request names; in the file of the action
 * that is called so. 0 or -errno, with the message printed.
 */

/* identity.c: note and print its identity. @force: it takes the place of the one that is noted. */
int cli_identity(const struct unlock_request *how, bool force, bool json);
/* rotate.c: replace a recovery password. */
int cli_rotate_recovery(const struct recovery_request *request);
/* tpm_approve.c: approve how the machine has booted, and print the approval's id. */
int cli_approve(const struct approve_request *request);
/* tpm_lockout.c: guard the limit of wrong PINs. */
int cli_lockout(const struct unlock_request *how);

/* prompt.c */

/* What to ask somebody for, and how. */
struct question {
	const char *text;	/* ends in ": " */
	const char *volume;	/* the path, by which an agent tells questions apart */
	const char *file;	/* the answer is in it, every byte; "-": standard input; or NULL */
	bool agent;		/* ask the system's password agent, and no terminal */
	unsigned int timeout_s; /* how long to wait for somebody; 0: for ever */
	int until; /* above 0: a descriptor; when it can be read the question is withdrawn */
};

/*
 * The answer from the question's file, the agent, the terminal without echo, or one line of
 * standard input where that is no terminal. -ENOKEY: nobody answered. -ECANCELED, without a
 * message: it was withdrawn. All other messages are made here.
 */
int prompt_secret(const struct question *question, struct secret **ret);
/* The same for a secret that is to be set: a person is asked twice, and it is never empty. */
int prompt_new_secret(const struct question *question, struct secret **ret);
/* Say why nobody could type @secret, which a file had, at a terminal; NULL: somebody could. */
const char *prompt_untypable(const struct secret *secret);
/*
 * 0 when the person types YES; -ECANCELED. With --batch-mode nobody is asked. An int, since a bool
 * takes any pointer in silence: a call that forgets it would ask nobody.
 */
int prompt_confirm(int batch_mode, const char *question, ...) _printf_(2, 3);

/*
 * Wait until somebody has answered at @fd. -ENOKEY: not in time; -ECANCELED: the question was
 * withdrawn.
 */
int prompt_wait(const struct question *question, int fd, unsigned int timeout_s);

/* agent.c: ask as prompt_secret() does, through systemd-ask-password. -ENOPKG: there is none. */
int agent_ask(const struct question *question, struct secret **ret);

/* unlock.c */

/* Unlock as the request says; how refusals are told and secrets asked for is the same for all.
 * @ret_used, by what, may be NULL. */
int cli_unlock(const struct unlock_request *request, struct header *header,
	       struct secret **ret_fvek, struct protector *ret_used);

/*
 * The same for who will change the header: it has to verify, whoever opened it, and a rotation that
 * was interrupted is finished first. -EKEYREJECTED with a message.
 */
int cli_unlock_to_change(const struct unlock_request *how, struct header *header,
			 struct secret **ret_fvek);
/* Lock and load the device of the request, and then the same. */
int cli_open_to_change(const struct unlock_request *how, int *ret_lock, struct header **ret_header,
		       struct secret **ret_fvek);
/* The name of a mapping that is given by its name or as /dev/mapper/<name>. */
const char *cli_mapping_name(const char *text);

/* The startup key in @file; NULL where that is NULL, not there or not a key. */
int cli_read_startup_key(const char *file, struct secret **ret);

/* The availability key in @file. The message is made here. */
int cli_read_availability_key(const char *file, struct secret **ret);

/* custodian.c */

/*
 * Before anything is written: the file of --availability-key can be made, and each --custodian be
 * encrypted to; or --plain is given. -EINVAL.
 */
int cli_check_custodian(const struct args *args);
/* Write a new availability key into that file, as was asked for. The messages are made here. */
int cli_give_to_custodian(const struct args *args, const struct secret *key);

/* note.c */

/*
 * Note in the audit log that @event ("protector-added") has been done to the volume of @header.
 * @protector, an id, and @detail may be NULL. A failure is printed and otherwise ignored.
 */
void cli_note(const struct unlock_request *how, const struct header *header, const char *event,
	      const char *protector, const char *detail);

/* cmd/policy_fleet.c */

/* Whether policies may be made and rolled by hand here, which --local permits. -EPERM. */
int cli_policy_by_hand(const struct args *args);

/* identity.c */

/* This volume is the machine's own from now on. The message is made here. */
int cli_remember_identity(const struct header *header, const struct secret *fvek);
/* With @json: an object with "device", "uuid" and "identity" (docs/json.md). */
int cli_show_identity(bool json, const struct header *header, const struct secret *fvek);

/* refusal.c */

struct json_object;

/* Tell a person why @protector refused; @event_log as for event_log_load(). */
void cli_show_refusal(const char *event_log, const struct protector *protector,
		      const struct refusal *refusal);
/* Add "reason", "pcrs" and "event" (docs/json.md). */
void cli_refusal_json(const char *event_log, const struct refusal *refusal,
		      struct json_object *object);

/* add_protector.c */

/* Refuse a file that exists or, where a new recovery password is to be printed, a
 * standard output that takes nothing; before anything is asked or written. */
int cli_check_recovery(const struct handover *to);
/* Print it past stdio, and as far as the disk where it goes into a file. -EIO with a message. */
int cli_print_recovery(const struct secret *password, const char *before, const char *after);
/* Add a recovery protector and hand its password over. Where that fails, it is removed again. */
int cli_add_recovery(const struct handover *to, const struct unlock_request *how,
		     struct header *header, const struct secret *fvek,
		     const struct protector_spec *spec);
/* The newest protector that is there now and was not @before. -ENOENT. */
int cli_find_new(const struct header *header, const struct protector *before, int n_before,
		 struct protector *ret);
/* Remove @old, in whose place @new was added, and say so. */
int cli_replaced(struct header *header, const struct secret *fvek, const struct protector *old,
		 const struct protector *new);
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

/* Refuse a packet that exists, or a directory for packets in which none can be made. */
int cli_check_packet(const char *path);
/*
 * Where the packet of protector @id goes: @path, or in that directory a file with the name by which
 * people ask for a recovery password, and @suffix. The caller owns it. NULL: no memory.
 */
char *cli_packet_path(const char *path, const struct header *header, const char *id,
		      const char *suffix);
/* Refuse what is wrong with --escrow and what goes with it, before anything is written. */
int cli_check_escrow(const struct handover *to);
/*
 * Write the packet with the @password of protector @id, and wait until it is acknowledged. -ENOKEY
 * where it is not: then the caller takes the protector away again.
 */
int cli_escrow(const struct handover *given, const struct unlock_request *how,
	       const struct header *header, const char *id, const struct secret *password);

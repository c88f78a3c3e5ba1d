// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup protector list|add|remove|change|disable|enable' actions. */
#include <errno.h>
#include <string.h>

#include "cli/object.h"
#include "cli/show.h"
#include "cli/table.h"
#include "keys/boot_policy.h"
#include "os/device.h"
#include "os/file.h"
#include "protector/auto.h"
#include "protector/suspended.h"

static int cmd_protector_list(const struct args *args)
{
	_cleanup_header_ struct header *header = NULL;
	int r = header_load(args->operand[0], &header);

	if (r < 0)
		return r;
	if (args->json)
		return object_print_list("protectors", show_protectors_json(header));
	show_protectors(header);
	return 0;
}

ACTION(protector_list, "Protectors", "protector list", "<device>", "show what opens a volume",
       "Show all that opens the volume, with the ids that protector remove and "
       "--protector take, and from where an auto or tpm2-net has its key.",
       OPT_JSON);

/* Refuse files that do not fit the kind, or exist, before anything is asked or written. */
static int check_files(const struct args *args, enum protector_kind kind)
{
	const char *name = protector_kind_name(kind);
	bool key = kind_has(kind, KIND_KEY);
	int r;

	if ((args->handover.recovery_file || args->handover.n_escrow) &&
	    !kind_has(kind, KIND_RECOVERY))
		return log_errno(EINVAL, "--recovery-file and --escrow go with recovery");
	if (args->new_key_file && !key && !kind_rows[kind]->asks)
		return log_errno(EINVAL, "--new-key-file does not go with %s", name);
	if (!args->n_net != !kind_has(kind, KIND_NET))
		return log_errno(EINVAL, "--net goes with tpm2-net, which needs it");
	if (key && !args->new_key_file)
		return log_errno(EINVAL, "%s needs --new-key-file, to write the startup key to",
				 name);
	r = cli_check_escrow(&args->handover);
	if (r == 0 && kind_has(kind, KIND_RECOVERY))
		r = cli_check_recovery(&args->handover);
	return r < 0 || !key ? r : file_check_new(args->new_key_file, "startup key");
}

static int add(const struct args *args, const struct protector_spec *spec)
{
	_cleanup_secret_ struct secret *fvek = NULL, *secret = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	struct protector before[PROTECTOR_LIST_MAX], new;
	int n, r = check_files(args, spec->kind);

	if (r < 0)
		return r;
	r = cli_check_auto(args, spec);
	if (r < 0)
		return r;
	r = cli_open_to_change(&args->unlock, &lock, &header, &fvek);
	if (r < 0)
		return r;
	r = cli_new_secret(args, spec, args->new_key_file, &secret);
	if (r < 0)
		return r;
	n = protector_list(header, before);
	r = cli_add_protector(args, header, fvek, spec, secret, args->new_key_file);
	/* Of suspended protection there is a line already. */
	if (r == 0 && !kind_has(spec->kind, KIND_TEMPORARY) &&
	    cli_find_new(header, before, n, &new) == 0)
		log_notice("%s: added %s %s.", args->operand[0], protector_kind_name(new.kind),
			   new.head.id);
	if (r == 0)
		cli_note(&args->unlock, header, "protector-added", NULL,
			 protector_kind_name(spec->kind));
	return r;
}

static int cmd_protector_add(const struct args *args)
{
	struct protector_spec spec;
	int r = protector_spec_parse(args->operand[1], &spec);

	return r < 0 ? r : add(args, &spec);
}

ACTION(protector_add, "Protectors", "protector add", "<device> <spec>",
       "add what opens a volume; <spec> see below",
       "Add a protector. The volume is unlocked first, as by open.", TO_UNLOCK, OPT_NEW_KEY_FILE,
       OPT_OTHER_KEY_FILE, OPT_NET, OPT_FORCE, TO_MAKE_PROTECTORS);

/* What a change puts in the place of @old: the same with a new secret. */
static int spec_from(const struct protector *old, struct protector_spec *ret)
{
	*ret = (struct protector_spec){.kind = old->kind, .replaces = true};
	if (kind_has(old->kind, KIND_ALONE) && !kind_has(old->kind, KIND_NET) &&
	    kind_rows[old->kind]->token_type)
		return log_errno(EINVAL, "%s has no secret that could be changed", old->head.id);
	if (!kind_rows[old->kind]->add)
		return log_errno(EINVAL,
				 "%s was not made by this version of fvesetup; change it with what "
				 "made it, or remove it and add another",
				 old->head.id);
	strcpy(ret->label, old->head.stored);
	return 0;
}

/* Power may go between adding and removing: then both open. */
static int cmd_protector_change(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL, *secret = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	const char *path = args->operand[0];
	struct protector_spec spec;
	struct protector before[PROTECTOR_LIST_MAX], old, new;
	int n;
	int r = device_lock(path, DEVICE_TO_CHANGE, &lock);

	if (r < 0)
		return r;
	r = header_load(path, &header);
	if (r < 0)
		return r;
	r = protector_find(header, args->operand[1], &old);
	if (r < 0)
		return r;
	r = spec_from(&old, &spec);
	if (r < 0)
		return r;
	r = check_files(args, spec.kind);
	if (r < 0)
		return r;
	r = cli_unlock_to_change(&args->unlock, header, &fvek);
	if (r < 0)
		return r;
	r = cli_new_secret(args, &spec, args->new_key_file, &secret);
	if (r < 0)
		return r;
	n = protector_list(header, before);
	r = cli_add_protector(args, header, fvek, &spec, secret, args->new_key_file);
	if (r == 0)
		r = cli_find_new(header, before, n, &new);
	if (r == 0)
		r = cli_replaced(header, fvek, &old, &new);
	if (r == 0)
		cli_note(&args->unlock, header, "protector-changed", old.head.id,
			 protector_kind_name(old.kind));
	return r;
}

ACTION(protector_change, "Protectors", "protector change", "<device> <id>",
       "replace its secret by a new one",
       "Replace a passphrase, PIN, startup key or recovery password by a new one of the "
       "same kind and label, or the servers of tpm2-net, and what they have wrapped. The new one is added and tried, then the old one is removed; "
       "the id changes. No boot state is approved by this. In a boot in which the TPM is "
       "capped a new PIN or key of a TPM protector cannot be tried before the next boot.",
       TO_UNLOCK, OPT_NEW_KEY_FILE, OPT_NET, TO_MAKE_PROTECTORS);

static int cmd_protector_remove(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	const char *path = args->operand[0];
	char file[TOKEN_PATH_MAX + 1] = "", volume[UUID_LENGTH + 1];
	struct protector protector;
	int r = device_lock(path, DEVICE_TO_CHANGE, &lock);

	if (r < 0)
		return r;
	r = header_load(path, &header);
	if (r < 0)
		return r;
	r = protector_find(header, args->operand[1], &protector);
	if (r < 0)
		return r;
	r = cli_unlock_to_change(&args->unlock, header, &fvek);
	if (r < 0)
		return r;
	if (kind_has(protector.kind, KIND_VOLUME))
		protector_auto_source(header, &protector, file, volume);
	r = protector_remove(header, fvek, &protector,
			     args->force ? PROTECTOR_LAST_GOES : PROTECTOR_LAST_STAYS);
	if (r < 0)
		return r;
	cli_note(&args->unlock, header, "protector-removed", protector.head.id,
		 protector_kind_name(protector.kind));
	r = boot_policy_prune(header, fvek, args->unlock.tcti);
	log_notice("%s: removed %s %s.", path, protector_kind_name(protector.kind),
		   protector.head.id);
	if (*file)
		log_notice("The key file %s opens nothing any more; delete it.", file);
	return r;
}

ACTION(protector_remove, "Protectors", "protector remove", "<device> <id>",
       "remove one, in both header copies",
       "Unlock the volume as by open, then remove a protector from both copies of the header. "
       "The last one that a person can open is kept unless --force is given. With the last one "
       "in a TPM go what was approved there and the volume's counter in that TPM. Flash may keep "
       "old blocks: see docs/threat-model.md.",
       TO_UNLOCK, OPT_FORCE);

/* --- BitLocker's suspend and resume ---------------------------------------------------------- */

static int cmd_protector_disable(const struct args *args)
{
	const struct protector_spec spec = {.kind = PROTECTOR_SUSPENDED, .boots = args->boots ?: 1};

	return add(args, &spec);
}

ACTION(protector_disable, "Protectors", "protector disable", "<device>",
       "suspend protection for some boots",
       "Suspend protection, as protector add with suspended,boots=N does: add a protector that "
       "opens the volume in the next --boots boots on this machine, however it boots, and asks "
       "for no PIN. No key in the clear is written: the key is sealed in the TPM, whose count of "
       "resets ends it, and what caps the TPM after unlocking keeps it back too. After sleep or "
       "hibernation, which the TPM does not count as a reset, it opens again from the next start "
       "of the machine on. Whoever has the whole machine can open the volume meanwhile. All other "
       "protectors stay.",
       TO_UNLOCK, OPT_BOOTS);

static int cmd_protector_enable(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	int r = cli_open_to_change(&args->unlock, &lock, &header, &fvek);

	if (r == 0)
		r = protector_suspended_remove(header, fvek);
	if (r == 0)
		cli_note(&args->unlock, header, "protector-removed", NULL, "suspended");
	if (r == 0)
		log_notice("Protection of %s is on again.", args->operand[0]);
	return r;
}

ACTION(protector_enable, "Protectors", "protector enable", "<device>",
       "end that before it ends by itself",
       "Resume protection at once: remove the protector suspended, expired or not.", TO_UNLOCK);

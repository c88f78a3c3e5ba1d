// SPDX-License-Identifier: LGPL-2.1-or-later
/* The actions in the order in which help lists them, and the kinds of protectors. */
#include <string.h>

#include "cli/table.h"

const struct action *const actions[] = {
	&action_format,
	&action_open,
	&action_close,
	&action_suspend,
	&action_resume,
	&action_status,
	&action_list,
	&action_adopt,
	&action_release,
	&action_erase,
	&action_identity,
	&action_dump,

	&action_protector_list,
	&action_protector_add,
	&action_protector_remove,
	&action_protector_change,
	&action_protector_test,
	&action_protector_disable,
	&action_protector_enable,

	&action_rotate_vmk,
	&action_rotate_recovery,

	&action_tpm_status,
	&action_tpm_approve,
	&action_tpm_predict,
	&action_tpm_revoke,
	&action_tpm_lockout,
	&action_tpm_counters,

	&action_policy_create,
	&action_policy_validate,
	&action_policy_show,
	&action_policy_list,
	&action_policy_assign,
	&action_policy_unassign,
	&action_policy_roll,
	&action_policy_refresh,
	&action_policy_recover,
	&action_policy_check,
	&action_policy_revoke,
	&action_policy_resume,
	&action_policy_retire,
	&action_policy_export,
	&action_policy_apply,

	&action_tenant_create,
	&action_tenant_open,
	&action_tenant_close,
	&action_tenant_list,
	&action_tenant_assign,
	&action_tenant_purge,

	&action_boot_unlock,
	&action_boot_cap,
	&action_boot_finish,
	&action_boot_generator,
	&action_boot_check,
	&action_boot_table,
	&action_boot_lock,
	&action_boot_switch,
	&action_boot_resume,

	&action_selftest,
	&action_benchmark,

	&action_header_verify,
	&action_header_accept,
	&action_header_backup,
	&action_header_restore,

	&action_escrow_export,
	&action_escrow_import,
	&action_escrow_ack,
	&action_escrow_verify,

	&action_audit_show,
	&action_audit_verify,
	&action_audit_export,
	&action_metrics,
};

const size_t n_actions = ARRAY_SIZE(actions);

const struct spec_row specs[] = {
	{"tpm2[,pcrs=4+7+...][,unsafe-pcrs][,no-revocation]",
	 "the TPM, while the machine boots as approved",
	 "The TPM, while its PCRs are as they are now. The default is 4+7+11+12+13 on a system "
	 "that boots a unified kernel image and 4+7+8+9 elsewhere, and always PCR 15 at its "
	 "start value. A set that does not cover the initrd is refused, since anyone could "
	 "then boot an initrd of their own, and one with 9, 11 or 12 and without 4 while Secure "
	 "Boot is off or in setup mode, since any system can extend those (weak-pcrs), unless "
	 "unsafe-pcrs is given. A counter in the TPM serves to revoke approvals; with "
	 "no-revocation, for a TPM that has no room or an owner's password, there is none."},
	{"tpm2-pin[,pcrs=...][,...]", "the same, and a PIN",
	 "The same, and a PIN of at least six characters, which need not be digits. Both "
	 "are needed, even by who can read the TPM's memory. After 32 wrong PINs the TPM "
	 "locks, and forgives one each ten minutes; this is set when the protector is "
	 "added, with a random lockoutAuth that the volume keeps, so that no other system "
	 "changes it, unless somebody else owns the TPM's lockout. A PIN that is a passphrase of "
	 "the volume too is refused. Where the TPM allows more than it did then, the PIN is not "
	 "asked for (lockout-changed)."},
	{"tpm2-key[,pcrs=...][,...]", "the same, and a startup key",
	 "The same, and a startup key: a file of 32 random bytes that is made for it. Both "
	 "are needed."},
	{"tpm2-net[,pcrs=...][,...]", "the same, and a server in the network",
	 "The same, and a server in the network, which --net names: BitLocker's Network Unlock, by "
	 "Tang. Both are needed: a stolen disk opens nowhere, and the machine nowhere but where a "
	 "server is reached. Where there is no network, other protectors are asked for."},
	{"suspended[,boots=N]", "the TPM, in the next boots only",
	 "Protection is suspended: the TPM opens the volume in the next N boots on this machine, "
	 "1 by default and at most 15, however it boots; see protector disable, which adds it, "
	 "too. There is one at most, and a new one takes its place."},
	{"auto,file=PATH", "a key file on another, open volume",
	 "A key file of 32 bytes on another volume that is open already: a data volume opens "
	 "by itself once the root file system is there. The file is made, must not exist, and "
	 "is refused on a file system that is not on an encrypted volume, unless --force is "
	 "given. The path is absolute, as the running system sees it."},
	{"auto,volume=DEVICE", "another volume that is unlocked in one go",
	 "Another volume that is unlocked in one go with this one, such as the root volume in "
	 "the initramfs: this one opens with it. Both are unlocked to add it; --other-key-file "
	 "has the secret of the other."},
	{"recovery", "a recovery password of 48 digits",
	 "A recovery password: 48 digits in eight groups. A typo is named by its group."},
	{"passphrase", "a passphrase, stretched by Argon2id", NULL},
	{"startup-key", "a file of 32 random bytes, on a stick",
	 "A startup key alone: whoever has the file opens the volume, here or elsewhere."},
};

const size_t n_specs = ARRAY_SIZE(specs);

bool action_takes(const struct action *action, enum option_id option)
{
	if (option >= OPT_COMMON)
		return true;
	for (const enum option_id *id = action->takes; *id != OPT_END; id++)
		if (*id == option)
			return true;
	return false;
}

const struct action *action_find(char **words, int n, int *ret_words)
{
	for (size_t i = 0; i < n_actions; i++) {
		const char *second = strchr(actions[i]->words, ' ');
		size_t length =
			second ? (size_t)(second - actions[i]->words) : strlen(actions[i]->words);

		if (n < 1 || strlen(words[0]) != length ||
		    strncmp(words[0], actions[i]->words, length))
			continue;
		if (second && (n < 2 || strcmp(words[1], second + 1)))
			continue;
		*ret_words = second ? 2 : 1;
		return actions[i];
	}
	return NULL;
}

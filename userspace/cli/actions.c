// SPDX-License-Identifier: LGPL-2.1-or-later
/* The table of actions, and that of the kinds of protectors. */
#include <string.h>

#include "cli/table.h"

#define TAKES(...) ((const enum option_id[]){__VA_ARGS__, OPT_END})

/* Lists that several actions share. */
#define TO_UNLOCK                                                                                \
	OPT_PROTECTOR, OPT_KEY_FILE, OPT_PIN_FILE, OPT_STARTUP_KEY_FILE, OPT_AGENT, OPT_TIMEOUT, \
		OPT_TRIES, OPT_TPM, OPT_EVENT_LOG
#define TO_MAKE_PROTECTORS                                                           \
	OPT_RECOVERY_FILE, OPT_ESCROW, OPT_ESCROW_FILE, OPT_ACK_FILE, OPT_ITER_TIME, \
		OPT_PBKDF_MEMORY

#define VOLUMES	   "Volumes"
#define PROTECTORS "Protectors"
#define TESTS	   "Tests"
#define KEYS	   "Keys"
#define BOOT	   "Boot"
#define TPM_POLICY "TPM policy"
#define KEY_POLICY "Customer keys"
#define TENANTS	   "Tenants"
#define HEADER	   "Header"
#define ESCROW	   "Escrow"
#define AUDIT	   "Audit log"

const struct action actions[] = {
	{VOLUMES, "format", "<device>", cmd_format, "make a new volume; all data there is lost",
	 "Make a new volume. All data on the device is lost. Without --protector a "
	 "passphrase is asked for. A recovery password is always made and printed once, "
	 "unless --no-recovery is given; with --recovery-file it is written to a file "
	 "instead.",
	 TAKES(OPT_PROTECTOR, OPT_KEY_FILE, OPT_PIN_FILE, OPT_STARTUP_KEY_FILE, OPT_AGENT,
	       OPT_TIMEOUT, OPT_TPM, OPT_EVENT_LOG, OPT_NO_RECOVERY, OPT_LABEL, OPT_SECTOR_SIZE,
	       OPT_FORCE, OPT_JSON, TO_MAKE_PROTECTORS)},
	{VOLUMES, "open", "<device> [<name>]", cmd_open, "map a volume as /dev/mapper/<name>",
	 "Map the volume as /dev/mapper/<name>. The machine's protectors are tried first; "
	 "when all of them refuse, each with its reason, a passphrase or recovery password "
	 "is asked for. With --key-file and without --pin-file only people's protectors are "
	 "tried. A PIN is asked for only where it could open: in the approved boot state, "
	 "and while the TPM is not locked. With --test nothing is mapped, and no <name> is "
	 "given.",
	 TAKES(TO_UNLOCK, OPT_AVAILABILITY_KEY, OPT_TEST, OPT_TARGET, OPT_READ_ONLY,
	       OPT_ALLOW_DISCARDS, OPT_JSON)},
	{VOLUMES, "close", "<name>", cmd_close, "remove the mapping and its key",
	 "Remove the mapping, and its key from the kernel.", TAKES(OPT_END)},
	{VOLUMES, "suspend", "<name>", cmd_suspend, "freeze I/O and wipe the key",
	 "Freeze an open volume: I/O under way is waited for, all later I/O waits, and the key is "
	 "wiped from the kernel. What of the data is in memory, in the page cache or in programs, "
	 "stays there. A volume that holds the root file system, fvesetup itself or swap is "
	 "refused without --force: nothing could be started to resume it.",
	 TAKES(OPT_FORCE)},
	{VOLUMES, "resume", "<name>", cmd_resume, "ask for the key again, and go on",
	 "Unlock a suspended volume as by open, give the kernel its key, and let I/O go on. "
	 "auto protectors are left alone, since their key file may lie on what is suspended.",
	 TAKES(TO_UNLOCK)},
	{VOLUMES, "status", "[<name or device>]", cmd_status, "show a volume, or all that are open",
	 "Show an open volume, by its name or its device, or a closed one: the devices below it, "
	 "cipher, target and engine and what the target counted, the state of the header's MAC, and "
	 "the protectors; for those of the TPM, whether it would release its key now, and how many "
	 "tries are left. No secret is asked for. Without an operand, all volumes that are open.",
	 TAKES(OPT_TPM, OPT_JSON)},
	{VOLUMES, "list", "", cmd_list, "show all volumes that are there",
	 "Show every block device that holds a volume, and which of them are open. Devices whose I/O "
	 "would wait for a suspended mapping are left out.",
	 TAKES(OPT_JSON)},
	{VOLUMES, "adopt", "<device>", cmd_adopt, "take over an existing LUKS2 volume",
	 "Take over a LUKS2 volume with cipher aes-xts-plain64 and a 512-bit key, open or not, "
	 "that cryptsetup luksFormat or systemd-cryptenroll made. One of its secrets is asked for. "
	 "Nothing of its data or keyslots changes, and all that opened it still does: what a person "
	 "can type is listed as passphrase, and what others put there as keyslot. After a power "
	 "cut, do it again.",
	 TAKES(OPT_KEY_FILE, OPT_TRIES, OPT_AGENT, OPT_TIMEOUT, OPT_TPM, OPT_JSON)},
	{VOLUMES, "release", "<device>", cmd_release, "hand a volume back to stock tools",
	 "Remove all that is ours from the header, and the volume's counter from the TPM: the "
	 "machine's protectors, the volume master key, the names of the others. People's secrets "
	 "stay and open it with cryptsetup; one of them is asked for, as a proof. Where nobody "
	 "could open it then, it is refused. After a power cut, do it again, or adopt it.",
	 TAKES(OPT_KEY_FILE, OPT_TRIES, OPT_AGENT, OPT_TIMEOUT, OPT_TPM)},
	{VOLUMES, "erase", "<device>", cmd_erase, "destroy all that opens a volume",
	 "Overwrite every keyslot and remove every token, in both copies of the header, so that "
	 "nothing opens the volume any more; the volume's counter goes from the TPM, too. An open "
	 "volume is refused without --force. Backups of the header, and old blocks that flash "
	 "keeps, are not reached.",
	 TAKES(OPT_FORCE, OPT_TPM)},
	{VOLUMES, "identity", "<device>", cmd_identity, "tell which volume this is",
	 "Unlock the volume as by open, and print its identity: 64 hexadecimal digits that are "
	 "derived from its key, for identity= of fvetab(5). It is no secret, and nobody can make "
	 "another volume that has it. What a person's secret opened is remembered below "
	 "/var/lib/fve/identity, as format and adopt do, and no machine's protector opens another "
	 "volume of this UUID from then on. With --force this one takes the place of the one that "
	 "is remembered, as is due after a re-encryption.",
	 TAKES(TO_UNLOCK, OPT_FORCE, OPT_JSON)},
	{VOLUMES, "dump", "<device>", cmd_dump, "show a volume's header",
	 "Show what the header says. No secret is shown, and none is needed.", TAKES(OPT_JSON)},

	{PROTECTORS, "protector list", "<device>", cmd_protector_list, "show what opens a volume",
	 "Show all that opens the volume, with the ids that protector remove and "
	 "--protector take.",
	 TAKES(OPT_JSON)},
	{PROTECTORS, "protector add", "<device> <spec>", cmd_protector_add,
	 "add what opens a volume; <spec> see below",
	 "Add a protector. The volume is unlocked first, as by open.",
	 TAKES(TO_UNLOCK, OPT_NEW_KEY_FILE, OPT_OTHER_KEY_FILE, OPT_FORCE, TO_MAKE_PROTECTORS)},
	{PROTECTORS, "protector remove", "<device> <id>", cmd_protector_remove,
	 "remove one, in both header copies",
	 "Unlock the volume as by open, then remove a protector from both copies of the header. "
	 "The last one that a person can open is kept unless --force is given. With the last one "
	 "in a TPM go what was approved there and the volume's counter in that TPM. Flash may keep "
	 "old blocks: see docs/threat-model.md.",
	 TAKES(TO_UNLOCK, OPT_FORCE)},
	{PROTECTORS, "protector change", "<device> <id>", cmd_protector_change,
	 "replace its secret by a new one",
	 "Replace a passphrase, PIN, startup key or recovery password by a new one of the "
	 "same kind and label. The new one is added and tried, then the old one is removed; "
	 "the id changes. No boot state is approved by this. In a boot in which the TPM is "
	 "capped a new PIN or key of a TPM protector cannot be tried before the next boot.",
	 TAKES(TO_UNLOCK, OPT_NEW_KEY_FILE, TO_MAKE_PROTECTORS)},
	{PROTECTORS, "protector test", "<device> [<id>]", cmd_protector_test,
	 "tell which would open the volume now",
	 "Tell which protectors would open the volume now, without asking for any secret: "
	 "opens, refused with the reason, ready where only the PIN or startup key is "
	 "missing, or untested. With an id that protector is really used, and its secret "
	 "asked for. No PIN is tried that was not given.",
	 TAKES(TO_UNLOCK, OPT_JSON)},
	{PROTECTORS, "protector disable", "<device>", cmd_protector_disable,
	 "suspend protection for some boots",
	 "Suspend protection: add a protector suspended that opens the volume in the next --boots "
	 "boots on this machine, however it boots, and asks for no PIN. No key in the clear is "
	 "written: the key is sealed in the TPM, whose count of resets ends it, and what caps the "
	 "TPM after unlocking keeps it back too. After sleep or hibernation, which the TPM does not "
	 "count as a reset, it opens again from the next start of the machine on. Whoever has the whole machine can open the volume "
	 "meanwhile. All other protectors stay.",
	 TAKES(TO_UNLOCK, OPT_BOOTS)},
	{PROTECTORS, "protector enable", "<device>", cmd_protector_enable,
	 "end that before it ends by itself",
	 "Resume protection at once: remove the protector suspended, expired or not.",
	 TAKES(TO_UNLOCK)},

	{KEYS, "rotate vmk", "<device>", cmd_rotate_vmk, "replace the volume master key",
	 "Replace the volume master key (VMK), through which the machine's protectors open the "
	 "volume, by a new one. Nobody has to be present but who unlocks: any protector will do. "
	 "People's secrets and the data stay as they are. Do this after removing a machine's "
	 "protector from a disk that keeps old blocks, as flash does: what an old block holds "
	 "then opens nothing. An interrupted rotation is finished by the next change.",
	 TAKES(TO_UNLOCK)},
	{KEYS, "rotate recovery", "<device> [<id>]", cmd_rotate_recovery,
	 "replace the recovery password",
	 "Replace the recovery password by a new one, which is printed, or written to "
	 "--recovery-file. The old one is removed when the file is written, or when somebody has "
	 "confirmed to have the new one. <id> says which, where there are several.",
	 TAKES(TO_UNLOCK, OPT_RECOVERY_FILE, OPT_ESCROW, OPT_ESCROW_FILE, OPT_ACK_FILE)},

	{TPM_POLICY, "tpm status", "<device>", cmd_tpm_status, "tell what the TPM would do now",
	 "Tell whether the TPM would release the key now, and if not why: the reason, the PCRs that "
	 "differ, and the first event of the log that does; the approved boot chains; the counter "
	 "by which they are revoked; wrong PINs that count, and when one is forgiven. No secret is "
	 "needed and no try is made. The exit status is 2 where no TPM protector would open.",
	 TAKES(OPT_TPM, OPT_EVENT_LOG, OPT_JSON)},
	{TPM_POLICY, "tpm approve", "<device>", cmd_tpm_approve,
	 "approve how the machine has booted",
	 "Approve the boot chain of this boot, for all TPM protectors of the volume in this TPM, and "
	 "over the PCRs that are approved already. No sealed key changes. Print the approval's id. "
	 "There is room for 12: the oldest that was revoked makes room, else the oldest that is not "
	 "of this boot. With --pcrs the volume moves to another set of PCRs: this boot is approved "
	 "over them, and then what was approved over others is taken back, so that other kernels "
	 "are to be approved again. A set is refused as for a protector that is added, unless "
	 "--force is given.",
	 TAKES(TO_UNLOCK, OPT_LABEL, OPT_PCRS, OPT_FORCE)},
	{TPM_POLICY, "tpm predict", "<device>", cmd_tpm_predict,
	 "show or approve the PCRs of the next boot",
	 "Compute the PCRs of a boot with another --kernel, --initrd or --cmdline, or with another "
	 "--uki, from the event log of this boot; show them, and with --approve approve them as tpm "
	 "approve does. Where the log does not replay to the PCRs, or does not tell what to replace, "
	 "one line says so and nothing is approved. A kernel must be signed by whoever signed this "
	 "one, or PCR 7 will differ. With GRUB only files of the same name are predicted. "
	 "Nobody is asked anything where a machine's protector or --key-file opens, so that it can "
	 "run when a package is installed.",
	 TAKES(OPT_KERNEL, OPT_INITRD, OPT_CMDLINE, OPT_UKI, OPT_APPROVE, OPT_LABEL,
	       OPT_OLD_CMDLINE, TO_UNLOCK, OPT_JSON)},
	{TPM_POLICY, "tpm revoke", "<device> <approval>", cmd_tpm_revoke, "take an approval back",
	 "Take an approval back, for good: the others are signed again, and a counter in the TPM goes "
	 "on, so that an old copy of the header does not bring it back. An interrupted revocation is "
	 "finished by the next tpm approve, tpm predict --approve or tpm revoke.",
	 TAKES(TO_UNLOCK)},
	{TPM_POLICY, "tpm lockout", "<device>", cmd_tpm_lockout,
	 "guard the limit of wrong PINs against other systems",
	 "Set up the TPM's lockout as the first PIN of a volume does: it locks after 32 wrong PINs and "
	 "forgives one each ten minutes, and its lockoutAuth, which may change that, becomes a random "
	 "value that is kept in the volume, under its keys. For volumes of before, for one whose PIN "
	 "is refused with lockout-changed, and for a setup that was interrupted. Where lockoutAuth "
	 "was set by somebody else, as another volume of this machine, it stays: the numbers are "
	 "noted as they are, and the exit status is 2.",
	 TAKES(TO_UNLOCK)},

	{KEY_POLICY, "policy create", "<name>", cmd_policy_create,
	 "name the root keys that guard volumes",
	 "Make a policy: --root-a and --root-b, RSA keys of 3072 bits or more in two tokens or "
	 "services, and an availability key, which is made and written to --availability-key for "
	 "its custodian. Both roots are really used once. Two roots in one token, and keys that "
	 "can be taken out or have an end date, are refused.",
	 TAKES(OPT_ROOT_A, OPT_ROOT_B, OPT_AVAILABILITY_KEY, OPT_AVAILABILITY, OPT_BOOTS,
	       OPT_ON_REVOCATION, OPT_BOUND, OPT_APPROVER, OPT_PURGE_DAYS, OPT_TPM)},
	{KEY_POLICY, "policy validate", "<name>", cmd_policy_validate,
	 "check its roots, and use them",
	 "Check that both roots of a policy are the keys that it was made with, are what policy "
	 "create takes, and unwrap.",
	 TAKES(OPT_END)},
	{KEY_POLICY, "policy show", "<name>", cmd_policy_show,
	 "show one, and where its volumes are", "Show a policy and its volumes. No root is asked.",
	 TAKES(OPT_TPM, OPT_JSON)},
	{KEY_POLICY, "policy list", "", cmd_policy_list, "show all policies",
	 "Show all policies of this machine.", TAKES(OPT_JSON)},
	{KEY_POLICY, "policy assign", "<name> <device>", cmd_policy_assign,
	 "let its root keys open a volume",
	 "Unlock a volume as by open, and add a protector customer-key: its key is wrapped under "
	 "both roots and the availability key. That takes public keys alone; no root has to be "
	 "reachable.",
	 TAKES(TO_UNLOCK)},
	{KEY_POLICY, "policy unassign", "<name> <device>", cmd_policy_unassign, "end that",
	 "Unlock a volume as by open, and remove the policy's protector.", TAKES(TO_UNLOCK)},
	{KEY_POLICY, "policy roll", "<name>", cmd_policy_roll,
	 "put a new root in an old one's place",
	 "Put a new root, --root-a or --root-b, in the place of the old one: it is really used "
	 "first, and each volume's new wrap really unwrapped, before the old one goes. No data is "
	 "written. Keep the old key until this succeeds; after an interruption policy refresh "
	 "goes on.",
	 TAKES(OPT_ROOT_A, OPT_ROOT_B, OPT_TPM)},
	{KEY_POLICY, "policy refresh", "<name>", cmd_policy_refresh, "wrap all its volumes anew",
	 "Give each volume of the policy a new key under the roots of now, which both unwrap it "
	 "before it is written.",
	 TAKES(OPT_TPM)},
	{KEY_POLICY, "policy recover", "<name>", cmd_policy_recover,
	 "after the loss of both roots: name new ones",
	 "After the loss of both roots: open the policy's volumes by the custodian's "
	 "--availability-key once more, and put --root-a and --root-b in the place of the old "
	 "ones. Not for a policy that its owner has suspended.",
	 TAKES(OPT_AVAILABILITY_KEY, OPT_ROOT_A, OPT_ROOT_B, OPT_TPM)},

	{KEY_POLICY, "policy check", "[<name>]", cmd_policy_check,
	 "use the roots now, and act on a denial",
	 "Have both roots of a policy unwrap something, tell what became of it, and act on it: a "
	 "success renews the lease of a transient availability key; a denial, where the other root "
	 "does not unwrap either, suspends the policy and does to its open volumes what "
	 "--on-revocation said; an outage changes nothing. Without <name>, all policies whose last "
	 "success is a quarter of their --bound ago: what fve-policy.timer calls. Exits with 2 "
	 "where one is suspended, and with 4 in an outage.",
	 TAKES(OPT_TPM, OPT_JSON)},
	{KEY_POLICY, "policy revoke", "<name>", cmd_policy_revoke,
	 "suspend it, and lock its open volumes",
	 "Suspend a policy from this side: none of its volumes opens, and from those that are open "
	 "the key is taken. I/O fails, file systems are unmounted, caches dropped.",
	 TAKES(OPT_TPM)},
	{KEY_POLICY, "policy resume", "<name>", cmd_policy_resume,
	 "end that, when a root unwraps again",
	 "End the suspension of a policy. A root has to unwrap first.", TAKES(OPT_TPM)},

	{TENANTS, "tenant create", "<name> <device or file>", cmd_tenant_create,
	 "make a volume that its roots and this TPM open",
	 "Make a volume for a tenant, on a device or in a file, which is made with --size: only the "
	 "roots of --policy and this machine's TPM together open it. All that is there is lost. It "
	 "lies on an encrypted volume; --force takes another place. Where the TPM is lost, the "
	 "policy's availability key opens it on another machine.",
	 TAKES(OPT_POLICY, OPT_SIZE, OPT_SECTOR_SIZE, OPT_TPM, OPT_FORCE)},
	{TENANTS, "tenant open", "<name>", cmd_tenant_open, "map it as /dev/mapper/<name>",
	 "Have a root unwrap the tenant's key, and map its volume as /dev/mapper/<name>.",
	 TAKES(OPT_AVAILABILITY_KEY, OPT_TARGET, OPT_READ_ONLY, OPT_ALLOW_DISCARDS, OPT_TPM)},
	{TENANTS, "tenant close", "<name>", cmd_tenant_close, "remove the mapping and its key",
	 "Remove the mapping, and its key from the kernel.", TAKES(OPT_END)},
	{TENANTS, "tenant list", "", cmd_tenant_list, "show all tenants",
	 "Show all tenants of this machine: open, closed, purge-pending or purged.",
	 TAKES(OPT_JSON)},
	{TENANTS, "tenant assign", "<name>", cmd_tenant_assign, "put it under another policy",
	 "Open a tenant's volume by a root of its policy, and put it under --policy instead. Its data "
	 "is not written.",
	 TAKES(OPT_POLICY, OPT_TPM)},
	{TENANTS, "tenant purge", "<name>", cmd_tenant_purge, "destroy its data for good, in steps",
	 "Destroy a tenant's data for good, in its snapshots and in backups of its header, too. "
	 "First --request: the file is to be signed by two approvers of the policy (openssl cms "
	 "-sign -binary -nodetach -outform PEM), and each gives an --approval. After --purge-days of "
	 "the policy, and when the owner has withdrawn both roots, --certificate does it. The "
	 "custodian of the availability key has to destroy it.",
	 TAKES(OPT_REQUEST, OPT_APPROVAL, OPT_CANCEL, OPT_CERTIFICATE, OPT_TPM)},

	{BOOT, "boot-unlock", "[<name>]", cmd_boot_unlock, "open the volumes of /etc/fvetab",
	 "Open all volumes that fvetab(5) and the kernel command line name for now, or the one "
	 "<name>: by machines' protectors, startup keys and PINs first; then the TPM is capped; "
	 "then people are asked for what is still closed. What the units of the boot call. With "
	 "--network the volumes that are marked netdev, by machines' protectors alone. With "
	 "--test nothing is mapped, but the TPM is capped all the same.",
	 TAKES(OPT_KEY_FILE, OPT_PIN_FILE, OPT_STARTUP_KEY_FILE, OPT_TRIES, OPT_AGENT, OPT_TIMEOUT,
	       OPT_TPM, OPT_TEST, OPT_TABLE, OPT_KERNEL_CMDLINE, OPT_IN_INITRD, OPT_NETWORK)},
	{BOOT, "boot-cap", "", cmd_boot_cap, "let the TPM release no key again in this boot",
	 "Extend PCR 15, unless that was done already, so that the TPM releases no key of a volume "
	 "again in this boot. Succeeds where there is no TPM. Fails when the TPM does and a volume "
	 "of fvetab(5) depends on it.",
	 TAKES(OPT_TPM, OPT_TABLE, OPT_KERNEL_CMDLINE, OPT_IN_INITRD)},
	{BOOT, "boot-finish", "", cmd_boot_finish, "replace a recovery password that was used",
	 "After a boot that a recovery password opened: replace that password where fvetab(5) says "
	 "new-recovery=, else say how to. After one whose state no approval fits: approve it where "
	 "fvetab(5) says reseal=auto, else say how to.",
	 TAKES(OPT_TPM, OPT_EVENT_LOG, OPT_TABLE, OPT_KERNEL_CMDLINE)},
	{BOOT, "boot-generator", "<directory>", cmd_boot_generator,
	 "what systemd has to know of /etc/fvetab",
	 "Write into <directory> what systemd.generator(7) expects: that the devices of fvetab(5) "
	 "appear when the volumes are open, and that this is to be done.",
	 TAKES(OPT_TABLE, OPT_KERNEL_CMDLINE, OPT_IN_INITRD)},

	{BOOT, "boot check", "", cmd_boot_check, "tell what falls short, though it boots",
	 "Look at the volumes of fvetab(5), at fstab, crypttab, the mount and swap units and the "
	 "kernel command line of this machine, and tell what is less safe than it can be: a volume "
	 "whose identity nobody took note of, PCRs that another system can replay, a TPM that lets "
	 "anybody forget wrong PINs, file systems that are named by what anybody can copy "
	 "to another disk. Each with what to do about it. Exits with 1 where there is something. With "
	 "--fix the volumes are brought up to date, each unlocked as by open: identity, lockoutAuth, "
	 "PCRs. Files, and the initramfs, are left to you.",
	 TAKES(TO_UNLOCK, OPT_FIX, OPT_TABLE, OPT_KERNEL_CMDLINE, OPT_JSON)},
	{BOOT, "boot-table", "", cmd_boot_table, "fvetab as it goes into an initramfs",
	 "Print the table with the identity of each volume that is opened in the initramfs, as this "
	 "machine remembers it (fvesetup identity). Fails where one is not known and the table does "
	 "not say identity=any. What dracut's module calls.",
	 TAKES(OPT_TABLE)},
	{BOOT, "boot-lock", "", cmd_boot_lock, "lock what nobody opened, before a shell",
	 "Cap the TPM, and unless a person's secret, a PIN or a startup key opened a volume in this "
	 "boot, revoke the keys of all open volumes and remove their mappings, busy or not. What is "
	 "opened again in this boot takes a secret: fvesetup boot-unlock. Every shell of the "
	 "initramfs comes after this. In the booted system it does so, and starts the machine "
	 "again, only where root has no password.",
	 TAKES(OPT_TPM, OPT_TABLE, OPT_KERNEL_CMDLINE, OPT_IN_INITRD)},
	{BOOT, "boot-switch", "[<directory>]", cmd_boot_switch, "stop before a stranger's root",
	 "Succeed where all that is mounted at <directory>, /sysroot by default, and below it stands "
	 "on volumes that boot-unlock opened in this boot and that are the machine's own, or where "
	 "a person opened them. Else lock all volumes, as boot-lock does, and fail.",
	 TAKES(OPT_TPM, OPT_TABLE, OPT_KERNEL_CMDLINE, OPT_IN_INITRD)},
	{BOOT, "boot-resume", "[<device>]", cmd_boot_resume,
	 "resume from the machine's own volumes only",
	 "Have the kernel resume from the hibernation image on <device>, or on that which resume= or "
	 "the firmware names, if it stands on volumes that boot-unlock opened in this boot, or a "
	 "person opened them. Comes back where there is no image.",
	 TAKES(OPT_TPM, OPT_TABLE, OPT_KERNEL_CMDLINE, OPT_IN_INITRD)},

	{TESTS, "selftest", "", cmd_selftest, "check the cryptography by known answers",
	 "Check what encrypts here by known answers: the libraries, and the kernel's AES-XTS by the "
	 "driver that the target would use, through AF_ALG. Nothing may be written to an encrypted "
	 "disk where this finds a wrong answer. Exits with 4 where one is wrong, or where AF_ALG is "
	 "not available and the kernel's cipher is untested.",
	 TAKES(OPT_JSON)},
	{TESTS, "benchmark", "", cmd_benchmark, "tell how fast this machine is",
	 "Tell how long Argon2id takes, and how fast the kernel's AES-XTS is, through AF_ALG and in "
	 "memory alone, as cryptsetup benchmark does. For each sector size: each sector is a "
	 "request of two system calls here, which weigh more the smaller it is; the target makes "
	 "none. make bench measures the target itself.",
	 TAKES(OPT_ITER_TIME, OPT_PBKDF_MEMORY, OPT_JSON)},
	{HEADER, "header verify", "<device>", cmd_header_verify,
	 "tell whether the header is as it was left",
	 "Unlock the volume as by open, whatever its header's MAC says, and tell: whether both "
	 "copies of the header were whole, whether the header is as fvesetup left it and if not "
	 "which part differs, and whether the keys that its tokens hold can be read. Exits with 2 "
	 "where the header was changed without fvesetup.",
	 TAKES(TO_UNLOCK, OPT_JSON)},
	{HEADER, "header accept", "<device>", cmd_header_accept,
	 "take a header that was changed as it is",
	 "Show what header verify shows, ask, and give the header as it is a new MAC. This takes a "
	 "passphrase, recovery password or startup key: the machine's protectors do not open a "
	 "header that was changed without fvesetup. Where nobody knows who changed it, restore a "
	 "backup.",
	 TAKES(TO_UNLOCK)},
	{HEADER, "header backup", "<device> <file>", cmd_header_backup,
	 "write header and keyslots to a new file",
	 "Write both copies of the header and all keyslots to a new file, as cryptsetup "
	 "luksHeaderBackup does; either tool restores what the other wrote. Whoever has the file "
	 "and one of today's secrets can open the volume, also after that secret is removed.",
	 TAKES(OPT_END)},
	{HEADER, "header restore", "<device> <file>", cmd_header_restore,
	 "write a header backup over the header",
	 "Write a backup over the header of the device, after asking. A file that holds no header, "
	 "or a header of another volume than the device does, is refused; the latter is written "
	 "with --force. Protectors are then as they were at the time of the backup. A power cut "
	 "in between leaves a header that does not open everything: repeat it.",
	 TAKES(OPT_FORCE)},
	{ESCROW, "escrow export", "<device> <packet>", cmd_escrow_export,
	 "put a recovery password into a packet",
	 "Ask for a recovery password of the volume and write it, encrypted to the certificates of "
	 "--escrow, to a new file: for one that was made without escrow.",
	 TAKES(OPT_ESCROW, OPT_KEY_FILE, OPT_AGENT, OPT_TIMEOUT)},
	{ESCROW, "escrow import", "<packet> [<file>]", cmd_escrow_import,
	 "take the recovery password out of a packet",
	 "Open a packet with the organisation's key, say what volume it is of, and print the "
	 "recovery password, or write it to a new file.",
	 TAKES(OPT_ESCROW, OPT_ESCROW_KEY)},
	{ESCROW, "escrow ack", "<packet> <file>", cmd_escrow_ack,
	 "acknowledge that a packet is kept",
	 "Open a packet with the organisation's key, which shows that it can be opened, and write a "
	 "signed acknowledgement of this very packet to a new file: what --ack-file waits for.",
	 TAKES(OPT_ESCROW, OPT_ESCROW_KEY)},
	{ESCROW, "escrow verify", "<packet> <device>", cmd_escrow_verify,
	 "prove that a packet opens a volume",
	 "Open a packet with the organisation's key, and the volume with what is in it. Nothing is "
	 "mapped or changed.",
	 TAKES(OPT_ESCROW, OPT_ESCROW_KEY)},
	{AUDIT, "audit show", "", cmd_audit_show, "show what was done with keys",
	 "Show the audit log: what was done with keys, when and by whom, in the order in which it "
	 "was written. A line that the TPM does not know of, since there was none, is marked.",
	 TAKES(OPT_JSON)},
	{AUDIT, "audit verify", "[<earlier export>]", cmd_audit_verify,
	 "find an edited, dropped or moved line",
	 "Verify the audit log: that each line names the hash of the line before it, and that the "
	 "TPM's NV index, which can only be extended, holds the hash of them all. With an earlier "
	 "export, that its lines are still the first ones.",
	 TAKES(OPT_TPM, OPT_JSON)},
	{AUDIT, "audit export", "[<file>]", cmd_audit_export, "copy the log, to be kept elsewhere",
	 "Write the audit log to a new file, or to standard output. Kept on another machine, it "
	 "is what a later verify can be told to compare with.",
	 TAKES(OPT_END)},
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
		const char *second = strchr(actions[i].words, ' ');
		size_t length =
			second ? (size_t)(second - actions[i].words) : strlen(actions[i].words);

		if (n < 1 || strlen(words[0]) != length ||
		    strncmp(words[0], actions[i].words, length))
			continue;
		if (second && (n < 2 || strcmp(words[1], second + 1)))
			continue;
		*ret_words = second ? 2 : 1;
		return &actions[i];
	}
	return NULL;
}

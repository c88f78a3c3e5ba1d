// SPDX-License-Identifier: LGPL-2.1-or-later
/* The table of options, and how they are read. */
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "cli/table.h"

#define OPTION_LIST_SIZE 200
#define LONG_OPTION	 256 /* getopt_long's value of the first row: no character */

static int parse_number(const char *option, const char *text, uint32_t min, uint32_t max,
			uint32_t *ret)
{
	if (number_parse(text, min, max, ret) < 0)
		return log_errno(EINVAL, "--%s takes a number from %u to %u, not %s", option, min,
				 max, text);
	return 0;
}

static int set_sector_size(const char *value, struct args *args)
{
	int r = parse_number("sector-size", value, 512, 4096, &args->sector_size);

	if (r < 0)
		return r;
	if (__builtin_popcount(args->sector_size) != 1)
		return log_errno(EINVAL, "--sector-size takes 512, 1024, 2048 or 4096, not %s",
				 value);
	return 0;
}

/* "100M": a number with a power of 1024. */
static int set_size(const char *value, struct args *args)
{
	static const char units[] = "KMGT";
	const char *unit;
	char *end;
	unsigned long long number;
	unsigned int shift = 0;

	errno = 0;
	number = strtoull(value, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		shift = 10 * (unsigned int)(unit - units + 1);
		end++;
	}
	if (errno || !number || *value == '-' || *end || number > (UINT64_MAX >> 1) >> shift)
		return log_errno(EINVAL,
				 "--size takes a number of bytes such as 512M or 2G, not %s",
				 value);
	args->size = (uint64_t)number << shift;
	return 0;
}

static int set_target(const char *value, struct args *args)
{
	return volume_target_parse(value, &args->target);
}

static int set_on_revocation(const char *value, struct args *args)
{
	return keypolicy_action_parse(value, &args->on_revocation);
}

static int set_verbose(const char *value, struct args *args)
{
	(void)value;
	(void)args;
	log_set_level(LOG_LEVEL_VERBOSE);
	return 0;
}

static int set_debug(const char *value, struct args *args)
{
	(void)value;
	(void)args;
	log_set_level(LOG_LEVEL_DEBUG);
	return 0;
}

/* A member of struct args by name, which must have the type that the setter writes. */
#define MEMBER(type, member) \
	.offset = _Generic(((struct args *)NULL)->member, type : offsetof(struct args, member))

#define FLAG(member) .set = SET_FLAG, MEMBER(bool, member)
#define TEXT(member) .set = SET_TEXT, MEMBER(const char *, member)
/* Each value goes to the next place of @list, of which @n counts those that are taken. */
#define LIST(list, n)                                            \
	.set = SET_LIST, MEMBER(const char *, list[0]),          \
	.count = _Generic(((struct args *)NULL)->n, unsigned int \
			  : offsetof(struct args, n)),           \
	.max = ARRAY_SIZE(((struct args *)NULL)->list)
#define NUMBER(member, low, up) .set = SET_NUMBER, MEMBER(uint32_t, member), .min = low, .max = up
#define CALL(function)		.set = SET_CALL, .call = function

const struct option_row options[OPT_END] = {
	[OPT_PROTECTOR] =
		{"protector", 0, "SPEC",
		 "format: add kind[,option...], repeatable; else: use only this id or kind",
		 "With format: add a protector; can be repeated. Elsewhere: use only the protector "
		 "with this id, or those of this kind.",
		 LIST(protector, n_protectors)},
	[OPT_KEY_FILE] =
		{"key-file", 'd', "FILE", "read the secret from FILE, or - for standard input",
		 "Read the secret from a file: every byte of it, at most 8 MiB. - is standard "
		 "input to its end, and /dev/fd/N an open file descriptor. Without "
		 "this option, and where standard input is no terminal, one line is read from it.",
		 TEXT(unlock.key_file)},
	[OPT_NEW_KEY_FILE] =
		{"new-key-file", 0, "FILE",
		 "read the new passphrase or PIN from FILE, or write the new startup key to it",
		 "Read the new passphrase or PIN from a file: every byte of it. A PIN that nobody "
		 "could type, since it has a line end or another control character, is refused. "
		 "For startup-key and tpm2-key: write the new startup key to this file, which must "
		 "not exist.",
		 TEXT(new_key_file)},
	[OPT_PIN_FILE] = {"pin-file", 0, "FILE", "read the PIN of tpm2-pin from FILE", NULL,
			  TEXT(unlock.pin_file)},
	[OPT_STARTUP_KEY_FILE] =
		{"startup-key-file", 0, "FILE",
		 "the startup key; format: FILE is made, and must not exist",
		 "The startup key. It is no fault when the file is missing: other protectors are "
		 "tried. With format the file is made, and must not exist.",
		 TEXT(unlock.startup_key_file)},
	[OPT_OTHER_KEY_FILE] = {"other-key-file", 0, "FILE",
				"auto,volume=: read the secret of that volume from FILE",
				"With auto,volume=: read the secret of that volume from a file.",
				TEXT(other_key_file)},
	[OPT_NET] =
		{"net", 0, "URI", "tpm2-net: a server, for example tang://HOST[:PORT]/THUMBPRINT",
		 "With tpm2-net: the URI of a server that gives its part of the key to whoever "
		 "reaches it, as docs/provider.md describes; for example "
		 "tang://HOST[:PORT]/THUMBPRINT. Can be given four times; any of them suffices "
		 "then. All are asked at once, and each has to work. Which servers a header may "
		 "name is the machine's to say: a tang server has to be a line of /etc/fve/tang.",
		 LIST(net, n_net)},
	[OPT_NO_RECOVERY] = {"no-recovery", 0, NULL, "make no recovery password", NULL,
			     FLAG(no_recovery)},
	[OPT_RECOVERY_FILE] =
		{"recovery-file", 0, "FILE",
		 "write the recovery password to FILE, and do not print it",
		 "Write the recovery password to a file, without a line end, and do not print it. "
		 "The file must not exist.",
		 TEXT(handover.recovery_file)},
	[OPT_ESCROW] =
		{"escrow", 0, "CERT",
		 "escrow the recovery password to the X.509 certificate CERT; repeatable",
		 "The organisation's X.509 certificate (PEM). A new recovery password is then "
		 "encrypted to it and to each other that is given, and counts only when that is "
		 "acknowledged. With the organisation's own actions: its certificate.",
		 LIST(handover.escrow, handover.n_escrow)},
	[OPT_ESCROW_FILE] =
		{"escrow-file", 0, "FILE", "write the escrow packet to FILE",
		 "Write the escrow packet to this file, which must not exist; or into this "
		 "directory, where it gets the name by which the recovery password is "
		 "asked for: VOLUME-PROTECTOR.cms, from the volume's UUID and its id.",
		 TEXT(handover.escrow_file)},
	[OPT_ACK_FILE] =
		{"ack-file", 0, "FILE", "wait for the packet's acknowledgement in FILE",
		 "Wait until this file, or in this directory VOLUME-PROTECTOR.ack, is the packet's "
		 "acknowledgement (escrow ack), signed by the "
		 "key of a certificate of --escrow: 5 minutes, or as --timeout says. Without it the "
		 "new recovery password is taken away again.",
		 TEXT(handover.ack_file)},
	[OPT_ESCROW_KEY] = {"escrow-key", 0, "FILE", "the private key (PEM) of --escrow", NULL,
			    TEXT(escrow_key)},
	[OPT_AGENT] =
		{"agent", 0, NULL, "ask the system's password agent, not the terminal",
		 "Ask the system's password agent (systemd-ask-password), as at boot, and not "
		 "the terminal.",
		 FLAG(unlock.agent)},
	[OPT_TIMEOUT] = {"timeout", 't', "SECONDS", "how long to wait for an answer (no limit)",
			 "How long to wait for somebody to answer. By default there is no limit.",
			 NUMBER(unlock.timeout_s, 1, 86400)},
	[OPT_TRIES] = {"tries", 'T', "N", "how often to ask for a secret (3)", NULL,
		       NUMBER(unlock.tries, 1, 100)},
	[OPT_TEST] = {"test", 0, NULL, "unlock but map nothing; <name> is left out", NULL,
		      FLAG(test)},
	[OPT_TARGET] =
		{"target", 0, "NAME", "fve, crypt or auto (auto)",
		 "Which device-mapper target is to do the work: fve, or crypt, which is dm-crypt "
		 "and reads and writes the same bytes. auto takes fve, and crypt where the kernel "
		 "has no fve, and says so with the reason module-missing.",
		 CALL(set_target)},
	[OPT_READ_ONLY] = {"readonly", 'r', NULL, "map read-only", NULL, FLAG(read_only)},
	[OPT_ALLOW_DISCARDS] =
		{"allow-discards", 0, NULL,
		 "pass discards down; tells an attacker which sectors are unused",
		 "Pass discards down. An attacker can then tell which sectors are unused. cryptsetup's "
		 "flag of this name in the header (--persistent) does the same where the header "
		 "verifies. The others that it keeps there have no effect, and that is said.",
		 FLAG(allow_discards)},
	[OPT_LABEL] =
		{"label", 0, "TEXT", "label of the volume, or of an approval",
		 "Label of the volume, of at most 47 bytes, or of an approval, of at most 63.",
		 TEXT(label)},
	[OPT_ROOT_A] = {"root-a", 0, "URI", "the root key A, an RSA key: pkcs11:...",
			"The root key A, an RSA key, by its pkcs11: URI (RFC 7512). A PIN is not "
			"part of it; pin-source=file:PATH says where it is.",
			TEXT(root_a)},
	[OPT_ROOT_B] = {"root-b", 0, "URI", "the root key B, in another token", NULL, TEXT(root_b)},
	[OPT_AVAILABILITY_KEY] =
		{"availability-key", 0, "FILE",
		 "the availability key; policy create: FILE is made, and must not exist",
		 "The availability key of a policy, which its custodian keeps away from the "
		 "machine. With policy create the file is made, and must not exist. With open it "
		 "is the only thing that is tried.",
		 TEXT(unlock.availability_key)},
	[OPT_AVAILABILITY] =
		{"availability", 0, "MODE",
		 "manual or transient (manual); tenant create: policy, own or none",
		 "What an outage of both roots leads to. manual: volumes stay closed until the "
		 "custodian's key is brought. transient: the availability key opens them by "
		 "itself, for --boots boots since a root was last used, which the TPM counts. With "
		 "tenant create: whose availability key opens it where the TPM is lost. policy: the "
		 "policy's, as by default. own: a new one, which --availability-key names. none: "
		 "nobody's.",
		 TEXT(availability)},
	[OPT_CUSTODIAN] =
		{"custodian", 0, "CERT",
		 "encrypt the availability key to the certificate CERT; twice: both are needed",
		 "The custodian's X.509 certificate (PEM): the new availability key is written as a "
		 "CMS packet to it. Given twice, it is a packet for the first inside a packet for "
		 "the second, and neither has the key alone.",
		 LIST(custodian, n_custodians)},
	[OPT_PLAIN] = {"plain", 0, NULL, "write the availability key unencrypted",
		       "Write the new availability key unencrypted, for a custodian who has no "
		       "certificate.",
		       FLAG(plain)},
	[OPT_ON_REVOCATION] =
		{"on-revocation", 0, "ACTION",
		 "for open volumes when a root is withdrawn: none, lock or stop (none)",
		 "What a withdrawal does to volumes that are open. none: nothing until they are "
		 "closed. lock: I/O fails from then on, and what is cached goes. stop: the machine "
		 "is switched off.",
		 CALL(set_on_revocation)},
	[OPT_BOUND] = {"bound", 0, "MINUTES", "until a withdrawal takes effect, at most (60)",
		       "How many minutes there are at most from a withdrawal to its effect on open "
		       "volumes: the roots are asked four times in that time.",
		       NUMBER(bound, 5, 10080)},
	[OPT_APPROVER] =
		{"approver", 0, "FILE",
		 "certificate of one of those who may approve a purge; repeat it",
		 "A certificate (PEM) of somebody who may approve the purge of a tenant of "
		 "this policy. Two of them have to; without any, nothing is ever purged.",
		 LIST(approver, n_approvers)},
	[OPT_PURGE_DAYS] =
		{"purge-days", 0, "DAYS", "from the request of a purge to the purge, at least (30)",
		 "How many days there are at least from the request of a purge to the purge, in "
		 "which it can be cancelled.",
		 NUMBER(purge_days, 1, 365)},
	[OPT_LOCAL] =
		{"local", 0, NULL, "by hand, though signed orders make the policies here",
		 "Make or roll a policy by hand on a machine that has policy-signers.pem, and so takes "
		 "its policies from signed orders. The audit log says so, and the next order of that "
		 "generation is refused.",
		 FLAG(local)},
	[OPT_SIGN] = {"sign", 0, "FILE", "the private key (PEM) that signs the order", NULL,
		      TEXT(sign)},
	[OPT_SIGNER] = {"signer", 0, "FILE", "the certificate (PEM) of --sign", NULL, TEXT(signer)},
	[OPT_TEXTFILE] = {"textfile", 0, "FILE", "replace FILE in one step, and print nothing",
			  NULL, TEXT(textfile)},
	[OPT_BOOTS] = {"boots", 0, "N",
		       "how many boots protection is suspended (1), or a lease holds (3)",
		       "With protector disable: for how many boots after this one protection is "
		       "suspended; 1 by default. With policy create: for how many boots after the "
		       "last use of a root a transient availability key opens; 3 by default. At "
		       "most 15.",
		       NUMBER(boots, 1, PROTECTOR_BOOTS_MAX)},
	[OPT_POLICY] = {"policy", 0, "NAME", "the policy whose root keys open it", NULL,
			TEXT(policy)},
	[OPT_SIZE] = {"size", 0, "BYTES", "make a file of this size, such as 2G",
		      "Make a new file of this size for the tenant, such as 512M or 2G; it takes "
		      "room as it is written.",
		      CALL(set_size)},
	[OPT_REQUEST] = {"request", 0, "FILE",
			 "ask for the purge; what is to be signed, a new file", NULL,
			 TEXT(request)},
	[OPT_APPROVAL] = {"approval", 0, "FILE", "an approver's signed request (CMS)", NULL,
			  TEXT(approval)},
	[OPT_CANCEL] = {"cancel", 0, NULL, "forget the request and its approvals", NULL,
			FLAG(cancel)},
	[OPT_CERTIFICATE] = {"certificate", 0, "FILE",
			     "purge now; what says that it was done, a new file", NULL,
			     TEXT(certificate)},
	[OPT_KERNEL] = {"kernel", 0, "FILE", "the kernel of the coming boot", NULL, TEXT(kernel)},
	[OPT_INITRD] = {"initrd", 0, "FILE", "the initrd of the coming boot", NULL, TEXT(initrd)},
	[OPT_CMDLINE] =
		{"cmdline", 0, "TEXT", "the kernel command line of the coming boot",
		 "The kernel command line of the coming boot, as /proc/cmdline will have it.",
		 TEXT(cmdline)},
	[OPT_UKI] = {"uki", 0, "FILE", "the unified kernel image of the coming boot", NULL,
		     TEXT(uki)},
	[OPT_PCRS] =
		{"pcrs", 0, "SET", "approve over these PCRs from now on, as 4+7+8+9, or default",
		 "Approve over these PCRs from now on: numbers joined by +, or default, which is "
		 "what a protector that is added gets. Approvals over others are taken back.",
		 TEXT(pcrs)},
	[OPT_APPROVE] = {"approve", 0, NULL, "approve what was predicted", NULL, FLAG(approve)},
	[OPT_FREE] = {"free", 0, "INDEX", "remove the counter at this NV index from the TPM", NULL,
		      TEXT(free_index)},
	[OPT_OLD_CMDLINE] =
		{"old-cmdline", 0, "TEXT", "the command line of this boot (/proc/cmdline)",
		 "The command line of the boot that the event log is of; that in /proc/cmdline by "
		 "default. It tells how a command line is measured on this machine.",
		 TEXT(old_cmdline)},
	[OPT_EVENT_LOG] = {"event-log", 0, "FILE", "the event log of this boot (the kernel's)",
			   "The firmware's event log of this boot; by default the kernel's, "
			   "/sys/kernel/security/tpm0/binary_bios_measurements.",
			   TEXT(unlock.event_log)},
	[OPT_SECTOR_SIZE] =
		{"sector-size", 0, "BYTES",
		 "512, 1024, 2048 or 4096 (4096 where the device's size allows)",
		 "512, 1024, 2048 or 4096. The default is 4096 where the size of the device allows.",
		 CALL(set_sector_size)},
	[OPT_ITER_TIME] = {"iter-time", 0, "MS", "time that Argon2id takes for a passphrase or PIN",
			   NULL, NUMBER(pbkdf.time_ms, 1, 600000)},
	[OPT_PBKDF_MEMORY] =
		{"pbkdf-memory", 0, "KIB", "memory that Argon2id takes for a passphrase or PIN",
		 "Memory that Argon2id takes for a passphrase or PIN. For a PIN the default is 256 "
		 "MiB, but at most a quarter of the machine's memory and at least 64 MiB. A PIN "
		 "takes 64 MiB at least.",
		 NUMBER(pbkdf.memory_kib, 32, 4 * 1024 * 1024)},
	[OPT_FORCE] =
		{"force", 0, NULL, "do it in spite of the danger that a refusal names",
		 "Do what is refused for the danger that it brings: remove even the last protector "
		 "that a person can open, make a key file for auto where nothing is encrypted, "
		 "suspend what the root file system is on, erase an open volume, take another volume for the "
		 "machine's, free the counter of a volume that is attached.",
		 FLAG(force)},
	[OPT_TPM] = {"tpm", 0, "TCTI", "the TPM to use (device:/dev/tpmrm0)",
		     "The TPM, as tpm2-tss names it; device:/dev/tpmrm0 by default.",
		     TEXT(unlock.tcti)},
	[OPT_TABLE] = {"fvetab", 0, "FILE", "another table than /etc/fvetab", NULL,
		       TEXT(table_file)},
	[OPT_KERNEL_CMDLINE] = {"kernel-cmdline", 0, "FILE", "another file than /proc/cmdline",
				NULL, TEXT(cmdline_file)},
	[OPT_IN_INITRD] =
		{"in-initrd", 0, NULL, "as in the initramfs: only volumes marked initrd",
		 "Act as in the initramfs, which is recognized by /etc/initrd-release: open only "
		 "the volumes that are marked initrd, or those that the command line names.",
		 FLAG(in_initrd)},
	[OPT_NETWORK] = {"network", 0, NULL, "now those that are marked netdev",
			 "The network is up: open the volumes that are marked netdev, and no "
			 "others. Nobody is asked for a secret.",
			 FLAG(network)},
	[OPT_FIX] =
		{"fix", 0, NULL, "do what can be done about it",
		 "Do what can be done about what was found, volume by volume; a secret is asked for.",
		 FLAG(fix)},
	[OPT_JSON] = {"json", 0, NULL, "print JSON (docs/json.md)",
		      "Print JSON, as docs/json.md describes.", FLAG(json)},
	[OPT_BATCH_MODE] = {"batch-mode", 'q', NULL, "ask for no confirmation", NULL,
			    FLAG(batch_mode)},
	[OPT_VERBOSE] = {"verbose", 'v', NULL, "say more", NULL, CALL(set_verbose)},
	[OPT_DEBUG] = {"debug", 0, NULL, "say everything but secrets", NULL, CALL(set_debug)},
	[OPT_HELP] = {"help", 'h', NULL, "show help; after an action: on that action", NULL,
		      FLAG(help)},
	[OPT_VERSION] = {"version", 'V', NULL, "show the version", NULL, FLAG(version)},
};

static int set_option(const struct option_row *option, const char *value, struct args *args)
{
	void *member = (char *)args + option->offset;
	unsigned int *n = (void *)((char *)args + option->count);

	switch (option->set) {
	case SET_FLAG:
		*(bool *)member = true;
		return 0;
	case SET_TEXT:
		*(const char **)member = value;
		return 0;
	case SET_LIST:
		if (*n == option->max)
			return log_errno(EINVAL, "--%s can be given %u times at most", option->name,
					 option->max);
		((const char **)member)[(*n)++] = value;
		return 0;
	case SET_NUMBER:
		return parse_number(option->name, value, option->min, option->max, member);
	case SET_CALL:
		return option->call(value, args);
	}
	return -EINVAL;
}

static enum option_id option_of(int c)
{
	enum option_id id = OPT_HELP;

	if (c >= LONG_OPTION)
		return (enum option_id)(c - LONG_OPTION);
	for (size_t i = 0; i < OPT_END; i++)
		if (options[i].letter == c)
			id = (enum option_id)i;
	return id;
}

/* The long options that @word, "--re=x", may be short for, with blanks between; "": there is none.
 */
static void find_long(const char *word, char ret[OPTION_LIST_SIZE])
{
	size_t length = strcspn(word + 2, "=");

	*ret = '\0';
	for (size_t i = 0; i < OPT_END; i++)
		if (!strncmp(options[i].name, word + 2, length) &&
		    strlen(ret) + strlen(options[i].name) + 4 < OPTION_LIST_SIZE)
			sprintf(ret + strlen(ret), " --%s", options[i].name);
}

/* getopt_long() has given @c: an option that is not known, or lacks its argument. */
static int refuse_option(int c, const char *word)
{
	char list[OPTION_LIST_SIZE] = "";

	if (c == ':')
		return log_errno(EINVAL, "option '%s' requires an argument", word);
	if (optopt >= LONG_OPTION)
		return log_errno(EINVAL, "option '--%s' doesn't allow an argument",
				 options[option_of(optopt)].name);
	if (optopt)
		return log_errno(EINVAL, "invalid option -- '%c'", optopt);
	find_long(word, list);
	if (*list)
		return log_errno(EINVAL, "option '%s' is ambiguous; possibilities:%s", word, list);
	return log_errno(EINVAL, "unrecognized option '%s'", word);
}

int options_parse(int argc, char **argv, struct args *args, bool ret_given[OPT_END],
		  int *ret_operand)
{
	struct option long_options[OPT_END + 1] = {0};
	char letters[2 * OPT_END + 2] = ":"; /* which tells a missing argument from the rest */
	size_t n = 1;
	int c;

	opterr = 0; /* getopt's own messages begin with argv[0], and quote the rest as it is */

	for (size_t i = 0; i < OPT_END; i++) {
		long_options[i] = (struct option){
			.name = options[i].name,
			.has_arg = options[i].argument ? required_argument : no_argument,
			.val = LONG_OPTION + (int)i,
		};
		if (options[i].letter) {
			letters[n++] = options[i].letter;
			if (options[i].argument)
				letters[n++] = ':';
		}
	}
	while ((c = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		enum option_id id;
		int r;

		if (c == '?' || c == ':')
			return refuse_option(c, argv[optind - 1]);
		id = option_of(c);
		ret_given[id] = true;
		r = set_option(&options[id], optarg, args);
		if (r < 0)
			return r;
	}
	*ret_operand = optind;
	return 0;
}

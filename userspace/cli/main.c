// SPDX-License-Identifier: LGPL-2.1-or-later
/* fvesetup: the tables of actions and options, from which --help is printed. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "cli.h"

#define DEFAULT_TRIES 3
#define FREED_BYTE    0x5a /* any but 0: that would turn M_PERTURB off */

/* cryptsetup's exit codes, cryptsetup(8) "RETURN CODES". */
enum exit_code {
	EXIT_OK = 0,
	EXIT_PARAMETERS = 1,
	EXIT_PERMISSION = 2,
	EXIT_MEMORY = 3,
	EXIT_DEVICE = 4,
	EXIT_BUSY = 5,
};

enum action_bit {
	FORMAT = 1 << 0,
	OPEN = 1 << 1,
	CLOSE = 1 << 2,
	STATUS = 1 << 3,
	DUMP = 1 << 4,
	PROTECTOR_LIST = 1 << 5,
	PROTECTOR_ADD = 1 << 6,
	PROTECTOR_REMOVE = 1 << 7,
	PROTECTOR_CHANGE = 1 << 8,
	PROTECTOR_TEST = 1 << 9,
	ALL = ~0,
	MAKES = FORMAT | PROTECTOR_ADD | PROTECTOR_CHANGE, /* protectors */
	UNLOCKS = OPEN | PROTECTOR_ADD | PROTECTOR_CHANGE | PROTECTOR_TEST,
};

static const struct action {
	enum action_bit bit;
	const char *words;    /* one word, or two */
	const char *operands; /* each in <>, and those that may be left out in [] */
	int (*run)(const struct args *args);
	const char *help;
} actions[] = {
	{FORMAT, "format", "<device>", cmd_format, "make a new volume; all data there is lost"},
	{OPEN, "open", "<device> <name>", cmd_open, "map a volume as /dev/mapper/<name>"},
	{CLOSE, "close", "<name>", cmd_close, "remove the mapping and its key"},
	{STATUS, "status", "<name>", cmd_status, "show an open volume"},
	{DUMP, "dump", "<device>", cmd_dump, "show a volume's header"},
	{PROTECTOR_LIST, "protector list", "<device>", cmd_protector_list,
	 "show what opens a volume"},
	{PROTECTOR_ADD, "protector add", "<device> <kind[,option...]>", cmd_protector_add,
	 "add what opens a volume; kinds see below"},
	{PROTECTOR_REMOVE, "protector remove", "<device> <id>", cmd_protector_remove,
	 "remove one, in both header copies"},
	{PROTECTOR_CHANGE, "protector change", "<device> <id>", cmd_protector_change,
	 "replace its secret by a new one"},
	{PROTECTOR_TEST, "protector test", "<device> [<id>]", cmd_protector_test,
	 "tell which would open the volume now"},
};

enum option_id {
	OPT_HELP = 'h',
	OPT_VERSION = 'V',
	OPT_BATCH = 'q',
	OPT_VERBOSE = 'v',
	OPT_KEY_FILE = 'd',
	OPT_TRIES = 'T',
	OPT_READ_ONLY = 'r',
	OPT_LONG_ONLY = 256,
	OPT_DEBUG,
	OPT_JSON,
	OPT_FORCE,
	OPT_TEST,
	OPT_PROTECTOR,
	OPT_NO_RECOVERY,
	OPT_RECOVERY_FILE,
	OPT_NEW_KEY_FILE,
	OPT_PIN_FILE,
	OPT_STARTUP_KEY_FILE,
	OPT_LABEL,
	OPT_SECTOR_SIZE,
	OPT_ALLOW_DISCARDS,
	OPT_ITER_TIME,
	OPT_PBKDF_MEMORY,
	OPT_TPM,
};

static const struct option_row {
	enum option_id id; /* below OPT_LONG_ONLY: also the short option */
	const char *name;
	const char *argument; /* NULL: takes none */
	unsigned int actions; /* enum action_bit */
	const char *help;
} options[] = {
	{OPT_HELP, "help", NULL, ALL, "show this help"},
	{OPT_VERSION, "version", NULL, ALL, "show the version"},
	{OPT_VERBOSE, "verbose", NULL, ALL, "say more"},
	{OPT_DEBUG, "debug", NULL, ALL, "say everything but secrets"},
	{OPT_BATCH, "batch-mode", NULL, ALL, "ask for no confirmation"},
	{OPT_JSON, "json", NULL, STATUS | DUMP | PROTECTOR_LIST | PROTECTOR_TEST,
	 "print JSON (docs/json.md)"},
	{OPT_PROTECTOR, "protector", "SPEC", FORMAT | UNLOCKS,
	 "format: add kind[,option...], repeatable; else: use only this id or kind"},
	{OPT_KEY_FILE, "key-file", "FILE", FORMAT | UNLOCKS,
	 "read the secret from FILE, or - for standard input"},
	{OPT_NEW_KEY_FILE, "new-key-file", "FILE", PROTECTOR_ADD | PROTECTOR_CHANGE,
	 "read the new passphrase or PIN from FILE, or write the new startup key to it"},
	{OPT_PIN_FILE, "pin-file", "FILE", FORMAT | UNLOCKS, "read the PIN of tpm2-pin from FILE"},
	{OPT_STARTUP_KEY_FILE, "startup-key-file", "FILE", FORMAT | UNLOCKS,
	 "the startup key; format: FILE is made, and must not exist"},
	{OPT_NO_RECOVERY, "no-recovery", NULL, FORMAT, "make no recovery password"},
	{OPT_RECOVERY_FILE, "recovery-file", "FILE", MAKES,
	 "write the recovery password to FILE, which must not exist, and do not print it"},
	{OPT_TRIES, "tries", "N", UNLOCKS, "how often to ask for a secret (3)"},
	{OPT_TEST, "test", NULL, OPEN, "unlock but map nothing; <name> is left out"},
	{OPT_READ_ONLY, "readonly", NULL, OPEN, "map read-only"},
	{OPT_ALLOW_DISCARDS, "allow-discards", NULL, OPEN,
	 "pass discards down; tells an attacker which sectors are unused"},
	{OPT_LABEL, "label", "TEXT", FORMAT, "label of the volume"},
	{OPT_SECTOR_SIZE, "sector-size", "BYTES", FORMAT,
	 "512, 1024, 2048 or 4096 (4096 where the device's size allows)"},
	{OPT_ITER_TIME, "iter-time", "MS", MAKES,
	 "time that Argon2id takes for a passphrase or PIN"},
	{OPT_PBKDF_MEMORY, "pbkdf-memory", "KIB", MAKES,
	 "memory that Argon2id takes for a passphrase or PIN"},
	{OPT_FORCE, "force", NULL, PROTECTOR_REMOVE, "remove even the last one for a person"},
	{OPT_TPM, "tpm", "TCTI", FORMAT | UNLOCKS, "the TPM to use (device:/dev/tpmrm0)"},
};

static void print_help(void)
{
	printf("fvesetup " FVE_VERSION ": volumes of the fve target, with BitLocker's key model\n\n"
	       "Usage: fvesetup [options] <action> <operands>\n\nActions:\n");
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		printf("  %-16s %-28s %s\n", actions[i].words, actions[i].operands,
		       actions[i].help);
	printf("\nOptions:\n");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct option_row *o = &options[i];
		char name[40], letter[5] = "    ";

		if (o->id < OPT_LONG_ONLY)
			snprintf(letter, sizeof(letter), "-%c, ", (char)o->id);
		snprintf(name, sizeof(name), "--%s%s%s", o->name, o->argument ? "=" : "",
			 o->argument ?: "");
		printf("  %s%-24s %s\n", letter, name, o->help);
	}
	printf("\nProtectors:\n"
	       "  tpm2[,pcrs=4+7+...][,unsafe-pcrs]   the TPM, while the machine boots as approved\n"
	       "  tpm2-pin[,pcrs=...][,unsafe-pcrs]   the same, and a PIN\n"
	       "  tpm2-key[,pcrs=...][,unsafe-pcrs]   the same, and a startup key\n"
	       "  recovery                            a recovery password of 48 digits\n"
	       "  passphrase                          a passphrase, stretched by Argon2id\n"
	       "  startup-key                         a file of 32 random bytes, on a stick\n"
	       "  each with [,label=TEXT]\n"
	       "\nExit codes: 0 done, 1 wrong parameters, 2 no permission (wrong secret, policy "
	       "refused),\n3 out of memory, 4 wrong device or file, 5 busy or exists.\n"
	       "The recovery password also opens the volume with: cryptsetup open <device> <name>\n");
}

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
	case ENODEV:
	case ENXIO:
	case ENOENT:
	case ENOTBLK:
	case ENOTDIR:
	case EISDIR:
	case EFBIG:
	case EBADMSG:
	case EIO:
	case ENOPKG:
		return EXIT_DEVICE;
	case EBUSY:
	case EEXIST:
		return EXIT_BUSY;
	default:
		return EXIT_PARAMETERS;
	}
}

static int parse_number(const char *option, const char *text, uint32_t min, uint32_t max,
			uint32_t *ret)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value < min || value > max)
		return log_errno(EINVAL, "--%s takes a number from %u to %u, not %s", option, min,
				 max, text);
	*ret = (uint32_t)value;
	return 0;
}

static int parse_sector_size(const char *text, uint32_t *ret)
{
	int r = parse_number("sector-size", text, 512, 4096, ret);

	if (r == 0 && __builtin_popcount(*ret) != 1)
		return log_errno(EINVAL, "--sector-size takes 512, 1024, 2048 or 4096, not %s",
				 text);
	return r;
}

static int set_option(enum option_id id, const char *value, struct args *args)
{
	switch (id) {
	case OPT_VERBOSE:
		log_set_level(LOG_LEVEL_VERBOSE);
		return 0;
	case OPT_DEBUG:
		log_set_level(LOG_LEVEL_DEBUG);
		return 0;
	case OPT_BATCH:
		args->batch_mode = true;
		return 0;
	case OPT_JSON:
		args->json = true;
		return 0;
	case OPT_FORCE:
		args->force = true;
		return 0;
	case OPT_TEST:
		args->test = true;
		return 0;
	case OPT_READ_ONLY:
		args->read_only = true;
		return 0;
	case OPT_ALLOW_DISCARDS:
		args->allow_discards = true;
		return 0;
	case OPT_NO_RECOVERY:
		args->no_recovery = true;
		return 0;
	case OPT_PROTECTOR:
		if (args->n_protectors == CLI_MAX_PROTECTORS)
			return log_errno(EINVAL, "--protector can be given %d times at most",
					 CLI_MAX_PROTECTORS);
		args->protector[args->n_protectors++] = value;
		return 0;
	case OPT_KEY_FILE:
		args->key_file = value;
		return 0;
	case OPT_NEW_KEY_FILE:
		args->new_key_file = value;
		return 0;
	case OPT_PIN_FILE:
		args->pin_file = value;
		return 0;
	case OPT_STARTUP_KEY_FILE:
		args->startup_key_file = value;
		return 0;
	case OPT_RECOVERY_FILE:
		args->recovery_file = value;
		return 0;
	case OPT_LABEL:
		args->label = value;
		return 0;
	case OPT_TPM:
		args->tcti = value;
		return 0;
	case OPT_TRIES:
		return parse_number("tries", value, 1, 100, &args->tries);
	case OPT_SECTOR_SIZE:
		return parse_sector_size(value, &args->sector_size);
	case OPT_ITER_TIME:
		return parse_number("iter-time", value, 1, 600000, &args->pbkdf.time_ms);
	case OPT_PBKDF_MEMORY:
		return parse_number("pbkdf-memory", value, 32, 4 * 1024 * 1024,
				    &args->pbkdf.memory_kib);
	case OPT_HELP:
	case OPT_VERSION:
	case OPT_LONG_ONLY:
		break;
	}
	return -EINVAL;
}

/* getopt's two tables from ours; @given collects a bit for each option row seen. */
static int parse_options(int argc, char **argv, struct args *args, uint64_t *given)
{
	struct option long_options[ARRAY_SIZE(options) + 1] = {0};
	char letters[2 * ARRAY_SIZE(options) + 1] = "";
	size_t n = 0;
	int c;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		long_options[i] = (struct option){
			.name = options[i].name,
			.has_arg = options[i].argument ? required_argument : no_argument,
			.val = options[i].id,
		};
		if (options[i].id < OPT_LONG_ONLY) {
			letters[n++] = (char)options[i].id;
			if (options[i].argument)
				letters[n++] = ':';
		}
	}
	while ((c = getopt_long(argc, argv, letters, long_options, NULL)) != -1) {
		int r;

		if (c == '?') /* getopt has said what is wrong */
			return -EINVAL;
		if (c == OPT_HELP || c == OPT_VERSION) {
			if (c == OPT_HELP)
				print_help();
			else
				puts("fvesetup " FVE_VERSION);
			exit(EXIT_OK);
		}
		r = set_option((enum option_id)c, optarg, args);
		if (r < 0)
			return r;
		for (size_t i = 0; i < ARRAY_SIZE(options); i++)
			if (options[i].id == (enum option_id)c)
				*given |= 1ull << i;
	}
	return 0;
}

/* The action that the first one or two words name; @ret_words says how many it took. */
static const struct action *find_action(char **words, int n, int *ret_words)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
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

static unsigned int count(const char *text, char c)
{
	unsigned int n = 0;

	for (; *text; text++)
		n += *text == c;
	return n;
}

static int run(int argc, char **argv)
{
	struct args args = {.tries = DEFAULT_TRIES};
	const struct action *action;
	uint64_t given = 0;
	unsigned int operands, most;
	int words = 0;
	int r = parse_options(argc, argv, &args, &given);

	if (r < 0)
		return r;
	if (optind == argc)
		return log_errno(EINVAL, "no action given; see fvesetup --help");
	action = find_action(argv + optind, argc - optind, &words);
	if (!action)
		return log_errno(EINVAL, "there is no action %s; see fvesetup --help",
				 argv[optind]);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (given & 1ull << i && !(options[i].actions & action->bit))
			return log_errno(EINVAL, "--%s does not go with %s", options[i].name,
					 action->words);
	operands = (unsigned int)(argc - optind - words);
	most = args.test ? 1 : count(action->operands, '<');
	if (operands > most || operands + count(action->operands, '[') < most)
		return log_errno(EINVAL, "usage: fvesetup %s %s", action->words,
				 args.test ? "--test <device>" : action->operands);
	for (unsigned int i = 0; i < operands; i++)
		args.operand[i] = argv[optind + words + (int)i];
	return action->run(&args);
}

/*
 * No core file, no ptrace by the same user, no file that others can read. Freed memory is
 * overwritten: tpm2-tss keeps plain copies of a sealed or unsealed key in buffers of its own and
 * frees them unwiped.
 */
static void harden_process(void)
{
	struct rlimit none = {0, 0};

	mallopt(M_PERTURB, FREED_BYTE);
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
	umask(077);
}

int main(int argc, char **argv)
{
	int r;

	harden_process();
	r = run(argc, argv);
	if (r == -ENOMEM)
		log_error("out of memory, or out of memory that may be locked (ulimit -l)");
	if (fflush(stdout) || ferror(stdout))
		return EXIT_DEVICE;
	return exit_code(r);
}

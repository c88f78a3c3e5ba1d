// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The TPM side of libfve by hand: seals a random KEK to the PCRs of a TPM and unseals it, with
 * every part of the protector in a file of its own that a test can damage.
 *
 *	tpm_probe TCTI srk [create]		the SRK's Name
 *	tpm_probe TCTI pcrs PCRS		their values
 *	tpm_probe TCTI extend PCR HEX
 *	tpm_probe TCTI seal DIR PCRS [da]	a new KEK, its policy, and approve
 *	tpm_probe TCTI approve DIR PCRS		sign the PCRs' present values
 *	tpm_probe TCTI unseal DIR		and compare with the KEK
 *	tpm_probe TCTI residue DIR		unseal, and search this process for the KEK
 *
 * DIR/{srk,policy.pub,policy.key,auth-policy,approval,sealed.pub,sealed.priv,kek}. Prints the
 * reason's code; exits 0 for "none", 1 for any other, and 2 for a failure without a reason.
 * An empty TCTI means the machine's TPM; TPM_PROBE_DEBUG in the environment shows tpm.c's log.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "tpm/tpm.h"

#define REF	 "fve:tpm-probe"
#define KEK_SIZE 32

static const char *dir;

static int open_file(const char *name, int flags)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open(path, flags, 0600);
}

static int save(const char *name, const void *data, size_t size)
{
	_cleanup_close_ int fd = open_file(name, O_WRONLY | O_CREAT | O_TRUNC);

	return fd >= 0 && write(fd, data, size) == (ssize_t)size ? 0 : -EIO;
}

/* Up to @size bytes; their number, or -EIO. */
static ssize_t load(const char *name, void *data, size_t size)
{
	_cleanup_close_ int fd = open_file(name, O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, data, size) : -1;

	return n >= 0 ? n : -EIO;
}

static int load_all(const char *name, void *data, size_t size)
{
	return load(name, data, size) == (ssize_t)size ? 0 : -EIO;
}

static int load_blob(const char *name, struct blob *ret)
{
	uint8_t buffer[4096];
	ssize_t n = load(name, buffer, sizeof(buffer));

	return n < 0 ? (int)n : blob_set(ret, buffer, (size_t)n);
}

static int cmd_srk(struct tpm *tpm, char **argv, enum reason *reason)
{
	_cleanup_free_ char *text = NULL;
	struct tpm_name name;
	int r = tpm_srk_name(tpm,
			     argv[0] && !strcmp(argv[0], "create") ? TPM_SRK_MAKE : TPM_SRK_FIND,
			     &name, reason);

	if (r == 0) {
		text = hex_encode(name.data, sizeof(name.data));
		printf("%s\n", text);
	}
	return r;
}

static int cmd_pcrs(struct tpm *tpm, char **argv, enum reason *reason)
{
	struct pcr_values pcrs;
	uint32_t mask;
	int r = pcr_mask_parse(argv[0], &mask);

	if (r == 0)
		r = tpm_read_pcrs(tpm, mask, &pcrs, reason);
	for (int i = 0; r == 0 && i < PCR_COUNT; i++) {
		_cleanup_free_ char *text = hex_encode(pcrs.value[i], SHA256_SIZE);

		if (pcrs.mask & 1u << i)
			printf("%d %s\n", i, text);
	}
	return r;
}

static int cmd_extend(struct tpm *tpm, char **argv, enum reason *reason)
{
	uint8_t digest[SHA256_SIZE];
	int r = hex_decode(argv[1], digest, sizeof(digest));

	*reason = REASON_NONE;
	return r < 0 ? r : tpm_extend(tpm, (unsigned int)atoi(argv[0]), digest);
}

/* Sign the present values of the PCRs. */
static int cmd_approve(struct tpm *tpm, char **argv, enum reason *reason)
{
	_cleanup_secret_ struct secret *private = secret_new(P256_SIZE);
	struct policy_authority authority = {.ref = REF};
	struct policy_approval approval = {0};
	uint32_t mask;
	int r = private ? pcr_mask_parse(argv[0], &mask) : -ENOMEM;

	if (r == 0)
		r = load_all("policy.pub", &authority.key, sizeof(authority.key));
	if (r == 0)
		r = load_all("policy.key", private->data, P256_SIZE);
	if (r == 0)
		r = tpm_read_pcrs(tpm, mask, &approval.pcrs, reason);
	if (r == 0)
		r = policy_sign(private, &authority, &approval);
	return r < 0 ? r : save("approval", &approval, sizeof(approval));
}

static int cmd_seal(struct tpm *tpm, char **argv, enum reason *reason)
{
	enum tpm_da da = argv[1] && !strcmp(argv[1], "da") ? TPM_DA_COUNTS : TPM_DA_EXEMPT;
	_cleanup_secret_ struct secret *private = NULL, *kek = secret_random(KEK_SIZE);
	_cleanup_tpm_sealed_ struct tpm_sealed sealed = {0};
	struct policy_authority authority = {.ref = REF};
	uint8_t auth_policy[SHA256_SIZE];
	struct tpm_name srk;
	int r = kek ? tpm_srk_name(tpm, TPM_SRK_MAKE, &srk, reason) : -ENOMEM;

	if (r == 0)
		r = crypto_ec_generate(&private, &authority.key);
	if (r == 0)
		r = policy_authorize_digest(&authority, auth_policy);
	if (r == 0)
		r = tpm_seal(tpm, &srk, auth_policy, da, NULL, kek, &sealed, reason);
	if (r != 0)
		return r;
	if (save("srk", &srk, sizeof(srk)) < 0 || save("kek", kek->data, KEK_SIZE) < 0 ||
	    save("policy.pub", &authority.key, sizeof(authority.key)) < 0 ||
	    save("policy.key", private->data, P256_SIZE) < 0 ||
	    save("auth-policy", auth_policy, sizeof(auth_policy)) < 0 ||
	    save("sealed.pub", sealed.public.data, sealed.public.size) < 0 ||
	    save("sealed.priv", sealed.private.data, sealed.private.size) < 0)
		return -EIO;
	return cmd_approve(tpm, argv, reason);
}

static int unseal(struct tpm *tpm, struct secret **ret, enum reason *reason)
{
	_cleanup_tpm_sealed_ struct tpm_sealed sealed = {0};
	struct policy_authority authority = {.ref = REF};
	struct policy_approval approval;
	struct tpm_name srk;

	if (load_all("srk", &srk, sizeof(srk)) < 0 ||
	    load_all("policy.pub", &authority.key, sizeof(authority.key)) < 0 ||
	    load_all("approval", &approval, sizeof(approval)) < 0 ||
	    load_blob("sealed.pub", &sealed.public) < 0 ||
	    load_blob("sealed.priv", &sealed.private) < 0)
		return -EIO;
	return tpm_unseal(tpm, &srk, &sealed, &authority, &approval, NULL, ret, reason);
}

static int cmd_unseal(struct tpm *tpm, char **argv, enum reason *reason)
{
	_cleanup_secret_ struct secret *kek = NULL, *expected = secret_new(KEK_SIZE);
	int r = unseal(tpm, &kek, reason);

	(void)argv;
	if (r < 0)
		return r;
	if (!expected || load_all("kek", expected->data, KEK_SIZE) < 0 ||
	    !secret_equal(kek, expected))
		return -EILSEQ;
	return 0;
}

/* The KEK that cmd_residue() got, bitwise inverted so that a search does not find this. */
static uint8_t inverted[KEK_SIZE];

/* Number of places in this process's memory that hold 8 consecutive bytes of the KEK. */
static unsigned int count_residue(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], mode[5];
	unsigned int found = 0;
	unsigned long start, end;

	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx %4s", &start, &end, mode) != 3 || mode[0] != 'r' ||
		    mode[1] != 'w')
			continue;
		for (const volatile uint8_t *p = (void *)start; p + 8 <= (uint8_t *)end; p++)
			for (int i = 0; i + 8 <= KEK_SIZE; i++) {
				int k = 0;

				while (k < 8 && (p[k] ^ inverted[i + k]) == 0xff)
					k++;
				found += k == 8;
			}
	}
	if (maps)
		fclose(maps);
	return found;
}

/* Unseal, and look for the KEK in memory while it is in use; main() looks again at the end. */
static int cmd_residue(struct tpm *tpm, char **argv, enum reason *reason)
{
	_cleanup_secret_ struct secret *kek = NULL;
	int r = unseal(tpm, &kek, reason);

	(void)argv;
	if (r < 0)
		return r;
	for (int i = 0; i < KEK_SIZE; i++)
		inverted[i] = (uint8_t)~kek->data[i];
	printf("in use: %u\n", count_residue());
	return 0;
}

static const struct {
	const char *name;
	bool in_dir;
	int min_args;
	int (*run)(struct tpm *tpm, char **argv, enum reason *reason);
} commands[] = {
	{"srk", false, 0, cmd_srk},	   {"pcrs", false, 1, cmd_pcrs},
	{"extend", false, 2, cmd_extend},  {"seal", true, 1, cmd_seal},
	{"approve", true, 1, cmd_approve}, {"unseal", true, 0, cmd_unseal},
	{"residue", true, 0, cmd_residue},
};

int main(int argc, char **argv)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	enum reason reason = REASON_NONE;
	int r = -EINVAL;

	/* tpm.h, tpm_close(): what tpm2-tss copied is overwritten when it is freed. */
	mallopt(M_PERTURB, 0x5a);
	if (getenv("TPM_PROBE_DEBUG"))
		log_set_level(LOG_LEVEL_DEBUG);
	for (size_t i = 0; argc > 2 && i < ARRAY_SIZE(commands); i++) {
		int first = commands[i].in_dir ? 4 : 3;

		if (strcmp(argv[2], commands[i].name) || argc < first + commands[i].min_args)
			continue;
		dir = argv[3];
		r = tpm_open(*argv[1] ? argv[1] : NULL, &tpm, &reason);
		if (r == 0)
			r = commands[i].run(tpm, argv + first, &reason);
		tpm_close(steal(tpm));
		if (r == 0 && commands[i].run == cmd_residue)
			printf("left: %u\n", count_residue());
		break;
	}
	if (r < 0 && reason == REASON_NONE) {
		fprintf(stderr, "tpm_probe: %s\n", strerror(-r));
		return 2;
	}
	printf("%s\n", reason_code(reason));
	return r < 0 ? 1 : 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Unlocking for any action: where the secret comes from, and how a refusal is told. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "change.h"
#include "cli.h"
#include "rotate.h"

#define DIGEST_SHOWN 8 /* bytes of a PCR value that a person is shown */

/* What firmware and boot loader measure there: UAPI.7 Linux TPM PCR registry. */
static const char *const pcr_meaning[PCR_COUNT] = {
	[0] = "firmware code",
	[1] = "firmware configuration",
	[2] = "option ROMs",
	[3] = "option ROM configuration",
	[4] = "boot loader and kernel image",
	[5] = "partition table",
	[7] = "Secure Boot state",
	[8] = "boot loader commands",
	[9] = "initrd and kernel command line",
	[11] = "unified kernel image",
	[12] = "kernel command line overrides",
	[14] = "MOK certificates",
	[15] = "cap after unlock",
};

static void show_digest(char ret[2 * DIGEST_SHOWN + 4], const uint8_t value[SHA256_SIZE])
{
	_cleanup_free_ char *hex = hex_encode(value, DIGEST_SHOWN);

	sprintf(ret, "%s...", hex ?: "");
}

static void show_lockout(const struct refusal *refusal)
{
	const struct tpm_lockout *lockout = &refusal->lockout;
	uint32_t left = lockout->failed < lockout->max_tries && !lockout->locked
				? lockout->max_tries - lockout->failed
				: 0;

	if (refusal->reason == REASON_PIN_WRONG && left)
		log_notice("  %u %s left before the TPM locks", left, left == 1 ? "try" : "tries");
	else
		log_notice("  the TPM takes another try in at most %u min, if it keeps power; a "
			   "recovery password opens now",
			   (lockout->interval_s + 59) / 60);
}

void cli_show_refusal(const struct protector *protector, const struct refusal *refusal)
{
	const struct pcr_values *expected = &refusal->expected, *found = &refusal->found;
	char was[2 * DIGEST_SHOWN + 4], is[2 * DIGEST_SHOWN + 4];

	log_notice("Protector %s %s refused: %s (%s)", protector_kind_name(protector->kind),
		   protector->head.id, reason_text(refusal->reason), reason_code(refusal->reason));
	if (refusal->reason == REASON_PIN_WRONG || refusal->reason == REASON_TPM_LOCKED_OUT)
		show_lockout(refusal);
	for (int i = 0; i < PCR_COUNT; i++) {
		if (!(expected->mask & 1u << i))
			continue;
		show_digest(was, expected->value[i]);
		show_digest(is, found->value[i]);
		log_notice("  PCR %d (%s): expected %s found %s", i, pcr_meaning[i] ?: "other", was,
			   is);
	}
}

static void refused(void *data, const struct protector *protector, const struct refusal *refusal)
{
	(void)data;
	cli_show_refusal(protector, refusal);
}

static int ask(void *data, enum unlock_question question, const char *prompt, struct secret **ret)
{
	const struct args *args = data;

	return prompt_secret(
		&(struct question){
			.text = prompt,
			.volume = args->operand[0],
			.file = question == UNLOCK_ASK_PIN ? args->pin_file : args->key_file,
			.agent = args->agent,
			.timeout_s = args->timeout_s,
		},
		ret);
}

const char *cli_mapping_name(const char *text)
{
	static const char directory[] = "/dev/mapper/";

	return strncmp(text, directory, strlen(directory)) ? text : text + strlen(directory);
}

/* A startup key that is not there, or none, is no fault: other protectors may do. */
int cli_read_startup_key(const struct args *args, struct secret **ret)
{
	_cleanup_secret_ struct secret *key = NULL;
	int r;

	if (!args->startup_key_file)
		return 0;
	r = prompt_secret(&(struct question){.file = args->startup_key_file}, &key);
	if (r == -ENOMEM)
		return r;
	if (r == 0 && key->size != STARTUP_KEY_SIZE)
		log_error("%s is no startup key, which has %d bytes", args->startup_key_file,
			  STARTUP_KEY_SIZE);
	else if (r == 0)
		*ret = steal(key);
	return 0;
}

int cli_unlock(const struct args *args, struct header *header, struct secret **ret_fvek,
	       struct protector *ret_used)
{
	/* A file or a pipe has one answer; a person has several tries. */
	unsigned int tries = args->agent || isatty(STDIN_FILENO) ? args->tries : 1;
	_cleanup_secret_ struct secret *startup_key = NULL;
	struct unlock how = {
		.protector = args->protector[0],
		.kinds = args->kinds,
		.tcti = args->tcti,
		.tries = {[UNLOCK_ASK_SECRET] = args->key_file ? 1 : tries,
			  [UNLOCK_ASK_PIN] = args->pin_file ? 1 : tries},
		.only_person = args->stock_header || (args->key_file && !args->pin_file),
		.stock_header = args->stock_header,
		.ask = ask,
		.refused = refused,
		.data = (void *)args,
	};
	int r;

	if (args->n_protectors > 1)
		return log_errno(EINVAL, "--protector can be given once here");
	r = cli_read_startup_key(args, &startup_key);
	if (r < 0)
		return r;
	how.startup_key = startup_key;
	return unlock(header, &how, ret_fvek, ret_used);
}

int cli_unlock_to_change(const struct args *args, struct header *header, struct secret **ret_fvek,
			 struct protector *ret_used)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	int r = cli_unlock(args, header, &fvek, ret_used);

	if (r == 0)
		r = change_check_header(header, fvek);
	if (r == 0)
		r = rotate_resume(header, fvek);
	if (r == 0)
		*ret_fvek = steal(fvek);
	return r;
}

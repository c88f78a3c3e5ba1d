// SPDX-License-Identifier: LGPL-2.1-or-later
/* Unlocking for any action: where the secret comes from, and how a refusal is told. */
#include <errno.h>
#include <stdio.h>

#include "cli.h"

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

static void show_refusal(void *data, const struct protector *protector,
			 const struct refusal *refusal)
{
	const struct pcr_values *expected = &refusal->expected, *found = &refusal->found;
	char was[2 * DIGEST_SHOWN + 4], is[2 * DIGEST_SHOWN + 4];

	(void)data;
	log_notice("Protector %s %s refused: %s (%s)", protector_kind_name(protector->kind),
		   protector->head.id, reason_text(refusal->reason), reason_code(refusal->reason));
	for (int i = 0; i < PCR_COUNT; i++) {
		if (!(expected->mask & 1u << i))
			continue;
		show_digest(was, expected->value[i]);
		show_digest(is, found->value[i]);
		log_notice("  PCR %d (%s): expected %s found %s", i, pcr_meaning[i] ?: "other", was,
			   is);
	}
}

static int ask(void *data, const char *prompt, struct secret **ret)
{
	const struct args *args = data;

	return prompt_secret(prompt, args->key_file, ret);
}

int cli_unlock(const struct args *args, struct header *header, struct secret **ret_fvek,
	       struct protector *ret_used)
{
	struct unlock how = {
		.protector = args->protector[0],
		.tcti = args->tcti,
		/* A file or a pipe has one answer; a person has several tries. */
		.tries = args->key_file || !isatty(STDIN_FILENO) ? 1 : args->tries,
		.only_person = args->key_file,
		.ask = ask,
		.refused = show_refusal,
		.data = (void *)args,
	};

	if (args->n_protectors > 1)
		return log_errno(EINVAL, "--protector can be given once here");
	return unlock(header, &how, ret_fvek, ret_used);
}

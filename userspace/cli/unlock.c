// SPDX-License-Identifier: LGPL-2.1-or-later
/* Unlocking for any action: where the secret comes from, and how a refusal is told. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "header/change.h"
#include "keys/identity.h"
#include "keys/rotate.h"
#include "os/device.h"

static void refused(void *data, const struct protector *protector, const struct refusal *refusal)
{
	cli_show_refusal(data, protector, refusal);
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

int cli_read_availability_key(const struct args *args, struct secret **ret)
{
	_cleanup_secret_ struct secret *key = NULL;
	_cleanup_blob_ struct blob public = {0};
	int r = prompt_secret(&(struct question){.file = args->availability_key}, &key);

	if (r == 0 && crypto_rsa_spki(key, &public) < 0)
		r = log_errno(EINVAL, "%s is no availability key", args->availability_key);
	if (r == 0)
		*ret = steal(key);
	return r;
}

static int unlock_with(const struct args *args, struct header *header, uint32_t kinds,
		       bool unverified, struct secret **ret_fvek, struct protector *ret_used)
{
	/* A file or a pipe has one answer; a person has several tries. */
	unsigned int tries = args->agent || isatty(STDIN_FILENO) ? args->tries : 1;
	_cleanup_secret_ struct secret *startup_key = NULL, *availability = NULL;
	uint8_t identity[IDENTITY_SIZE];
	/* What the machine remembers is root's; and only root has a TPM and a mapping to give. */
	int known = geteuid() ? -ENOENT : identity_recall(header_uuid(header), identity);
	struct unlock how = {
		.protector = args->protector[0],
		.kinds = kinds ? kinds : args->kinds,
		.unverified = unverified || args->stock_header,
		.identity = known == 0 ? identity : NULL,
		.tcti = args->tcti,
		.tries = {[UNLOCK_ASK_SECRET] = args->key_file ? 1 : tries,
			  [UNLOCK_ASK_PIN] = args->pin_file ? 1 : tries},
		/* What cannot be read might have refused a machine's protector. */
		.only_person = args->stock_header || (known < 0 && known != -ENOENT) ||
			       (args->key_file && !args->pin_file),
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
	if (args->availability_key) {
		r = cli_read_availability_key(args, &availability);
		how.kinds = kind_mask(KIND_AVAILABILITY, 0);
		how.availability = availability;
	}
	if (r < 0)
		return r;
	r = unlock(header, &how, ret_fvek, ret_used);
	/* Not being able to remember is no reason not to open. */
	if (r == 0 && known == -ENOENT && !geteuid() && protector_is_person(ret_used))
		cli_remember_identity(header, *ret_fvek);
	return r;
}

int cli_unlock(const struct args *args, struct header *header, struct secret **ret_fvek,
	       struct protector *ret_used)
{
	return unlock_with(args, header, 0, false, ret_fvek, ret_used);
}

int cli_unlock_unverified(const struct args *args, struct header *header, bool person,
			  struct secret **ret_fvek, struct protector *ret_used)
{
	return unlock_with(args, header, person ? kind_mask(KIND_PERSON, 0) : 0, true, ret_fvek,
			   ret_used);
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

int cli_open_to_change(const struct args *args, int *ret_lock, struct header **ret_header,
		       struct secret **ret_fvek)
{
	_cleanup_header_ struct header *header = NULL;
	struct protector used;
	int r = device_lock(args->operand[0], ret_lock);

	if (r == 0)
		r = header_load(args->operand[0], &header);
	if (r == 0)
		r = cli_unlock_to_change(args, header, ret_fvek, &used);
	if (r == 0)
		*ret_header = steal(header);
	return r;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Unlocking for any action: where the secret comes from, and how a refusal is told. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "header/change.h"
#include "keys/identity.h"
#include "keys/rotate.h"
#include "os/device.h"

static void refused(void *data, const struct protector *protector, const struct refusal *refusal)
{
	const struct unlock_request *request = data;

	cli_show_refusal(request->event_log, protector, refusal);
}

static int ask(void *data, enum unlock_question question, const char *prompt, struct secret **ret)
{
	const struct unlock_request *request = data;

	return prompt_secret(
		&(struct question){
			.text = prompt,
			.volume = request->device,
			.file = question == UNLOCK_ASK_PIN ? request->pin_file : request->key_file,
			.agent = request->agent,
			.timeout_s = request->timeout_s,
		},
		ret);
}

const char *cli_mapping_name(const char *text)
{
	static const char directory[] = "/dev/mapper/";

	return strncmp(text, directory, strlen(directory)) ? text : text + strlen(directory);
}

/* A startup key that is not there, or none, is no fault: other protectors may do. */
int cli_read_startup_key(const char *file, struct secret **ret)
{
	_cleanup_secret_ struct secret *key = NULL;
	int r;

	if (!file)
		return 0;
	r = prompt_secret(&(struct question){.file = file}, &key);
	if (r == -ENOMEM)
		return r;
	if (r == 0 && key->size != STARTUP_KEY_SIZE)
		log_error("%s is no startup key, which has %d bytes", file, STARTUP_KEY_SIZE);
	else if (r == 0)
		*ret = steal(key);
	return 0;
}

int cli_read_availability_key(const char *file, struct secret **ret)
{
	_cleanup_secret_ struct secret *key = NULL;
	_cleanup_blob_ struct blob public = {0};
	int r = prompt_secret(&(struct question){.file = file}, &key);

	if (r < 0)
		return r;
	if (crypto_rsa_spki(key, &public) < 0)
		return log_errno(EINVAL, "%s is no availability key", file);
	*ret = steal(key);
	return 0;
}

int cli_unlock(const struct unlock_request *request, struct header *header,
	       struct secret **ret_fvek, struct protector *ret_used)
{
	/* A file or a pipe has one answer; a person has several tries. */
	unsigned int tries = request->agent || isatty(STDIN_FILENO) ? request->tries : 1;
	_cleanup_secret_ struct secret *startup_key = NULL, *availability = NULL;
	uint8_t identity[IDENTITY_SIZE];
	struct protector used;
	/* What the machine remembers is root's; and only root has a TPM and a mapping to give. */
	int known = geteuid() ? -ENOENT : identity_recall(header_uuid(header), identity);
	struct unlock how = {
		.protector = request->protector,
		.kinds = request->kinds,
		.unverified = request->unverified || request->stock_header,
		.identity = known == 0 ? identity : NULL,
		.tcti = request->tcti,
		.tries = {[UNLOCK_ASK_SECRET] = request->key_file ? 1 : tries,
			  [UNLOCK_ASK_PIN] = request->pin_file ? 1 : tries},
		/* What cannot be read might have refused a machine's protector. */
		.only_person = request->stock_header || (known < 0 && known != -ENOENT) ||
			       (request->key_file && !request->pin_file),
		.ask = ask,
		.refused = refused,
		.data = (void *)request,
	};
	int r = cli_read_startup_key(request->startup_key_file, &startup_key);

	if (r < 0)
		return r;
	how.startup_key = startup_key;
	if (request->availability_key) {
		r = cli_read_availability_key(request->availability_key, &availability);
		if (r < 0)
			return r;
		how.kinds = kind_mask(KIND_AVAILABILITY, 0);
		how.availability = availability;
	}
	r = unlock(header, &how, ret_fvek, &used);
	if (r < 0)
		return r;
	if (ret_used)
		*ret_used = used;
	/* Not being able to remember is no reason not to open. */
	if (known == -ENOENT && !geteuid() && protector_is_person(&used))
		cli_remember_identity(header, *ret_fvek);
	return 0;
}

int cli_unlock_to_change(const struct unlock_request *how, struct header *header,
			 struct secret **ret_fvek)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	int r = cli_unlock(how, header, &fvek, NULL);

	if (r < 0)
		return r;
	r = change_check_header(header, fvek);
	if (r < 0)
		return r;
	r = rotate_resume(header, fvek);
	if (r < 0)
		return r;
	*ret_fvek = steal(fvek);
	return 0;
}

int cli_open_to_change(const struct unlock_request *how, int *ret_lock, struct header **ret_header,
		       struct secret **ret_fvek)
{
	_cleanup_header_ struct header *header = NULL;
	int r = device_lock(how->device, DEVICE_TO_CHANGE, ret_lock);

	if (r < 0)
		return r;
	r = header_load(how->device, &header);
	if (r < 0)
		return r;
	r = cli_unlock_to_change(how, header, ret_fvek);
	if (r < 0)
		return r;
	*ret_header = steal(header);
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup format' action. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "device.h"
#include "vmk.h"

/* Everything that can be refused is refused before the first byte is written. */
static int check(const struct args *args, struct protector_spec *specs, bool *ret_passphrase)
{
	for (unsigned int i = 0; i < args->n_protectors; i++) {
		int r = protector_spec_parse(args->protector[i], &specs[i]);

		if (r < 0)
			return r;
		*ret_passphrase |= specs[i].kind == PROTECTOR_PASSPHRASE;
	}
	if (args->key_file && args->n_protectors && !*ret_passphrase)
		return log_errno(EINVAL, "--key-file goes with --protector passphrase");
	if (args->recovery_file && args->no_recovery)
		return log_errno(EINVAL, "--recovery-file does not go with --no-recovery");
	if (args->no_recovery && args->n_protectors && !*ret_passphrase)
		return log_errno(EINVAL, "a volume that only this machine's TPM opens is lost with "
					 "it: add a passphrase, or leave out --no-recovery");
	return cli_check_recovery_file(args);
}

static int confirm(const struct args *args, const char *path)
{
	_cleanup_free_ char *question = NULL;
	struct device_info info;
	int r = device_probe(path, &info);

	if (r < 0)
		return r;
	if (asprintf(&question, "All data on %s%s%s%s will be lost.", path,
		     *info.signature ? " (it holds " : "", info.signature,
		     *info.signature ? ")" : "") < 0)
		return -ENOMEM;
	return prompt_confirm(args, question);
}

int cmd_format(const struct args *args)
{
	static const struct protector_spec recovery = {.kind = PROTECTOR_RECOVERY};
	struct protector_spec specs[CLI_MAX_PROTECTORS] = {{.kind = PROTECTOR_PASSPHRASE}};
	unsigned int n = args->n_protectors ? args->n_protectors : 1;
	_cleanup_secret_ struct secret *fvek = secret_random(FVEK_SIZE), *vmk = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	const char *path = args->operand[0];
	bool passphrase = !args->n_protectors;
	struct header_format how = {.label = args->label, .sector_size = args->sector_size};
	int r = check(args, specs, &passphrase);

	if (r == 0)
		r = device_lock(path, &lock);
	if (r == 0)
		r = confirm(args, path);
	if (r == 0 && !fvek)
		r = -ENOMEM;
	if (r == 0)
		r = header_format(path, &how, fvek, &header);
	if (r == 0)
		r = vmk_create(header, fvek, &vmk);
	for (unsigned int i = 0; i < n && r == 0; i++)
		r = cli_add_protector(args, header, fvek, &specs[i], args->key_file);
	if (r == 0 && !args->no_recovery)
		r = cli_add_recovery(args, header, fvek, &recovery);
	if (r < 0 && header)
		log_error("%s has a new header but not all of its protectors; format it again",
			  path);
	return r;
}

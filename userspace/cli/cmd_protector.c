// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup protector list|add|remove' actions. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "cli.h"
#include "device.h"
#include "show.h"

int cmd_protector_list(const struct args *args)
{
	_cleanup_header_ struct header *header = NULL;
	int r = header_load(args->operand[0], &header);

	if (r < 0)
		return r;
	if (args->json) {
		struct json_object *root = json_object_new_object();

		json_object_object_add(root, "protectors", json_protectors(header));
		return json_print(root);
	}
	show_protectors(header);
	return 0;
}

int cmd_protector_add(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL, *secret = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	const char *path = args->operand[0];
	struct protector_spec spec;
	struct protector used;
	bool key;
	int r = protector_spec_parse(args->operand[1], &spec);

	if (r < 0)
		return r;
	if (args->recovery_file && spec.kind != PROTECTOR_RECOVERY)
		return log_errno(EINVAL, "--recovery-file goes with recovery");
	key = protector_takes_key(spec.kind);
	if (args->new_key_file && !key && spec.kind != PROTECTOR_PASSPHRASE &&
	    spec.kind != PROTECTOR_TPM2_PIN)
		return log_errno(EINVAL, "--new-key-file does not go with %s",
				 protector_kind_name(spec.kind));
	if (key && !args->new_key_file)
		return log_errno(EINVAL, "%s needs --new-key-file, to write the startup key to",
				 protector_kind_name(spec.kind));
	r = cli_check_new_file(args->recovery_file, "recovery password");
	if (r == 0 && key)
		r = cli_check_new_file(args->new_key_file, "startup key");
	if (r == 0)
		r = device_lock(path, &lock);
	if (r == 0)
		r = header_load(path, &header);
	if (r == 0)
		r = cli_unlock(args, header, &fvek, &used);
	if (r == 0)
		r = cli_new_secret(&spec, path, args->new_key_file, &secret);
	return r < 0 ? r : cli_add_protector(args, header, fvek, &spec, secret, args->new_key_file);
}

int cmd_protector_remove(const struct args *args)
{
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	const char *path = args->operand[0];
	struct protector protector;
	int r = device_lock(path, &lock);

	if (r == 0)
		r = header_load(path, &header);
	if (r == 0)
		r = protector_find(header, args->operand[1], &protector);
	return r < 0 ? r : protector_remove(header, &protector, args->force);
}

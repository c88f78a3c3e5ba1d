// SPDX-License-Identifier: LGPL-2.1-or-later
/* What adding an auto protector takes: a place for its key file, or the other volume's FVEK. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "os/file.h"
#include "os/storage.h"

int cli_check_auto(const struct args *args, const struct protector_spec *spec)
{
	int r;

	if (!*spec->file)
		return 0;
	r = file_check_new(spec->file, "key file");
	if (r == 0)
		r = storage_path_encrypted(spec->file);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!args->force)
		return log_errno(EINVAL,
				 "%s would lie on a file system that is not on an encrypted "
				 "volume: whoever has both disks has the key; choose another "
				 "place, or use --force",
				 spec->file);
	log_notice("%s is not on an encrypted volume: whoever has both disks has the key.",
		   spec->file);
	return 0;
}

int cli_auto_secret(const struct args *args, const struct protector_spec *spec, struct secret **ret)
{
	_cleanup_header_ struct header *header = NULL, *other = NULL;
	struct unlock_request how = args->unlock;
	int r;

	if (!*spec->volume)
		return 0;
	r = header_load(args->operand[0], &header);
	if (r < 0)
		return r;
	r = header_load(spec->volume, &other);
	if (r < 0)
		return r;
	if (!strcmp(header_uuid(other), header_uuid(header)))
		return log_errno(EINVAL, "%s is this volume itself: it cannot open itself",
				 spec->volume);
	how.key_file = args->other_key_file;
	how.pin_file = NULL;
	how.protector = NULL;
	return cli_unlock(&how, other, ret, NULL);
}

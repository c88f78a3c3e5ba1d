// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup open' and 'fvesetup close' actions. */
#include <errno.h>

#include "cli/cli.h"
#include "crypto/kdf.h"
#include "os/device.h"
#include "os/process.h"

int cmd_open(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	const char *path = args->operand[0], *name = args->operand[1];
	struct volume_flags flags = {
		.read_only = args->read_only,
		.allow_discards = args->allow_discards,
		.target = args->target,
	};
	struct protector used;
	int r;

	if (args->test == !!name)
		return log_errno(EINVAL, "usage: fvesetup open <device> <name>, or open --test "
					 "<device>");
	if (name) {
		r = volume_check_name(name);
		if (r < 0)
			return r;
	}
	process_lock_memory(KDF_ROOM);
	r = header_load(path, &header);
	if (r == 0)
		r = cli_unlock(args, header, &fvek, &used);
	if (r < 0)
		return r;
	log_verbose("Unlocked %s by protector %s %s.", path, protector_kind_name(used.kind),
		    used.head.id);
	if (!args->test) {
		r = device_lock(path, &lock);
		if (r == 0)
			r = volume_open(header, fvek, name, &flags);
	}
	return r < 0 ? r : cli_show_identity(args, header, fvek);
}

int cmd_close(const struct args *args)
{
	return volume_close(args->operand[0]);
}

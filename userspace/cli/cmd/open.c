// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup open' and 'fvesetup close' actions. */
#include <errno.h>

#include "cli/table.h"
#include "crypto/kdf.h"
#include "os/device.h"
#include "os/process.h"

static int cmd_open(const struct args *args)
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
	if (r < 0)
		return r;
	r = cli_unlock(&args->unlock, header, &fvek, &used);
	if (r < 0)
		return r;
	log_verbose("Unlocked %s by protector %s %s.", path, protector_kind_name(used.kind),
		    used.head.id);
	if (!args->test) {
		r = device_lock(path, DEVICE_TO_READ, &lock);
		if (r == 0)
			r = volume_open(header, fvek, name, &flags);
	}
	return r < 0 ? r : cli_show_identity(args->json, header, fvek);
}

ACTION(open, "Volumes", "open", "<device> [<name>]", "map a volume as /dev/mapper/<name>",
       "Map the volume as /dev/mapper/<name>. The machine's protectors are tried first; "
       "when all of them refuse, each with its reason, a passphrase or recovery password "
       "is asked for. With --key-file and without --pin-file only people's protectors are "
       "tried. A PIN is asked for only where it could open: in the approved boot state, "
       "and while the TPM is not locked. A device that is read-only is mapped read-only. "
       "With --test nothing is mapped, and no <name> is given.",
       TO_UNLOCK, OPT_AVAILABILITY_KEY, OPT_TEST, OPT_TARGET, OPT_READ_ONLY, OPT_ALLOW_DISCARDS,
       OPT_JSON);

static int cmd_close(const struct args *args)
{
	return volume_close(args->operand[0]);
}

ACTION(close, "Volumes", "close", "<name>", "remove the mapping and its key",
       "Remove the mapping, and its key from the kernel.", OPT_END);

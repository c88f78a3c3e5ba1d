// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup adopt' and 'fvesetup release' actions. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "os/device.h"
#include "volume/adopt.h"

/* What a person has, wherever it was made. */
#define PERSONS                                                                                \
	(1u << PROTECTOR_RECOVERY | 1u << PROTECTOR_STARTUP_KEY | 1u << PROTECTOR_PASSPHRASE | \
	 1u << PROTECTOR_KEYSLOT)

static int load(const char *path, int (*check)(const struct header *), int *ret_lock,
		struct header **ret)
{
	_cleanup_header_ struct header *header = NULL;
	int r = device_lock(path, ret_lock);

	if (r == 0)
		r = header_load_any(path, &header);
	if (r == 0)
		r = check(header);
	if (r == 0)
		*ret = steal(header);
	return r;
}

int cmd_adopt(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	const char *path = args->operand[0];
	struct args unlock = *args;
	struct protector used;
	int r = load(path, adopt_check, &lock, &header);

	unlock.kinds = PERSONS;
	unlock.stock_header = true;
	if (r == 0)
		r = cli_unlock(&unlock, header, &fvek, &used);
	if (r == 0)
		r = adopt(header, fvek, args->tcti);
	if (r == 0)
		cli_remember_identity(header, fvek);
	if (r == 0)
		r = cli_show_identity(args, header, fvek);
	if (r == 0)
		log_notice("%s is an fve volume now, and still opens with cryptsetup as before. "
			   "Add what else shall open it: fvesetup protector add %s <spec>",
			   path, path);
	return r;
}

/* A secret that stays has to be given, as a proof that somebody has one. */
int cmd_release(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	const char *path = args->operand[0];
	struct args unlock = *args;
	struct protector used;
	int r = load(path, release_check, &lock, &header);

	if (r < 0)
		return r;
	unlock.kinds = PERSONS;
	/* A release that was interrupted has taken the claim away already. */
	unlock.stock_header = strcmp(header_subsystem(header), "fve") != 0;
	r = prompt_confirm(args, "The machine's protectors of this volume will be gone: TPM, PIN, "
				 "auto. People's secrets stay, and open it with cryptsetup.");
	if (r == 0)
		r = unlock.stock_header ? cli_unlock(&unlock, header, &fvek, &used)
					: cli_unlock_to_change(&unlock, header, &fvek, &used);
	if (r == 0)
		r = release(header, fvek, args->tcti);
	if (r == 0)
		log_notice("%s is a stock LUKS2 volume now; open it with cryptsetup.", path);
	return r;
}

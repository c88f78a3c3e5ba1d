// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup adopt' and 'fvesetup release' actions. */
#include <string.h>

#include "cli/table.h"
#include "header/change.h"
#include "os/device.h"
#include "volume/adopt.h"

static int load(const char *path, int (*check)(const struct header *), int *ret_lock,
		struct header **ret)
{
	_cleanup_header_ struct header *header = NULL;
	int r = device_lock(path, DEVICE_TO_CHANGE, ret_lock);

	if (r < 0)
		return r;
	r = header_load_any(path, &header);
	if (r < 0)
		return r;
	r = check(header);
	if (r < 0)
		return r;
	*ret = steal(header);
	return 0;
}

static int cmd_adopt(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	const char *path = args->operand[0];
	struct unlock_request how = args->unlock;
	int tpm = 0, r = load(path, adopt_check, &lock, &header);

	how.kinds = kind_mask(KIND_PERSON, 0);
	how.stock_header = true;
	if (r == 0)
		r = cli_unlock(&how, header, &fvek, NULL);
	if (r == 0)
		r = adopt(header, fvek, args->unlock.tcti, &tpm);
	if (r == 0)
		cli_remember_identity(header, fvek);
	if (r == 0)
		cli_note(&args->unlock, header, "volume-adopted", NULL, NULL);
	if (r == 0)
		r = cli_show_identity(args->json, header, fvek);
	if (r == 0)
		log_notice("%s is an fve volume now, and still opens with cryptsetup as before. "
			   "Add what else shall open it: fvesetup protector add %s <spec>",
			   path, path);
	return r ?: tpm;
}

ACTION(adopt, "Volumes", "adopt", "<device>", "take over an existing LUKS2 volume",
       "Take over a LUKS2 volume with cipher aes-xts-plain64 and a 512-bit key, open or not, "
       "that cryptsetup luksFormat or systemd-cryptenroll made. One of its secrets is asked for. "
       "Nothing of its data or keyslots changes, and all that opened it still does: what a person "
       "can type is listed as passphrase, and what others put there as keyslot. After a power "
       "cut, do it again. A volume of fvesetup whose subsystem is gone, as cryptsetup config "
       "--label removes it, gets that back, and keeps all its protectors.",
       OPT_KEY_FILE, OPT_TRIES, OPT_AGENT, OPT_TIMEOUT, OPT_TPM, OPT_JSON);

/* A secret that stays has to be given, as a proof that somebody has one. */
static int cmd_release(const struct args *args)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	const char *path = args->operand[0];
	struct unlock_request how = args->unlock;
	int tpm, r = load(path, adopt_release_check, &lock, &header);

	if (r < 0)
		return r;
	how.kinds = kind_mask(KIND_PERSON, 0);
	/* A release that was interrupted has taken the claim away already. */
	how.stock_header = strcmp(header_subsystem(header), "fve") != 0;
	r = prompt_confirm(args->batch_mode,
			   "The machine's protectors of this volume will be gone: TPM, PIN, "
			   "auto. People's secrets stay, and open it with cryptsetup.");
	if (r < 0)
		return r;
	r = cli_unlock(&how, header, &fvek, NULL);
	if (r == 0 && !how.stock_header)
		r = change_check_header(header, fvek);
	if (r < 0)
		return r;
	/* This finishes a rotation that was cut short. */
	r = adopt_release(header, fvek, args->unlock.tcti, &tpm);
	if (r < 0)
		return r;
	cli_note(&args->unlock, header, "volume-released", NULL, NULL);
	log_notice("%s is a stock LUKS2 volume now; open it with cryptsetup.", path);
	return tpm;
}

ACTION(release, "Volumes", "release", "<device>", "hand a volume back to stock tools",
       "Remove all that is ours from the header, and the volume's counter from the TPM: the "
       "machine's protectors, the volume master key, the names of the others. People's secrets "
       "stay and open it with cryptsetup; one of them is asked for, as a proof. Where nobody "
       "could open it then, it is refused. After a power cut, do it again, or adopt it.",
       OPT_KEY_FILE, OPT_TRIES, OPT_AGENT, OPT_TIMEOUT, OPT_TPM);

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup erase' action: nothing opens the volume any more. */

#include "cli/table.h"
#include "os/device.h"
#include "volume/erase.h"

static int cmd_erase(const struct args *args)
{
	_cleanup_header_ struct header *header = NULL;
	_cleanup_close_ int lock = -1;
	const char *path = args->operand[0];
	int tpm, r = device_lock(path, DEVICE_TO_CHANGE, &lock);

	if (r < 0)
		return r;
	r = header_load(path, &header);
	if (r < 0)
		return r;
	/* It would stay readable until it is closed. */
	if (!args->force)
		r = device_check_unused(path);
	if (r < 0)
		return r;
	r = prompt_confirm(args->batch_mode,
			   "Nobody and nothing will open %s any more: all its data is lost.", path);
	if (r < 0)
		return r;
	r = volume_erase(header, args->unlock.tcti, &tpm);
	if (r < 0)
		return log_errno(-r, "%s is erased in part only: repeat it", path);
	cli_note(&args->unlock, header, "volume-erased", NULL, NULL);
	log_notice(
		"%s is erased: its keyslots are overwritten and its tokens gone, in both copies of "
		"the header.\n"
		"Not reached: backups of the header, and old blocks that flash keeps after they "
		"are written over. Where that matters, erase the whole drive by its own means "
		"(blkdiscard --secure, nvme format --ses=2, hdparm --security-erase).",
		path);
	return tpm;
}

ACTION(erase, "Volumes", "erase", "<device>", "destroy all that opens a volume",
       "Overwrite every keyslot and remove every token, in both copies of the header, so that "
       "nothing opens the volume any more; the volume's counter goes from the TPM, too. An open "
       "volume is refused without --force. Backups of the header, and old blocks that flash "
       "keeps, are not reached.",
       OPT_FORCE, OPT_TPM);

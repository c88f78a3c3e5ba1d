// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup identity' action. */
#include <errno.h>
#include <stdio.h>

#include "cli/table.h"
#include "keys/identity.h"

/* What is known of the volume stays, unless --force says that the present one is meant. */
static int remember(bool force, const struct header *header, const struct secret *fvek)
{
	uint8_t known[IDENTITY_SIZE], found[IDENTITY_SIZE];
	int r = identity_recall(header_uuid(header), known);
	bool same;

	if (r < 0 && r != -ENOENT && !force)
		return r;
	if (r < 0)
		return cli_remember_identity(header, fvek);
	r = identity_of(fvek, found);
	same = crypto_equal(known, found, IDENTITY_SIZE);
	if (r < 0 || same || !force)
		return r;
	r = cli_remember_identity(header, fvek);
	if (r < 0)
		return r;
	log_notice("%s is the volume that this machine has, from now on. If it is opened "
		   "in the initramfs, make that again (dracut --force), and have the TPM "
		   "approve it (fvesetup tpm approve, after its first boot).",
		   header_path(header));
	return 0;
}

int cli_identity(const struct unlock_request *how, bool force, bool json)
{
	_cleanup_secret_ struct secret *fvek = NULL;
	_cleanup_header_ struct header *header = NULL;
	_cleanup_free_ char *hex = NULL;
	uint8_t identity[IDENTITY_SIZE];
	struct protector used;
	int r = header_load(how->device, &header);

	if (r == 0)
		r = cli_unlock(how, header, &fvek, &used);
	if (r == 0 && (force || protector_is_person(&used)))
		r = remember(force, header, fvek);
	if (r == 0)
		r = identity_of(fvek, identity);
	if (r < 0 || json)
		return r < 0 ? r : cli_show_identity(json, header, fvek);
	hex = hex_encode(identity, IDENTITY_SIZE);
	if (!hex)
		return -ENOMEM;
	puts(hex);
	return 0;
}

static int cmd_identity(const struct args *args)
{
	return cli_identity(&args->unlock, args->force, args->json);
}

ACTION(identity, "Volumes", "identity", "<device>", "tell which volume this is",
       "Unlock the volume as by open, and print its identity: 64 hexadecimal digits that are "
       "derived from its key, for identity= of fvetab(5). It is no secret, and nobody can make "
       "another volume that has it. What a person's secret opened is remembered below "
       "/var/lib/fve/identity, as format and adopt do, and no machine's protector opens another "
       "volume of this UUID from then on. With --force this one takes the place of the one that "
       "is remembered, as is due after a re-encryption.",
       TO_UNLOCK, OPT_FORCE, OPT_JSON);

// SPDX-License-Identifier: LGPL-2.1-or-later
/* Handing a new availability key to its custodian. */
#include <errno.h>

#include "cli/cli.h"
#include "custody/escrow.h"
#include "os/file.h"

int cli_check_custodian(const struct args *args)
{
	_cleanup_secret_ struct secret *nothing = secret_random(1);
	_cleanup_blob_ struct blob packet = {0};
	int r;

	if (!args->n_custodians == !args->plain)
		return log_errno(EINVAL,
				 "give --custodian, to whose certificate the availability key is "
				 "encrypted, or --plain to have it in the clear");
	r = args->n_custodians
		    ? escrow_seal_key(args->custodian, args->n_custodians, nothing, &packet)
		    : 0;
	return r < 0 ? r : file_check_new(args->unlock.availability_key, "custodian's key");
}

int cli_give_to_custodian(const struct args *args, const struct secret *key)
{
	_cleanup_blob_ struct blob packet = {0};
	int r;

	if (!args->n_custodians)
		return file_create(args->unlock.availability_key, 0600, key->data, key->size);
	r = escrow_seal_key(args->custodian, args->n_custodians, key, &packet);
	return r < 0 ? r
		     : file_create(args->unlock.availability_key, 0600, packet.data, packet.size);
}

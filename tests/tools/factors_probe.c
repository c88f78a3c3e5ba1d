// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Tenants' erasable factors by hand:
 *
 *	factors_probe TCTI get|erase|add UUID
 *
 * The table is in $FVE_STATE. get and add print the factor in hex. Exits 0; 1 with the reason's
 *code or "none" on failure.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "custody/factors.h"

int main(int argc, char **argv)
{
	_cleanup_tpm_ struct tpm *tpm = NULL;
	_cleanup_secret_ struct secret *factor = NULL;
	_cleanup_free_ char *text = NULL;
	enum reason reason = REASON_NONE;
	int r;

	if (argc != 4)
		return 2;
	r = tpm_open(argv[1], &tpm, &reason);
	if (r == 0 && !strcmp(argv[2], "get"))
		r = factors_get(tpm, argv[3], &factor, &reason);
	else if (r == 0 && !strcmp(argv[2], "erase"))
		r = factors_erase(tpm, argv[3], &reason);
	else if (r == 0)
		r = factors_add(tpm, argv[3], &factor, &reason);
	if (r < 0) {
		printf("%s: %s\n", reason_code(reason), strerror(-r));
		return 1;
	}
	if (factor) {
		text = hex_encode(factor->data, factor->size);
		printf("%s\n", text);
	}
	return 0;
}

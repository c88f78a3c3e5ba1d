// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * usage: volume_keys DEVICE KEY_FILE
 * Print FVEK and VMK of a volume in hex, for tests that search for them where they must not be.
 * KEY_FILE opens a person's keyslot.
 */
#include <stdio.h>

#include "keys/vmk.h"

static void print_key(const char *name, const struct secret *key)
{
	_cleanup_free_ char *hex = hex_encode(key->data, key->size);

	printf("%s %s\n", name, hex);
}

int main(int argc, char **argv)
{
	_cleanup_header_ struct header *header = NULL;
	_cleanup_secret_ struct secret *secret = secret_new(8192), *fvek = NULL, *vmk = NULL;
	FILE *file;

	if (argc != 3 || !secret)
		return 1;
	file = fopen(argv[2], "r");
	if (!file)
		return 1;
	secret_truncate(secret, fread(secret->data, 1, secret->size, file));
	fclose(file);
	if (header_load(argv[1], &header) < 0 ||
	    header_keyslot_open(header, HEADER_ANY, secret, &fvek) < 0 ||
	    vmk_from_fvek(header, fvek, NULL, &vmk) < 0)
		return 1;
	print_key("FVEK", fvek);
	print_key("VMK", vmk);
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The identity of a volume, as several actions remember and show it. */

#include "cli/cli.h"
#include "cli/object.h"
#include "keys/identity.h"

int cli_remember_identity(const struct header *header, const struct secret *fvek)
{
	uint8_t identity[IDENTITY_SIZE];
	int r = identity_of(fvek, identity);

	return r < 0 ? r : identity_remember(header_uuid(header), identity);
}

int cli_show_identity(bool json, const struct header *header, const struct secret *fvek)
{
	uint8_t identity[IDENTITY_SIZE];
	struct json_object *root;
	int r = identity_of(fvek, identity);

	if (r < 0 || !json)
		return r;
	root = json_object_new_object();
	object_text(root, "device", header_path(header));
	object_text(root, "uuid", header_uuid(header));
	object_hex(root, "identity", identity, IDENTITY_SIZE);
	return object_print(root);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The identity of a volume, as several actions remember and show it. */
#include <errno.h>
#include <json-c/json.h>

#include "cli/cli.h"
#include "cli/show.h"
#include "keys/identity.h"

int cli_remember_identity(const struct header *header, const struct secret *fvek)
{
	uint8_t identity[IDENTITY_SIZE];
	int r = identity_of(fvek, identity);

	return r < 0 ? r : identity_remember(header_uuid(header), identity);
}

int cli_show_identity(const struct args *args, const struct header *header,
		      const struct secret *fvek)
{
	_cleanup_free_ char *hex = NULL;
	uint8_t identity[IDENTITY_SIZE];
	struct json_object *root;
	int r = identity_of(fvek, identity);

	if (r < 0 || !args->json)
		return r;
	hex = hex_encode(identity, IDENTITY_SIZE);
	root = json_object_new_object();
	if (!hex || !root)
		return -ENOMEM;
	json_object_object_add(root, "device", json_object_new_string(header_path(header)));
	json_object_object_add(root, "uuid", json_object_new_string(header_uuid(header)));
	json_object_object_add(root, "identity", json_object_new_string(hex));
	return json_print(root);
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* The 'fvesetup status' action. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "show.h"
#include "volume.h"

static int status_json(const char *name, const struct volume_status *s)
{
	struct json_object *o = json_object_new_object(), *target = json_object_new_object();

	json_object_object_add(o, "name", json_object_new_string(name));
	json_object_object_add(o, "uuid", json_object_new_string(s->uuid));
	json_object_object_add(o, "device", json_object_new_string(s->device));
	json_object_object_add(o, "cipher", json_object_new_string(s->cipher));
	json_object_object_add(o, "key_size", json_object_new_int64(s->key_size));
	json_object_object_add(o, "sector_size", json_object_new_int64(s->sector_size));
	json_object_object_add(o, "data_offset", json_object_new_int64((int64_t)s->data_offset));
	json_object_object_add(o, "size", json_object_new_int64((int64_t)s->size));
	json_object_object_add(o, "open_count", json_object_new_int(s->open_count));
	json_object_object_add(o, "read_only", json_object_new_boolean(s->read_only));
	json_object_object_add(o, "suspended", json_object_new_boolean(s->suspended));
	json_object_object_add(o, "key_wiped", json_object_new_boolean(s->key_wiped));
	json_object_object_add(o, "allow_discards", json_object_new_boolean(s->allow_discards));
	json_object_object_add(target, "type", json_object_new_string(s->target));
	json_object_object_add(target, "reason",
			       s->module_missing
				       ? json_object_new_string(reason_code(REASON_MODULE_MISSING))
				       : NULL);
	json_object_object_add(target, "status", json_object_new_string(s->target_status));
	json_object_object_add(o, "target", target);
	return json_print(o);
}

int cmd_status(const struct args *args)
{
	_cleanup_volume_status_ struct volume_status s = {0};
	const char *name = args->operand[0];
	static const char directory[] = "/dev/mapper/";
	int r;

	if (!strncmp(name, directory, strlen(directory)))
		name += strlen(directory);
	r = volume_status(name, &s);
	if (r < 0)
		return r;
	if (args->json)
		return status_json(name, &s);
	printf("/dev/mapper/%s is open%s%s%s\n", name, s.open_count ? " and in use" : "",
	       s.suspended ? ", suspended" : "", s.key_wiped ? ", key wiped" : "");
	printf("  uuid:         %s\n", s.uuid);
	printf("  device:       %s, data from byte %ju on\n", s.device, (uintmax_t)s.data_offset);
	printf("  size:         %ju bytes\n", (uintmax_t)s.size);
	printf("  cipher:       %s, %u-bit key in the kernel\n", s.cipher, s.key_size * 8);
	printf("  sector size:  %u bytes\n", s.sector_size);
	printf("  mode:         %s%s\n", s.read_only ? "read-only" : "read/write",
	       s.allow_discards ? ", discards passed down" : "");
	printf("  target:       %s%s%s%s\n", s.target, s.module_missing ? " (module-missing)" : "",
	       *s.target_status ? ": " : "", s.target_status);
	return 0;
}

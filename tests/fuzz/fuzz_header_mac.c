// SPDX-License-Identifier: LGPL-2.1-or-later
/* The canonical form that is authenticated: any JSON has one, and its spelling does not matter. */
#include <json-c/json.h>

#include "fuzz.h"
#include "header/mac.h"

#define UUID "01234567-89ab-cdef-0123-456789abcdef"

static int mac_of(const char *json, const struct secret *key, uint8_t ret[SHA256_SIZE])
{
	struct json_object *root = json_tokener_parse(json);
	int r = -1;

	if (json_object_is_type(root, json_type_object))
		r = header_mac_compute(UUID, root, 1, key, ret);
	json_object_put(root);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *json = fuzz_text(data, size), *pretty = NULL;
	static struct secret *key;
	struct json_object *root;
	uint8_t once[SHA256_SIZE], again[SHA256_SIZE];

	if (!key)
		key = secret_copy("0123456789abcdef0123456789abcdef", 32);
	CHECK(key);
	if (mac_of(json, key, once) < 0)
		return 0;
	root = json_tokener_parse(json);
	pretty = strdup(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY));
	json_object_put(root);
	CHECK(pretty && mac_of(pretty, key, again) == 0);
	CHECK(!memcmp(once, again, sizeof(once)));
	return 0;
}

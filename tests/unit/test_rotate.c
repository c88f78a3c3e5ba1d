// SPDX-License-Identifier: LGPL-2.1-or-later
/* Whether what the tokens hold under the FVEK is right, and is seen not to be. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "keys/rotate.h"
#include "keys/vmk.h"
#include "protector/auto.h"
#include "test.h"

#define IMAGE_SIZE (20 * 1024 * 1024)

static const struct {
	const char *member, *value; /* NULL: the same with its last but one character changed */
} damages[] = {
	{"kek", NULL},
	{"vmk", NULL},
	{"vmk", ""},
	{"kek", "?"},
	{"generation", "2"},
	{"id", "00000000"},
	{"type", "fve-suspended"}, /* another kind: the associated data has its name */
};

/* The number of the token of @type, and its JSON, owned. */
static int find(const struct header *header, const char *wanted, char **ret)
{
	const char *type, *json;

	for (int i = 0; i < HEADER_MAX_TOKENS; i++)
		if (header_token_get(header, i, &type, &json) == 0 && !strcmp(type, wanted)) {
			*ret = strdup(json);
			return i;
		}
	return -1;
}

static char *damaged(const char *json, const char *member, const char *value)
{
	struct json_object *root = json_tokener_parse(json), *new;
	const char *old = json_object_get_string(json_object_object_get(root, member));
	_cleanup_free_ char *text = strdup(value ? value : old);
	char *result;

	if (!value)
		text[strlen(text) - 4] ^= 1;
	new = strcmp(member, "generation") ? json_object_new_string(text)
					   : json_object_new_int(atoi(text));
	json_object_object_add(root, member, new);
	result = strdup(json_object_to_json_string(root));
	json_object_put(root);
	return result;
}

static void test_damage(struct header *header, const struct secret *fvek)
{
	_cleanup_free_ char *good = NULL;
	int number = find(header, "fve-auto", &good);

	CHECK(number >= 0);
	for (size_t i = 0; number >= 0 && i < ARRAY_SIZE(damages); i++) {
		_cleanup_free_ char *bad = damaged(good, damages[i].member, damages[i].value);

		CHECK(header_token_set(header, number, bad) == number);
		CHECK(rotate_check(header, fvek) == -EBADMSG);
		CHECK(header_token_set(header, number, good) == number);
		CHECK(rotate_check(header, fvek) == 0);
	}
}

int main(void)
{
	static const struct header_format how = {.sector_size = 512};
	struct protector_spec spec = {.kind = PROTECTOR_AUTO, .file = "/etc/fve/key"};
	char path[] = "/tmp/fve-test-rotate.XXXXXX";
	int fd = mkstemp(path);
	_cleanup_secret_ struct secret *fvek = secret_random(FVEK_SIZE), *vmk = NULL,
				       *key = secret_random(KEK_SIZE),
				       *other = secret_random(FVEK_SIZE);
	_cleanup_header_ struct header *header = NULL;
	uint32_t generation = 0;

	CHECK(fd >= 0 && ftruncate(fd, IMAGE_SIZE) == 0);
	CHECK(header_format(path, &how, fvek, &header) == 0);
	CHECK(vmk_create(header, fvek, &vmk) == 0);
	CHECK(protector_add(header, fvek, &(struct enrolment){.spec = &spec, .secret = key}) == 0);
	CHECK(rotate_check(header, fvek) == 0);
	CHECK(rotate_check(header, other) == -EBADMSG);
	test_damage(header, fvek);
	CHECK(rotate_vmk(header, fvek, kind_token_known, &generation) == 0 && generation == 2);
	CHECK(rotate_check(header, fvek) == 0);
	close(fd);
	unlink(path);
	return test_done();
}

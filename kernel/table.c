// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parsing the table line (docs/table-format.md). Nothing is allocated or looked up here. The result
 * is a struct of numbers and borrowed strings, or a text that says what is wrong.
 */

#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/string.h>

#include "dm-fve.h"

enum argument {
	CIPHER,
	KEY,
	IV_OFFSET,
	DEVICE,
	OFFSET,
	NR_ARGUMENTS
};

#define MIN_UNIT_SIZE 512
#define MAX_UNIT_SIZE 4096

static int fail(char **error, char *text)
{
	*error = text;
	return -EINVAL;
}

/* Decimal digits only: kstrtoull() alone would accept a sign. */
static bool parse_number(const char *text, u64 *value)
{
	return isdigit(*text) && !kstrtoull(text, 10, value);
}

int fve_key_name_parse(char *text, struct fve_key_name *name, char **error)
{
	static const char *const types[] = {"logon", "user", "encrypted", "trusted"};
	char *size;
	u64 bytes;

	if (*text++ != ':')
		return fail(error, "Key must be in the kernel keyring, hex keys are refused");

	size = strsep(&text, ":");
	name->type = strsep(&text, ":");
	name->description = text; /* may hold colons itself */
	if (!parse_number(size, &bytes) || !name->description || !*name->description)
		return fail(error, "Key is not :<bytes>:<type>:<description>");
	if (bytes != 32 && bytes != 64)
		return fail(error, "Key size must be 32 or 64 bytes");
	if (match_string(types, ARRAY_SIZE(types), name->type) < 0)
		return fail(error, "Key type must be logon, user, encrypted or trusted");

	name->size = bytes;
	return 0;
}

/* Return the part of @option after @prefix; NULL: it is another option. */
static char *option_value(char *option, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(option, prefix, length) ? NULL : option + length;
}

static int parse_option(char *option, struct fve_params *params, char **error)
{
	char *value;
	u64 size;

	if (!strcmp(option, "allow_discards")) {
		if (params->allow_discards)
			return fail(error, "Option allow_discards is repeated");
		params->allow_discards = true;
	} else if (!strcmp(option, "iv_large_sectors")) {
		if (params->iv_large_sectors)
			return fail(error, "Option iv_large_sectors is repeated");
		params->iv_large_sectors = true;
	} else if ((value = option_value(option, "sector_size:"))) {
		if (params->unit_size)
			return fail(error, "Option sector_size is repeated");
		if (!parse_number(value, &size) || size < MIN_UNIT_SIZE || size > MAX_UNIT_SIZE ||
		    !is_power_of_2(size))
			return fail(error, "sector_size must be 512, 1024, 2048 or 4096");
		params->unit_size = size;
	} else if ((value = option_value(option, "engine:"))) {
		if (params->engine)
			return fail(error, "Option engine is repeated");
		if (!fve_engine_exists(value))
			return fail(error, "Unknown engine");
		params->engine = value;
	} else {
		return fail(error, "Unknown option");
	}
	return 0;
}

static int parse_options(unsigned int argc, char **argv, struct fve_params *params, char **error)
{
	u64 count;
	int r;

	if (argc) {
		if (!parse_number(argv[0], &count) || count != argc - 1)
			return fail(error, "Number of options does not match the options");
		while (--argc) {
			r = parse_option(*++argv, params, error);
			if (r)
				return r;
		}
	}
	if (!params->unit_size)
		params->unit_size = MIN_UNIT_SIZE;
	return 0;
}

int fve_params_parse(unsigned int argc, char **argv, struct fve_params *params, char **error)
{
	u64 number;
	int r;

	memset(params, 0, sizeof(*params));
	if (argc < NR_ARGUMENTS)
		return fail(error, "Not enough arguments");

	if (strcmp(argv[CIPHER], FVE_CIPHER))
		return fail(error, "Cipher must be " FVE_CIPHER);

	r = fve_key_name_parse(argv[KEY], &params->key, error);
	if (r)
		return r;

	r = parse_options(argc - NR_ARGUMENTS, argv + NR_ARGUMENTS, params, error);
	if (r)
		return r;

	if (!parse_number(argv[IV_OFFSET], &params->iv_offset))
		return fail(error, "iv_offset is not a number of sectors");
	/* With iv_large_sectors as without: dm-crypt's rule, and no IV would be a whole number. */
	if (params->iv_offset & ((params->unit_size >> SECTOR_SHIFT) - 1))
		return fail(error, "iv_offset is not a multiple of sector_size");

	params->device = argv[DEVICE];

	if (!parse_number(argv[OFFSET], &number) || number != (sector_t)number)
		return fail(error, "Device offset is not a number of sectors");
	if (number & ((params->unit_size >> SECTOR_SHIFT) - 1))
		return fail(error, "Device offset is not a multiple of sector_size");
	params->start = number;
	return 0;
}

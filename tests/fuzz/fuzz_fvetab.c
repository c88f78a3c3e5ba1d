// SPDX-License-Identifier: LGPL-2.1-or-later
/* /etc/fvetab and the kernel command line, one after the other, split at the first NUL. */
#include "base/util.h"
#include "fuzz.h"
#include "volume/fvetab.h"

static unsigned int complaints;

static void complain(unsigned int line, const char *what, const char *word)
{
	CHECK(what && word);
	complaints += line ? 1 : 2;
}

#define ENDS(array) CHECK(memchr(array, 0, sizeof(array)))

static void check_entry(const struct fvetab_entry *e)
{
	char path[FVETAB_PATH_MAX + 32];

	ENDS(e->name);
	ENDS(e->device);
	ENDS(e->key_path);
	ENDS(e->key_device);
	ENDS(e->target);
	ENDS(e->escrow);
	CHECK(*e->name && *e->device);
	CHECK(e->tries == FVETAB_UNSET || e->tries <= FVETAB_TRIES_MAX);
	CHECK(e->timeout_s == FVETAB_UNSET || e->timeout_s <= FVETAB_SECONDS_MAX);
	if (fvetab_device_path(e->device, path) == 0)
		CHECK(*path == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = fuzz_text(data, size);
	const char *cmdline = strlen(text) < size ? text + strlen(text) + 1 : "";
	static struct fvetab table, picked;
	static struct bootargs args;

	fvetab_parse(text, &table, complain);
	CHECK(table.n <= FVETAB_MAX);
	for (size_t i = 0; i < table.n; i++)
		check_entry(&table.entry[i]);
	bootargs_parse(cmdline, &args, complain);
	CHECK(args.n <= FVETAB_MAX);
	ENDS(args.root);
	for (int phase = FVETAB_INITRD; phase <= FVETAB_NETWORK; phase++) {
		picked = table;
		fvetab_select(&picked, &args, (enum fvetab_phase)phase, NULL);
		CHECK(picked.n <= FVETAB_MAX);
	}
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/* /etc/fvetab and the kernel command line. */
#include <stdlib.h>
#include <string.h>

#include "base/util.h"
#include "protector/protector.h"
#include "test.h"
#include "volume/fvetab.h"

#define UUID "12345678-1234-1234-1234-1234567" /* and five more */

static unsigned int complaints, last_line;
static char last_word[64];

static void complain(unsigned int line, const char *what, const char *word)
{
	(void)what;
	complaints++;
	last_line = line;
	snprintf(last_word, sizeof(last_word), "%s", word);
}

static size_t parse(const char *text, struct fvetab *table)
{
	complaints = 0;
	return fvetab_parse(text, table, complain);
}

static void good_tables(void)
{
	struct fvetab table;
	const struct fvetab_entry *e = table.entry;

	CHECK(parse("", &table) == 0 && table.n == 0);
	CHECK(parse("# nothing\n\n   \t\n", &table) == 0 && table.n == 0 && !complaints);
	CHECK(parse("root UUID=0b6b-1 - initrd\n"
		    "\tswap   /dev/sda3\tauto-is-no-kind,tpm2 initrd\n"
		    "data LABEL=d tpm2-pin,recovery "
		    "timeout=20,tries=2,nofail,discard,readonly,target=crypt,new-recovery=/root/new,escrow=/etc/org.pem,"
		    "startup-key=/k/my:key:LABEL=STICK,startup-key-timeout=7,noauto,reseal=never,x-mine=1\n"
		    "last PARTUUID=1-2",
		    &table) == 1);
	CHECK(complaints == 1 && last_line == 2);
	CHECK(table.n == 3 && !strcmp(e[0].name, "root") && !strcmp(e[0].device, "UUID=0b6b-1"));
	CHECK(e[0].initrd && !e[0].kinds && e[0].timeout_s == FVETAB_UNSET &&
	      e[0].tries == FVETAB_UNSET && !*e[0].target && !e[0].nofail);
	CHECK(e[1].kinds == (1u << PROTECTOR_TPM2_PIN | 1u << PROTECTOR_RECOVERY));
	CHECK(e[1].timeout_s == 20 && e[1].tries == 2 && e[1].nofail && e[1].discard &&
	      e[1].read_only && e[1].noauto && !e[1].initrd);
	CHECK(!strcmp(e[1].target, "crypt") && !strcmp(e[1].new_recovery, "/root/new"));
	CHECK(!strcmp(e[1].escrow, "/etc/org.pem"));
	CHECK(!strcmp(e[1].key_path, "/k/my:key") && !strcmp(e[1].key_device, "LABEL=STICK") &&
	      e[1].key_timeout_s == 7);
	CHECK(!strcmp(e[2].name, "last") && !e[2].kinds);
	CHECK(e[0].identity_is == FVETAB_IDENTITY_UNSET);
	CHECK(parse("a /dev/a tpm2-net initrd,net,net-timeout=1min\n"
		    "b /dev/b - net-timeout=soon\n",
		    &table) == 0);
	CHECK(e[0].kinds == 1u << PROTECTOR_TPM2_NET && e[0].ask_servers && !e[0].network &&
	      e[0].net_timeout_s == 60);
	CHECK(complaints == 1 && !e[1].ask_servers && e[1].net_timeout_s == FVETAB_UNSET);
	CHECK(parse("a /dev/a - identity=any\n"
		    "b /dev/b - identity="
		    "00000000000000000000000000000000000000000000000000000000000000ff\n",
		    &table) == 0);
	CHECK(e[0].identity_is == FVETAB_IDENTITY_ANY);
	CHECK(e[1].identity_is == FVETAB_IDENTITY_GIVEN && !e[1].identity[30] &&
	      e[1].identity[31] == 0xff);
}

/* A line that is wrong goes, those around it stay. */
static void bad_lines(void)
{
	static const char *const lines[] = {
		"name",
		"name UUID=",
		"name UUID=../../sda",
		"name sda1",
		"name /",
		"na/me /dev/sda",
		". /dev/sda",
		"control /dev/sda",
		"name /dev/sda tpm3",
		"name /dev/sda tpm2,",
		"name /dev/sda - initrd=maybe",
		"name /dev/sda - readonly=1x",
		"name /dev/sda - identity=",
		"name /dev/sda - identity=none",
		"name /dev/sda - identity=00",
		"name /dev/sda - identity=x000000000000000000000000000000000000000000000000000000000000000",
		"name /dev/sda - initrd more",
		"first /dev/sda",
	};
	struct fvetab table;
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		snprintf(text, sizeof(text), "first /dev/a\n%s\nthird /dev/c - initrd\n", lines[i]);
		CHECK(parse(text, &table) == 1);
		CHECK(complaints == 1 && last_line == 2);
		CHECK(table.n == 2 && !strcmp(table.entry[1].name, "third"));
	}
	CHECK(parse("name /dev/sda - initrd,later=1,nofail", &table) == 0);
	CHECK(complaints == 1 && !strcmp(last_word, "later"));
	CHECK(table.n == 1 && table.entry[0].initrd && table.entry[0].nofail);
}

static void limits(void)
{
	struct fvetab table;
	char text[8192] = "", *end = text;

	for (int i = 0; i < FVETAB_MAX + 2; i++)
		end += sprintf(end, "v%d /dev/v%d\n", i, i);
	CHECK(parse(text, &table) == 2 && table.n == FVETAB_MAX);

	memset(text, 'x', 2000);
	strcpy(text + 2000, "\nname /dev/sda\n");
	CHECK(parse(text, &table) == 1 && table.n == 1);
	memset(text, 'x', FVETAB_NAME_MAX + 1);
	strcpy(text + FVETAB_NAME_MAX + 1, " /dev/sda");
	CHECK(parse(text, &table) == 1 && table.n == 0);
	strcpy(text + FVETAB_NAME_MAX, " /dev/sda");
	CHECK(parse(text, &table) == 0 && table.n == 1);
}

static void command_lines(void)
{
	struct bootargs args;

	complaints = 0;
	CHECK(bootargs_parse("ro quiet root=UUID=1 rd.fve.unit-less=1", &args, complain) == 1);
	CHECK(complaints == 1 && !strcmp(args.root, "UUID=1") && !args.disabled && !args.n);
	CHECK(bootargs_parse("rd.fve=0 rd.fve.recovery rd.fve.timeout=12\n", &args, complain) == 0);
	CHECK(args.disabled && args.recovery && args.timeout_s == 12);
	CHECK(bootargs_parse("resume=UUID=5 resume_offset=77 systemd.import_credentials=no", &args,
			     complain) == 0);
	CHECK(!strcmp(args.resume, "UUID=5") && args.resume_offset == 77 && args.no_credentials);
	CHECK(bootargs_parse("rd.fve=0 rd.fve=1 rd.fve.recovery=0", &args, complain) == 0);
	CHECK(!args.disabled && !args.recovery && args.timeout_s == FVETAB_UNSET);
	CHECK(bootargs_parse("\"rd.fve.uuid=" UUID "12-ab\" rd.fve.name=" UUID
			     "12-AB=root x=\"a rd.fve=0\"",
			     &args, complain) == 0);
	CHECK(args.n == 1 && !strcasecmp(args.volume[0].uuid, UUID "12-ab") &&
	      !strcmp(args.volume[0].name, "root") && !args.disabled);
	CHECK(bootargs_parse("rd.fve.uuid= rd.fve.uuid=../x rd.fve.name=" UUID
			     "12-ab rd.fve.name=" UUID "12-ab=a/b rd.fve.uuid=cfd70dfb "
			     "rd.fve=maybe rd.fve.timeout=soon",
			     &args, complain) == 7);
	CHECK(!args.n && !args.disabled);
}

static void selection(void)
{
	static const char text[] = "data /dev/d\n"
				   "swap UUID=55 - initrd\n"
				   "root UUID=" UUID "AA-aa - initrd,tries=1\n"
				   "later /dev/l - noauto\n"
				   "tenant /dev/t - netdev,nofail\n"
				   "none /dev/n - netdev,noauto\n"
				   "wrong /dev/w - initrd,_netdev\n";
	struct fvetab table;
	struct bootargs args;

	bootargs_parse("root=/dev/mapper/root", &args, complain);
	parse(text, &table);
	fvetab_select(&table, &args, FVETAB_INITRD, NULL);
	CHECK(table.n == 2 && !strcmp(table.entry[0].name, "root") &&
	      !strcmp(table.entry[1].name, "swap"));
	parse(text, &table);
	fvetab_select(&table, &args, FVETAB_SYSTEM, NULL);
	CHECK(table.n == 3 && !strcmp(table.entry[0].name, "data"));
	parse(text, &table);
	fvetab_select(&table, &args, FVETAB_SYSTEM, "later");
	CHECK(table.n == 1);
	parse(text, &table);
	fvetab_select(&table, &args, FVETAB_NETWORK, NULL);
	CHECK(table.n == 1 && !strcmp(table.entry[0].name, "tenant"));

	bootargs_parse("rd.fve.name=" UUID "aa-aa=system rd.fve.uuid=" UUID "77-77", &args,
		       complain);
	parse(text, &table);
	fvetab_select(&table, &args, FVETAB_INITRD, NULL);
	CHECK(table.n == 2 && !strcmp(table.entry[0].name, "system") && table.entry[0].tries == 1);
	CHECK(!strcmp(table.entry[1].name, "fve-" UUID "77-77") &&
	      !strcmp(table.entry[1].device, "UUID=" UUID "77-77"));
}

static void paths(void)
{
	char path[FVETAB_PATH_MAX + 32];

	CHECK(fvetab_device_path("UUID=1-2", path) == 0 && !strcmp(path, "/dev/disk/by-uuid/1-2"));
	CHECK(fvetab_device_path("/dev/sda", path) == 0 && !strcmp(path, "/dev/sda"));
}

static void identities(void)
{
	static const struct {
		const char *line, *with;
	} cases[] = {
		{"a UUID=1", "a UUID=1 - identity="},
		{" a\tUUID=1  tpm2", "a UUID=1 tpm2 identity="},
		{"a UUID=1 - defaults", "a UUID=1 - identity="},
		{"a UUID=1 - initrd,nofail ", "a UUID=1 - initrd,nofail,identity="},
	};
	const uint8_t identity[IDENTITY_SIZE] = {0x5a};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *line = fvetab_add_identity(cases[i].line, identity);
		struct fvetab table;

		CHECK(line && !strncmp(line, cases[i].with, strlen(cases[i].with)));
		CHECK(line && parse(line, &table) == 0 && table.n == 1 && !complaints);
		CHECK(table.entry[0].identity_is == FVETAB_IDENTITY_GIVEN);
		CHECK(!memcmp(table.entry[0].identity, identity, IDENTITY_SIZE));
	}
}

/* A wrong value of an option that only helps is told, and costs the option alone. */
static void side_options(void)
{
	static const char *const options[] = {
		"timeout=x",	   "timeout=-1",	   "timeout=86401",
		"timeout=",	   "timeout=90x",	   "timeout=99999999999999999999",
		"timeout=25h",	   "timeout=1min90000s",   "tries=101",
		"reseal=maybe",	   "target=luks",	   "new-recovery=root",
		"escrow=org.pem",  "startup-key=key",	   "startup-key=/",
		"startup-key=/a:", "startup-key=/a:stick", "startup-key=/a/../b:/dev/sdb",
	};
	static const struct {
		const char *text;
		uint32_t seconds;
	} spans[] = {{"0", 0},	  {"90", 90},	{"90s", 90},	    {"1min", 60}, {"1min30s", 90},
		     {"2m", 120}, {"1h", 3600}, {"24hours", 86400}, {"5sec", 5},  {"1hr1m", 3660}};
	struct fvetab table;
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		snprintf(text, sizeof(text), "name /dev/sda - initrd,%s,nofail", options[i]);
		CHECK(parse(text, &table) == 0);
		CHECK(complaints == 1 && table.n == 1);
		CHECK(table.entry[0].initrd && table.entry[0].nofail);
	}
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++) {
		snprintf(text, sizeof(text), "name /dev/sda - timeout=%s", spans[i].text);
		CHECK(parse(text, &table) == 0 && !complaints);
		CHECK(table.n == 1 && table.entry[0].timeout_s == spans[i].seconds);
	}
	CHECK(parse("name /dev/sda - initrd=yes,nofail=0 # the root", &table) == 0 && !complaints);
	CHECK(table.n == 1 && table.entry[0].initrd && !table.entry[0].nofail);
	CHECK(parse("name /dev/sda # - initrd", &table) == 0 && !complaints);
	CHECK(table.n == 1 && !table.entry[0].initrd);
	/* No new password without the escrow that was meant. */
	CHECK(parse("name /dev/sda - escrow=org.pem,new-recovery=/root", &table) == 0);
	CHECK(complaints == 1 && table.n == 1 && !*table.entry[0].new_recovery);
}

int main(void)
{
	good_tables();
	bad_lines();
	side_options();
	limits();
	command_lines();
	selection();
	paths();
	identities();
	return test_done();
}

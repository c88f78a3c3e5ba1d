// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * table_fuzz - random table lines for a device-mapper target
 *
 * Each round takes a valid line, spoils it in one to four places and loads it. The device is never
 * resumed, so no line does I/O: what is under test is the target's constructor and destructor.
 * The kernel may refuse a line as it likes. A line that it accepts must come back in the table
 * status as a line that it accepts again and prints the same.
 *
 * Talks to the device-mapper by ioctl: thousands of dmsetup processes would take minutes.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/dm-ioctl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEVICE_NAME "table_fuzz"
#define MAX_WORDS   64
#define MAX_WORD    256
#define MAX_LINE    8192

struct line {
	int words;
	char word[MAX_WORDS][MAX_WORD];
};

/* An ioctl's argument: the header, one target and its parameters, or their status. */
struct request {
	struct dm_ioctl head;
	struct dm_target_spec target;
	char params[MAX_LINE];
};

struct fuzz {
	int control; /* /dev/mapper/control */
	uint64_t rng;
	const char *target;
	uint64_t length; /* 512-byte sectors */
	struct line valid;
	uint64_t accepted, refused;
};

/* Words that mean something to this target or to its neighbours, and numbers at the edges. */
static const char *const dictionary[] = {
	"0",
	"1",
	"2",
	"4",
	"8",
	"-1",
	"+1",
	"0x10",
	"4294967295",
	"4294967296",
	"9223372036854775808",
	"18446744073709551608",
	"18446744073709551615",
	"18446744073709551616",
	"99999999999999999999999999",
	"allow_discards",
	"iv_large_sectors",
	"sector_size:512",
	"sector_size:1024",
	"sector_size:2048",
	"sector_size:4096",
	"sector_size:0",
	"sector_size:8192",
	"sector_size:",
	"sector_size:-512",
	"engine:kapi",
	"engine:kapi-simd",
	"engine:library",
	"engine:x86",
	"engine:x86-xmm",
	"engine:",
	"engine:none",
	"no_read_workqueue",
	"same_cpu_crypt",
	"integrity:28:aead",
	"aes-xts-plain64",
	"aes-xts-plain",
	"capi:xts(aes)-plain64",
	"-",
	":",
	"::::",
	":64:logon:",
	":64:logon:test:absent",
	":0:logon:test:long",
	":4294967360:logon:test:long",
	":-64:logon:test:long",
	":64:keyring:_ses",
	":32:user:test:long",
	":64:encrypted:test:long",
	":64:trusted:test:long",
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
	"/dev/null",
	"/dev/absent",
	"1:0",
	"999:999",
	"\\",
	"%s%n",
};

static uint64_t below(struct fuzz *fuzz, uint64_t limit)
{
	/* splitmix64, as in iopair.c: a seed is the whole state. */
	uint64_t z = (fuzz->rng += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (z ^ (z >> 31)) % limit;
}

static void split(struct line *line, const char *text)
{
	char copy[MAX_LINE];
	char *rest = copy, *word;

	line->words = 0;
	snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strsep(&rest, " ")) && line->words < MAX_WORDS)
		snprintf(line->word[line->words++], MAX_WORD, "%s", word);
}

static void join(const struct line *line, char *text, size_t room)
{
	size_t at = 0;

	text[0] = '\0';
	for (int i = 0; i < line->words && at < room; i++)
		at += snprintf(text + at, room - at, "%s%s", i ? " " : "", line->word[i]);
}

/* A byte that is neither the end of the string nor a blank, which would make another word. */
static char random_byte(struct fuzz *fuzz)
{
	char byte = 1 + below(fuzz, 255);

	return byte == ' ' ? '_' : byte;
}

static void spoil_word(struct fuzz *fuzz, char *word)
{
	size_t length = strlen(word);

	switch (below(fuzz, 5)) {
	case 0:
		if (length > 0)
			word[below(fuzz, length)] = random_byte(fuzz);
		break;
	case 1:
		word[below(fuzz, length + 1)] = '\0';
		break;
	case 2:
		memset(word, random_byte(fuzz), MAX_WORD - 1);
		word[MAX_WORD - 1] = '\0';
		break;
	case 3:
		snprintf(word, MAX_WORD, "%" PRIu64, below(fuzz, UINT64_MAX) >> below(fuzz, 64));
		break;
	case 4:
		snprintf(word, MAX_WORD, "%s",
			 dictionary[below(fuzz, sizeof(dictionary) / sizeof(*dictionary))]);
		break;
	}
}

static void spoil(struct fuzz *fuzz, struct line *line)
{
	char swapped[MAX_WORD];
	int at = line->words ? below(fuzz, line->words) : 0;
	int other = line->words ? below(fuzz, line->words) : 0;

	switch (below(fuzz, 8)) {
	case 0:
		line->words = at;
		break;
	case 1:
		memcpy(swapped, line->word[at], MAX_WORD);
		memcpy(line->word[at], line->word[other], MAX_WORD);
		memcpy(line->word[other], swapped, MAX_WORD);
		break;
	case 2:
		if (line->words < MAX_WORDS)
			memcpy(line->word[line->words++], line->word[at], MAX_WORD);
		break;
	case 3:
		if (line->words < MAX_WORDS)
			spoil_word(fuzz, line->word[line->words++]);
		break;
	default:
		spoil_word(fuzz, line->word[at]);
	}
}

static void prepare(struct request *request, uint32_t flags)
{
	memset(request, 0, sizeof(*request));
	request->head.version[0] = DM_VERSION_MAJOR;
	request->head.data_size = sizeof(*request);
	request->head.data_start = offsetof(struct request, target);
	request->head.flags = flags;
	snprintf(request->head.name, sizeof(request->head.name), DEVICE_NAME);
}

static void must(struct fuzz *fuzz, unsigned long command, const char *what)
{
	struct request request;

	prepare(&request, 0);
	if (ioctl(fuzz->control, command, &request) != 0) {
		fprintf(stderr, "table_fuzz: cannot %s: %s\n", what, strerror(errno));
		exit(2);
	}
}

static bool load(struct fuzz *fuzz, uint64_t length, const char *params)
{
	struct request request;

	prepare(&request, 0);
	request.head.target_count = 1;
	request.target.length = length;
	snprintf(request.target.target_type, sizeof(request.target.target_type), "%s",
		 fuzz->target);
	snprintf(request.params, sizeof(request.params), "%s", params);
	return ioctl(fuzz->control, DM_TABLE_LOAD, &request) == 0;
}

/* The parameters of the table just loaded, as the target prints them. */
static void loaded(struct fuzz *fuzz, char *params, size_t room)
{
	struct request request;

	prepare(&request, DM_STATUS_TABLE_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG);
	if (ioctl(fuzz->control, DM_TABLE_STATUS, &request) != 0 ||
	    request.head.target_count != 1) {
		fprintf(stderr, "table_fuzz: no table status: %s\n", strerror(errno));
		exit(2);
	}
	snprintf(params, room, "%s", request.params);
}

/* Returns false when an accepted line does not survive its own table status. */
static bool round_trips(struct fuzz *fuzz, uint64_t length, const char *line)
{
	char printed[MAX_LINE], again[MAX_LINE];

	loaded(fuzz, printed, sizeof(printed));
	if (!load(fuzz, length, printed)) {
		printf("accepted \"%s\", printed \"%s\", then refused that\n", line, printed);
		return false;
	}
	loaded(fuzz, again, sizeof(again));
	if (strcmp(printed, again) != 0) {
		printf("printed \"%s\", then \"%s\"\n", printed, again);
		return false;
	}
	return true;
}

static bool try_one(struct fuzz *fuzz)
{
	uint64_t length =
		below(fuzz, 8) ? fuzz->length : below(fuzz, UINT64_MAX) >> below(fuzz, 64);
	struct line line = fuzz->valid;
	char params[MAX_LINE];
	bool fine;

	for (uint64_t n = 1 + below(fuzz, 4); n > 0; n--)
		spoil(fuzz, &line);
	join(&line, params, sizeof(params));
	if (!load(fuzz, length, params)) {
		fuzz->refused++;
		return true;
	}
	fuzz->accepted++;
	fine = round_trips(fuzz, length, params);
	must(fuzz, DM_TABLE_CLEAR, "clear the table");
	return fine;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {{"count", required_argument, NULL, 'c'},
					      {"seed", required_argument, NULL, 's'},
					      {NULL, 0, NULL, 0}};
	uint64_t count = 5000, seed = 1;
	static struct fuzz fuzz;
	bool fine = true;
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'c')
			count = strtoull(optarg, NULL, 10);
		else if (c == 's')
			seed = strtoull(optarg, NULL, 10);
		else
			return 2;
	}
	if (argc - optind != 3) {
		fprintf(stderr,
			"usage: table_fuzz [--count N] [--seed S] LENGTH TARGET PARAMETERS\n");
		return 2;
	}
	fuzz.rng = seed;
	fuzz.length = strtoull(argv[optind], NULL, 10);
	fuzz.target = argv[optind + 1];
	split(&fuzz.valid, argv[optind + 2]);
	fuzz.control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	must(&fuzz, DM_DEV_CREATE, "create a device");
	if (!load(&fuzz, fuzz.length, argv[optind + 2])) {
		printf("table_fuzz: the line to start from is refused: %s\n", strerror(errno));
		fine = false;
	}
	for (uint64_t i = 0; i < count && fine; i++)
		fine = try_one(&fuzz);
	must(&fuzz, DM_DEV_REMOVE, "remove the device");
	printf("table_fuzz: seed %" PRIu64 ": %" PRIu64 " lines accepted, %" PRIu64 " refused\n",
	       seed, fuzz.accepted, fuzz.refused);
	return !fine || fuzz.accepted == 0 || fuzz.refused == 0;
}

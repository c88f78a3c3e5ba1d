// SPDX-License-Identifier: LGPL-2.1-or-later
/* Parsing /etc/fvetab, and what is to be opened by it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"
#include "protector/protector.h"
#include "volume/fvetab.h"

#define WHITE " \t\r"

typedef void complain_fn(unsigned int line, const char *what, const char *word);

static int refuse(complain_fn *complain, unsigned int line, const char *what, const char *word)
{
	complain(line, what, word);
	return -EINVAL;
}

static int copy_path(char ret[FVETAB_PATH_MAX + 1], const char *path)
{
	return path[0] == '/' ? text_copy(ret, FVETAB_PATH_MAX + 1, path) : -EINVAL;
}

static const struct {
	const char *tag, *directory;
} tags[] = {
	{"UUID=", "/dev/disk/by-uuid/"},
	{"LABEL=", "/dev/disk/by-label/"},
	{"PARTUUID=", "/dev/disk/by-partuuid/"},
	{"PARTLABEL=", "/dev/disk/by-partlabel/"},
};

/* A part of a path: no "/", not "." or "..", not empty. */
static bool is_path_part(const char *text)
{
	return *text && !strchr(text, '/') && strcmp(text, ".") && strcmp(text, "..");
}

static bool is_device(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (!strncmp(text, tags[i].tag, strlen(tags[i].tag)))
			return is_path_part(text + strlen(tags[i].tag));
	return text[0] == '/' && text[1];
}

int fvetab_device_path(const char *device, char ret[FVETAB_PATH_MAX + 32])
{
	const char *directory = "";
	int n;

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (!strncmp(device, tags[i].tag, strlen(tags[i].tag))) {
			directory = tags[i].directory;
			device += strlen(tags[i].tag);
			break;
		}
	n = snprintf(ret, FVETAB_PATH_MAX + 32, "%s%s", directory, device);
	return n < FVETAB_PATH_MAX + 32 ? 0 : -ENAMETOOLONG;
}

bool fvetab_is_name(const char *text)
{
	size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789#+-.:=@_");

	return length && !text[length] && length <= FVETAB_NAME_MAX && strcmp(text, ".") &&
	       strcmp(text, "..") && strcmp(text, "control");
}

/* --- the third field: protectors ------------------------------------------------------------- */

static int parse_kind(const char *word, uint32_t *kinds)
{
	enum protector_kind kind = kind_find(word);

	if (kind == PROTECTOR_MAX)
		return -EINVAL;
	*kinds |= 1u << kind;
	return 0;
}

/* "-", "none" or "all" for whatever the header has, else a list of kinds. */
static int parse_kinds(char *field, struct fvetab_entry *entry)
{
	char *word;
	int r = 0;

	if (!strcmp(field, "-") || !strcmp(field, "none") || !strcmp(field, "all"))
		return 0;
	while (r == 0 && (word = strsep(&field, ",")))
		r = parse_kind(word, &entry->kinds);
	return r;
}

/* --- the fourth field: options --------------------------------------------------------------- */

static int set_choice(char ret[8], const char *value, const char *const *choices)
{
	for (; *choices; choices++)
		if (!strcmp(value, *choices))
			return text_copy(ret, 8, value);
	return -EINVAL;
}

/* "/path:DEVICE", as crypttab has its key files on another device. */
static int set_startup_key(struct fvetab_entry *entry, const char *value)
{
	const char *colon = strrchr(value, ':');
	size_t length = colon ? (size_t)(colon - value) : strlen(value);

	if (value[0] != '/' || length < 2 || length > FVETAB_PATH_MAX || strstr(value, "/../"))
		return -EINVAL;
	if (colon && !is_device(colon + 1))
		return -EINVAL;
	memcpy(entry->key_path, value, length);
	entry->key_path[length] = '\0';
	return colon ? text_copy(entry->key_device, sizeof(entry->key_device), colon + 1) : 0;
}

static int set_identity(struct fvetab_entry *entry, const char *value)
{
	bool any = !strcmp(value, "any");

	entry->identity_is = any ? FVETAB_IDENTITY_ANY : FVETAB_IDENTITY_GIVEN;
	return any ? 0 : identity_parse(value, entry->identity);
}

static int set_option(struct fvetab_entry *entry, const char *name, const char *value)
{
	static const char *const targets[] = {"fve", "crypt", "auto", NULL};
	static const char *const reseals[] = {"auto", "ask", "never", NULL};
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{"initrd", &entry->initrd},	 {"x-initrd.attach", &entry->initrd},
		{"netdev", &entry->network},	 {"_netdev", &entry->network},
		{"nofail", &entry->nofail},	 {"noauto", &entry->noauto},
		{"readonly", &entry->read_only}, {"read-only", &entry->read_only},
		{"discard", &entry->discard},	 {"net", &entry->ask_servers},
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (!strcmp(name, flags[i].name))
			return bool_parse(value ?: "", flags[i].flag);
	if (!value)
		return -ENOENT;
	if (!strcmp(name, "timeout"))
		return seconds_parse(value, FVETAB_SECONDS_MAX, &entry->timeout_s);
	if (!strcmp(name, "tries"))
		return number_parse(value, 0, FVETAB_TRIES_MAX, &entry->tries);
	if (!strcmp(name, "startup-key"))
		return set_startup_key(entry, value);
	if (!strcmp(name, "startup-key-timeout"))
		return seconds_parse(value, FVETAB_SECONDS_MAX, &entry->key_timeout_s);
	if (!strcmp(name, "net-timeout"))
		return seconds_parse(value, FVETAB_SECONDS_MAX, &entry->net_timeout_s);
	if (!strcmp(name, "target"))
		return set_choice(entry->target, value, targets);
	if (!strcmp(name, "reseal"))
		return set_choice(entry->reseal, value, reseals);
	if (!strcmp(name, "new-recovery"))
		return copy_path(entry->new_recovery, value);
	if (!strcmp(name, "identity"))
		return set_identity(entry, value);
	if (!strcmp(name, "escrow"))
		return copy_path(entry->escrow, value);
	return -ENOENT;
}

/*
 * Options without which the volume opens as well, to the same data: a wrong value is no reason to
 * leave the root closed. All others say which volume it has to be, when it opens and who writes it.
 */
static bool is_side_option(const char *name)
{
	static const char *const names[] = {"timeout",	   "tries",
					    "startup-key", "startup-key-timeout",
					    "net-timeout", "target",
					    "reseal",	   "new-recovery",
					    "escrow"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static bool is_empty(const char *field)
{
	return !strcmp(field, "-") || !strcmp(field, "none") || !strcmp(field, "defaults");
}

static int parse_options(char *field, struct fvetab_entry *entry, unsigned int line,
			 complain_fn *complain)
{
	bool escrow_wrong = false;
	char *word, *value;
	int r;

	if (is_empty(field))
		return 0;
	while ((word = strsep(&field, ","))) {
		if (!*word)
			continue;
		value = strchr(word, '=');
		if (value)
			*value++ = '\0';
		r = set_option(entry, word, value);
		if (r == -ENOENT && strncmp(word, "x-", 2))
			complain(line, "unknown option, skipped", word);
		else if (r < 0 && r != -ENOENT && !is_side_option(word))
			return refuse(complain, line, "wrong value of option", word);
		else if (r < 0 && r != -ENOENT)
			complain(line, "wrong value of option, skipped", word);
		escrow_wrong |= r < 0 && !strcmp(word, "escrow");
	}
	/* A new password that was to be escrowed is not made without that. */
	if (escrow_wrong)
		*entry->new_recovery = '\0';
	return 0;
}

/* --- lines ----------------------------------------------------------------------------------- */

static const struct fvetab_entry unset = {
	.timeout_s = FVETAB_UNSET,
	.tries = FVETAB_UNSET,
	.key_timeout_s = FVETAB_UNSET,
	.net_timeout_s = FVETAB_UNSET,
};

/* A field that begins with "#" is a comment, with all that follows. */
static char *next_field(char **rest)
{
	char *field;

	do {
		field = strsep(rest, WHITE);
	} while (field && !*field);
	if (field && *field == '#')
		field = *rest = NULL;
	return field;
}

static bool has_name(const struct fvetab *table, const char *name)
{
	for (size_t i = 0; i < table->n; i++)
		if (!strcmp(table->entry[i].name, name))
			return true;
	return false;
}

/* 0: an entry, or nothing; -EINVAL with a complaint. */
static int parse_line(char *text, unsigned int line, struct fvetab *table, complain_fn *complain)
{
	struct fvetab_entry entry = unset;
	char *name = next_field(&text), *device, *kinds, *options;

	if (!name)
		return 0;
	device = next_field(&text);
	kinds = next_field(&text);
	options = next_field(&text);
	if (next_field(&text))
		return refuse(complain, line, "more than four fields", name);
	if (!fvetab_is_name(name) || text_copy(entry.name, sizeof(entry.name), name) < 0)
		return refuse(complain, line, "this cannot be the name of a mapping", name);
	if (has_name(table, name))
		return refuse(complain, line, "this name was given before", name);
	if (!device || !is_device(device) ||
	    text_copy(entry.device, sizeof(entry.device), device) < 0)
		return refuse(complain, line, "this is no device: UUID=..., LABEL=..., /dev/...",
			      device ?: "");
	if (kinds && parse_kinds(kinds, &entry) < 0)
		return refuse(complain, line, "wrong list of protectors", name);
	if (options && parse_options(options, &entry, line, complain) < 0)
		return -EINVAL;
	if (entry.initrd && entry.network)
		return refuse(complain, line,
			      "the initramfs waits for no network: initrd or netdev", name);
	if (table->n == FVETAB_MAX)
		return refuse(complain, line, "too many volumes", name);
	table->entry[table->n++] = entry;
	return 0;
}

size_t fvetab_parse(const char *text, struct fvetab *ret, complain_fn *complain)
{
	unsigned int line = 0;
	size_t wrong = 0;

	ret->n = 0;
	while (*text) {
		size_t length = strcspn(text, "\n");
		char copied[FVETAB_LINE_MAX];

		line++;
		if (length < sizeof(copied)) {
			memcpy(copied, text, length);
			copied[length] = '\0';
			wrong += parse_line(copied, line, ret, complain) < 0;
		} else {
			complain(line, "the line is too long", "");
			wrong++;
		}
		text += length + (text[length] == '\n');
	}
	return wrong;
}

char *fvetab_add_identity(const char *line, const uint8_t identity[IDENTITY_SIZE])
{
	_cleanup_free_ char *copied = strdup(line), *hex = hex_encode(identity, IDENTITY_SIZE);
	char *field[4], *rest = copied, *ret;

	if (!copied || !hex)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		field[i] = next_field(&rest) ?: (char *)"-";
	if (is_empty(field[3]))
		field[3] = NULL;
	return asprintf(&ret, "%s %s %s %s%sidentity=%s", field[0], field[1], field[2],
			field[3] ?: "", field[3] ? "," : "", hex) < 0
		       ? NULL
		       : ret;
}

/* --- what is to be opened -------------------------------------------------------------------- */

static bool is_volume(const struct fvetab_entry *entry, const char *uuid)
{
	return !strncmp(entry->device, "UUID=", 5) && !strcasecmp(entry->device + 5, uuid);
}

/* The entry of a volume that the command line names; a new one where the table has none. */
static void select_named(struct fvetab *table, const struct bootargs *args, struct fvetab *ret)
{
	for (size_t i = 0; i < args->n; i++) {
		struct fvetab_entry *entry = &ret->entry[ret->n++];

		*entry = unset;
		snprintf(entry->device, sizeof(entry->device), "UUID=%.64s", args->volume[i].uuid);
		snprintf(entry->name, sizeof(entry->name), "fve-%.64s", args->volume[i].uuid);
		for (size_t j = 0; j < table->n; j++)
			if (is_volume(&table->entry[j], args->volume[i].uuid))
				*entry = table->entry[j];
		if (*args->volume[i].name)
			text_copy(entry->name, sizeof(entry->name), args->volume[i].name);
	}
}

/* root=/dev/mapper/NAME says which is the root volume; else the table's order stands. */
static void root_first(struct fvetab *table, const char *root)
{
	static const char mapper[] = "/dev/mapper/";
	struct fvetab_entry entry;

	if (strncmp(root, mapper, strlen(mapper)))
		return;
	for (size_t i = 1; i < table->n; i++)
		if (!strcmp(table->entry[i].name, root + strlen(mapper))) {
			entry = table->entry[i];
			memmove(&table->entry[1], &table->entry[0], i * sizeof(entry));
			table->entry[0] = entry;
		}
}

static bool is_wanted(const struct fvetab_entry *entry, enum fvetab_phase phase, const char *name)
{
	if (name)
		return !strcmp(entry->name, name);
	if (phase == FVETAB_INITRD)
		return entry->initrd;
	return !entry->noauto && entry->network == (phase == FVETAB_NETWORK);
}

void fvetab_select(struct fvetab *table, const struct bootargs *args, enum fvetab_phase phase,
		   const char *name)
{
	struct fvetab chosen = {0};

	if (phase == FVETAB_INITRD && args->n && !name)
		select_named(table, args, &chosen);
	else
		for (size_t i = 0; i < table->n; i++)
			if (is_wanted(&table->entry[i], phase, name))
				chosen.entry[chosen.n++] = table->entry[i];
	if (phase == FVETAB_INITRD)
		root_first(&chosen, args->root);
	*table = chosen;
}

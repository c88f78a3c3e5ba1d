// SPDX-License-Identifier: LGPL-2.1-or-later
/* The firmware's event log. All integers in it are little-endian. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "measured/event_log.h"
#include "os/file.h"

#define ALG_SHA256     0x000b
#define ALGORITHMS_MAX 16	   /* banks of one log; TPM2_NUM_PCR_BANKS */
#define DIGEST_MAX     64	   /* bytes; SHA-512 */
#define LOG_SIZE_MAX   (16u << 20) /* bytes; firmware reserves some 64 KiB */

/* The bytes that are left to read. */
struct cursor {
	const uint8_t *at;
	size_t left;
};

/* Hash algorithms of the log and the sizes of their digests. */
struct banks {
	uint32_t n;
	uint16_t id[ALGORITHMS_MAX];
	uint16_t size[ALGORITHMS_MAX];
};

/* @size bytes, or NULL where there are not so many. */
static const uint8_t *take(struct cursor *c, size_t size)
{
	const uint8_t *at = c->at;

	if (size > c->left)
		return NULL;
	c->at += size;
	c->left -= size;
	return at;
}

static uint32_t le(const uint8_t *bytes, size_t size)
{
	uint32_t value = 0;

	while (size--)
		value = value << 8 | bytes[size];
	return value;
}

static bool take_number(struct cursor *c, size_t size, uint32_t *ret)
{
	const uint8_t *at = take(c, size);

	if (at)
		*ret = le(at, size);
	return at;
}

/* TCG_EfiSpecIdEvent in an event of the old format (PFP 10.2.1 and 10.4.5.1): what follows. */
static int parse_head(struct cursor *c, struct banks *ret)
{
	static const char signature[16] = "Spec ID Event03";
	const uint8_t *head = take(c, 4 + 4 + 20), *spec;
	uint32_t size, n, vendor;
	struct cursor body;

	if (!head || le(head, 4) != 0 || le(head + 4, 4) != EV_NO_ACTION ||
	    !take_number(c, 4, &size))
		return -EBADMSG;
	body = (struct cursor){take(c, size), size};
	if (!body.at)
		return -EBADMSG;
	spec = take(&body, sizeof(signature) + 4 + 4); /* platformClass; versions and uintnSize */
	if (!spec || memcmp(spec, signature, sizeof(signature)) || !take_number(&body, 4, &n) ||
	    n < 1 || n > ALGORITHMS_MAX)
		return -EBADMSG;
	*ret = (struct banks){.n = n};
	for (uint32_t i = 0; i < n; i++) {
		uint32_t id, length;

		if (!take_number(&body, 2, &id) || !take_number(&body, 2, &length) ||
		    length > DIGEST_MAX || (id == ALG_SHA256 && length != SHA256_SIZE))
			return -EBADMSG;
		ret->id[i] = (uint16_t)id;
		ret->size[i] = (uint16_t)length;
	}
	if (!take_number(&body, 1, &vendor) || body.left != vendor)
		return -EBADMSG;
	for (uint32_t i = 0; i < n; i++)
		if (ret->id[i] == ALG_SHA256)
			return 0;
	return -EOPNOTSUPP;
}

/* TPML_DIGEST_VALUES: one digest for each bank, of which we want one. */
static int parse_digests(struct cursor *c, const struct banks *banks, uint8_t ret[SHA256_SIZE])
{
	bool found = false;
	uint32_t n;

	if (!take_number(c, 4, &n) || n > banks->n)
		return -EBADMSG;
	for (uint32_t i = 0; i < n; i++) {
		const uint8_t *digest;
		uint32_t id, bank;

		if (!take_number(c, 2, &id))
			return -EBADMSG;
		for (bank = 0; bank < banks->n && banks->id[bank] != id; bank++)
			;
		digest = bank < banks->n ? take(c, banks->size[bank]) : NULL;
		if (!digest || (id == ALG_SHA256 && found))
			return -EBADMSG;
		if (id == ALG_SHA256) {
			memcpy(ret, digest, SHA256_SIZE);
			found = true;
		}
	}
	return found ? 0 : -EBADMSG;
}

/* TCG_PCR_EVENT2 (PFP 10.2.2) */
static int parse_event(struct cursor *c, const struct banks *banks, struct event *ret)
{
	uint32_t size;

	*ret = (struct event){0};
	if (!take_number(c, 4, &ret->pcr) || !take_number(c, 4, &ret->type) ||
	    parse_digests(c, banks, ret->digest) < 0 || !take_number(c, 4, &size))
		return -EBADMSG;
	ret->size = size;
	ret->data = take(c, size);
	if (!ret->data || (ret->type != EV_NO_ACTION && ret->pcr >= PCR_COUNT))
		return -EBADMSG;
	return 0;
}

int event_log_parse(const uint8_t *data, size_t size, struct event_log *ret)
{
	struct cursor start = {data, size}, c;
	struct event_log log = {0};
	struct banks banks;
	struct event event;
	int r = size > LOG_SIZE_MAX ? -EBADMSG : parse_head(&start, &banks);

	if (r < 0)
		return r;
	/* Once to count, which proves that each event can be read, and once to keep. */
	for (c = start; c.left; log.n++)
		if (parse_event(&c, &banks, &event) < 0)
			return -EBADMSG;
	log.events = calloc(log.n + 1, sizeof(*log.events));
	if (!log.events)
		return -ENOMEM;
	c = start;
	for (size_t i = 0; i < log.n; i++)
		if (parse_event(&c, &banks, &log.events[i]) < 0) {
			free(log.events);
			return -EBADMSG;
		}
	*ret = log;
	return 0;
}

void event_log_free(struct event_log *log)
{
	free(log->events);
	blob_free(&log->raw);
	*log = (struct event_log){0};
}

int event_log_load(const char *path, struct event_log *ret)
{
	_cleanup_blob_ struct blob raw = {0};
	int r = file_read(path ?: EVENT_LOG_PATH, 2 * LOG_SIZE_MAX, &raw);

	if (r < 0)
		return r;
	r = event_log_parse(raw.data, raw.size, ret);
	if (r < 0)
		return r;
	ret->raw = steal_struct(raw);
	return 0;
}

int pcr_extend(uint8_t value[SHA256_SIZE], const uint8_t digest[SHA256_SIZE])
{
	const struct span parts[] = {{value, SHA256_SIZE}, {digest, SHA256_SIZE}};

	return crypto_sha256(parts, ARRAY_SIZE(parts), value);
}

/* TCG_EfiStartupLocalityEvent: PCR 0 did not start at zero (PFP 10.4.5.3). */
static void start_value(const struct event *event, struct pcr_values *pcrs)
{
	static const char signature[16] = "StartupLocality";

	if (event->size == sizeof(signature) + 1 &&
	    !memcmp(event->data, signature, sizeof(signature)))
		pcrs->value[0][SHA256_SIZE - 1] = event->data[sizeof(signature)];
}

int event_log_replay(const struct event_log *log, struct pcr_values *ret)
{
	struct pcr_values pcrs = {.mask = (1u << 16) - 1};

	for (size_t i = 0; i < log->n; i++)
		if (log->events[i].type == EV_NO_ACTION)
			start_value(&log->events[i], &pcrs);
	for (size_t i = 0; i < log->n; i++) {
		const struct event *event = &log->events[i];
		int r;

		if (event->type == EV_NO_ACTION)
			continue;
		r = pcr_extend(pcrs.value[event->pcr], event->digest);
		if (r < 0)
			return r;
	}
	*ret = pcrs;
	return 0;
}

uint32_t event_tag(const struct event *event)
{
	return event->type == EV_EVENT_TAG && event->size >= 8 ? le(event->data, 4) : 0;
}

/* --- descriptions --------------------------------------------------------------------------- */

static const struct {
	uint32_t type;
	const char *name;
	enum {
		NO_TEXT,
		TEXT,	  /* the whole event */
		TAGGED,	  /* TCG_PCClientTaggedEvent: id and size before it */
		VARIABLE, /* UEFI_VARIABLE_DATA: a name in UTF-16 */
		IMAGE,	  /* UEFI_IMAGE_LOAD_EVENT: a device path */
	} shape;
} types[] = {
	{EV_SEPARATOR, "EV_SEPARATOR", NO_TEXT},
	{0x00000005, "EV_ACTION", TEXT},
	{EV_EVENT_TAG, "EV_EVENT_TAG", TAGGED},
	{0x00000007, "EV_S_CRTM_CONTENTS", NO_TEXT},
	{0x00000008, "EV_S_CRTM_VERSION", NO_TEXT},
	{EV_IPL, "EV_IPL", TEXT},
	{0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG", VARIABLE},
	{0x80000002, "EV_EFI_VARIABLE_BOOT", VARIABLE},
	{EV_EFI_BOOT_SERVICES_APPLICATION, "EV_EFI_BOOT_SERVICES_APPLICATION", IMAGE},
	{0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER", IMAGE},
	{0x80000006, "EV_EFI_GPT_EVENT", NO_TEXT},
	{0x80000007, "EV_EFI_ACTION", TEXT},
	{0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB", NO_TEXT},
	{0x8000000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2", NO_TEXT},
	{0x8000000c, "EV_EFI_VARIABLE_BOOT2", VARIABLE},
	{0x800000e0, "EV_EFI_VARIABLE_AUTHORITY", VARIABLE},
};

/* Append the printable characters of @data, each @width bytes; @n: room, and what is used of it. */
static void add_text(char *ret, size_t *n, const uint8_t *data, size_t size, size_t width)
{
	for (size_t i = 0; i + width <= size && *n + 1 < EVENT_TEXT_SIZE; i += width) {
		uint32_t c = le(data + i, width);

		if (c == 0)
			break;
		ret[(*n)++] = (char)(c >= 0x20 && c < 0x7f ? c : '?');
	}
	ret[*n] = '\0';
}

/* The last file name of a device path (UEFI 10.3.5.4: type 4, sub-type 4). */
static void add_path(char *ret, size_t *n, const uint8_t *data, size_t size)
{
	struct cursor c = {data, size};
	const uint8_t *file = NULL, *node;
	size_t file_size = 0;

	/* Three numbers of 8 bytes, then the length of the path, which ends with the event. */
	if (!take(&c, 32))
		return;
	while ((node = take(&c, 4))) {
		size_t length = le(node + 2, 2);

		if (length < 4 || !take(&c, length - 4))
			break;
		if (node[0] == 4 && node[1] == 4) {
			file = node + 4;
			file_size = length - 4;
		}
	}
	if (file)
		add_text(ret, n, file, file_size, 2);
}

void event_describe(const struct event *event, char ret[EVENT_TEXT_SIZE])
{
	const uint8_t *data = event->data;
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (types[i].type != event->type)
			continue;
		n = (size_t)snprintf(ret, EVENT_TEXT_SIZE, "%s", types[i].name);
		if (types[i].shape != NO_TEXT && n + 1 < EVENT_TEXT_SIZE)
			ret[n++] = ' ';
		/* systemd-stub names sections in ASCII and command lines in UTF-16. */
		if (types[i].shape == TEXT)
			add_text(ret, &n, data, event->size,
				 event->size >= 2 && data[1] == 0 ? 2 : 1);
		else if (types[i].shape == TAGGED && event->size > 8)
			add_text(ret, &n, data + 8, event->size - 8, 1);
		else if (types[i].shape == VARIABLE && event->size > 32)
			add_text(ret, &n, data + 32,
				 2 * (size_t)le(data + 16, 4) < event->size - 32
					 ? 2 * (size_t)le(data + 16, 4)
					 : event->size - 32,
				 2);
		else if (types[i].shape == IMAGE)
			add_path(ret, &n, data, event->size);
		while (n && ret[n - 1] == ' ')
			n--;
		ret[n] = '\0';
		return;
	}
	snprintf(ret, EVENT_TEXT_SIZE, "event of type 0x%x", event->type);
}

/* --- comparing two boots -------------------------------------------------------------------- */

static bool counts(const struct event *event, uint32_t mask)
{
	return event->type != EV_NO_ACTION && mask & 1u << event->pcr;
}

void event_log_shorten(const struct event_log *log, uint32_t mask, struct policy_events *ret)
{
	ret->n = 0;
	for (size_t i = 0; i < log->n && ret->n < POLICY_EVENTS_MAX; i++) {
		const struct event *event = &log->events[i];
		struct policy_event *shortened = &ret->list[ret->n];

		if (!counts(event, mask))
			continue;
		shortened->pcr = (uint8_t)event->pcr;
		memcpy(shortened->digest, event->digest, POLICY_EVENT_DIGEST_SIZE);
		ret->n++;
	}
}

/* The @nth approved event of @pcr. */
static const struct policy_event *nth(const struct policy_events *approved, uint32_t pcr, size_t n)
{
	for (size_t i = 0; i < approved->n; i++)
		if (approved->list[i].pcr == pcr && n-- == 0)
			return &approved->list[i];
	return NULL;
}

const struct event *event_log_first_difference(const struct event_log *log, uint32_t mask,
					       const struct policy_events *approved)
{
	size_t seen[PCR_COUNT] = {0};

	if (!approved->n)
		return NULL;
	for (size_t i = 0; i < log->n; i++) {
		const struct event *event = &log->events[i];
		const struct policy_event *wanted;

		if (!counts(event, mask))
			continue;
		wanted = nth(approved, event->pcr, seen[event->pcr]++);
		if (!wanted && approved->n == POLICY_EVENTS_MAX)
			return NULL;
		if (!wanted || memcmp(wanted->digest, event->digest, POLICY_EVENT_DIGEST_SIZE))
			return event;
	}
	return NULL;
}

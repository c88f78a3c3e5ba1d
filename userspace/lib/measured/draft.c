// SPDX-License-Identifier: LGPL-2.1-or-later
/* The log of a boot to come while it is written, and the digests of files that go into it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/log.h"
#include "measured/draft.h"
#include "measured/pe.h"

#define PCR_COMMANDS 8

/* --- files ---------------------------------------------------------------------------------- */

void mapped_close(struct mapped *file)
{
	if (file->data)
		munmap((void *)file->data, file->size);
}

int mapped_open(const char *path, struct mapped *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *data;

	if (fd < 0 || fstat(fd, &st) < 0)
		return log_errno(errno, "cannot read %s: %m", path);
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return log_errno(EBADMSG, "%s is not a file with something in it", path);
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return log_errno(errno, "cannot read %s: %m", path);
	*ret = (struct mapped){data, (size_t)st.st_size};
	return 0;
}

int mapped_digest(const char *path, uint8_t ret[SHA256_SIZE])
{
	_cleanup_mapped_ struct mapped file = {0};
	int r = mapped_open(path, &file);

	return r < 0 ? r : crypto_sha256(&(struct span){file.data, file.size}, 1, ret);
}

int mapped_authenticode(const char *path, uint8_t ret[SHA256_SIZE])
{
	_cleanup_mapped_ struct mapped file = {0};
	struct pe pe;
	int r = mapped_open(path, &file);

	if (r < 0)
		return r;
	if (pe_parse(file.data, file.size, &pe) < 0)
		return log_errno(EBADMSG, "%s is no image that UEFI could start", path);
	return pe_authenticode(&pe, ret);
}

/* --- the command line ----------------------------------------------------------------------- */

int draft_load_options(const char *cmdline, bool nul, uint8_t ret[SHA256_SIZE])
{
	size_t n = strlen(cmdline) + (nul ? 1 : 0);
	_cleanup_free_ uint8_t *wide = calloc(2, n + 1);

	if (!wide)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		wide[2 * i] = (uint8_t)cmdline[i];
	return crypto_sha256(&(struct span){wide, 2 * n}, 1, ret);
}

int draft_cmdline(const char *given, char **ret)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	_cleanup_file_ FILE *f = NULL;

	if (given) {
		*ret = strdup(given);
		return *ret ? 0 : -ENOMEM;
	}
	f = fopen("/proc/cmdline", "re");
	n = f ? getline(&line, &room, f) : -1;
	if (n <= 0) {
		free(line);
		return log_errno(EIO, "cannot read /proc/cmdline");
	}
	if (line[n - 1] == '\n')
		line[n - 1] = '\0';
	*ret = line;
	return 0;
}

/* --- the log -------------------------------------------------------------------------------- */

void draft_free(struct draft *draft)
{
	free(draft->events);
}

static bool starts_with(const struct event *event, const char *text)
{
	return event->size >= strlen(text) && !memcmp(event->data, text, strlen(text));
}

bool event_is_image(const struct event *event)
{
	return event->type == EV_EFI_BOOT_SERVICES_APPLICATION && event->pcr == PCR_IMAGES;
}

int draft_open(const struct event_log *log, size_t room, struct draft *ret)
{
	struct draft draft = {calloc(log->n + room + 1, sizeof(*draft.events)), log->n, log->n,
			      log->n, log->n};

	if (!draft.events)
		return -ENOMEM;
	memcpy(draft.events, log->events, log->n * sizeof(*log->events));
	for (size_t i = log->n; i-- > 0;) {
		const struct event *event = &draft.events[i];

		if (event->pcr == PCR_FILES && (event_tag(event) == EVENT_TAG_INITRD ||
						event_tag(event) == EVENT_TAG_LOAD_OPTIONS))
			draft.first_stub = i;
		if (event->type == EV_IPL && event->pcr == PCR_COMMANDS &&
		    starts_with(event, "grub_cmd: "))
			draft.first_grub = i;
		if (event->type == EV_IPL && event->pcr == PCR_UKI)
			draft.first_uki = i;
	}
	*ret = draft;
	return 0;
}

int draft_find_tag(const struct draft *draft, uint32_t tag, struct event **ret)
{
	*ret = NULL;
	for (size_t i = 0; i < draft->n; i++) {
		if (draft->events[i].pcr != PCR_FILES || event_tag(&draft->events[i]) != tag)
			continue;
		if (*ret)
			return -EOPNOTSUPP;
		*ret = &draft->events[i];
	}
	return *ret ? 0 : -EOPNOTSUPP;
}

struct event *draft_last_image(const struct draft *draft, size_t before)
{
	for (size_t i = before; i-- > 0;)
		if (event_is_image(&draft->events[i]))
			return &draft->events[i];
	return NULL;
}

int draft_image_after(const struct draft *draft, size_t after, struct event **ret)
{
	*ret = NULL;
	for (size_t i = after; i < draft->n; i++) {
		if (!event_is_image(&draft->events[i]))
			continue;
		if (*ret)
			return -EOPNOTSUPP;
		*ret = &draft->events[i];
	}
	return 0;
}

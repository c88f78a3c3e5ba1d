// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Predicting PCRs. Three ways to boot are told apart by what the log holds:
 *
 *	the firmware, or a boot manager, starts a kernel with an EFI stub: the stub tags what it
 *	measures into PCR 9
 *	GRUB: it measures its commands into PCR 8 and the files it reads into PCR 9, as EV_IPL
 *	a unified kernel image: systemd-stub measures its sections into PCR 11, as EV_IPL
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/log.h"
#include "measured/pe.h"
#include "measured/predict.h"

#define PCR_COMMANDS 8
#define PCR_FILES    9
#define PCR_PASSED   12

#define ADVICE	     "; boot it once with another protector and approve it then"

/* --- files ---------------------------------------------------------------------------------- */

/* A file's bytes, mapped. */
struct file {
	const uint8_t *data;
	size_t size;
};

static void file_unmap(struct file *file)
{
	if (file->data)
		munmap((void *)file->data, file->size);
}

#define _cleanup_file_ __attribute__((cleanup(file_unmap)))

static int file_map(const char *path, struct file *ret)
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
	*ret = (struct file){data, (size_t)st.st_size};
	return 0;
}

static int file_digest(const char *path, uint8_t ret[SHA256_SIZE])
{
	_cleanup_file_ struct file file = {0};
	int r = file_map(path, &file);

	return r < 0 ? r : crypto_sha256(&(struct span){file.data, file.size}, 1, ret);
}

static int image_digest(const char *path, uint8_t ret[SHA256_SIZE])
{
	_cleanup_file_ struct file file = {0};
	struct pe pe;
	int r = file_map(path, &file);

	if (r < 0)
		return r;
	if (pe_parse(file.data, file.size, &pe) < 0)
		return log_errno(EBADMSG, "%s is no image that UEFI could start", path);
	return pe_authenticode(&pe, ret);
}

/* --- the log -------------------------------------------------------------------------------- */

/* The log with its events replaced; their number may grow by @room. */
struct draft {
	struct event *events;
	size_t n;
	size_t first_stub, first_grub, first_uki; /* n where there is none */
};

static void draft_free(struct draft *draft)
{
	free(draft->events);
}

#define _cleanup_draft_ __attribute__((cleanup(draft_free)))

static bool starts_with(const struct event *event, const char *text)
{
	return event->size >= strlen(text) && !memcmp(event->data, text, strlen(text));
}

static bool is_image(const struct event *event)
{
	return event->type == EV_EFI_BOOT_SERVICES_APPLICATION && event->pcr == PCR_IMAGES;
}

static int draft_open(const struct event_log *log, size_t room, struct draft *ret)
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

/* The only event that the stub tagged @tag. */
static int find_tag(const struct draft *draft, uint32_t tag, struct event **ret)
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

/* The last image that was started before event number @before. */
static struct event *last_image(const struct draft *draft, size_t before)
{
	for (size_t i = before; i-- > 0;)
		if (is_image(&draft->events[i]))
			return &draft->events[i];
	return NULL;
}

/* The only image after event number @after; NULL and 0 where there is none. */
static int image_after(const struct draft *draft, size_t after, struct event **ret)
{
	*ret = NULL;
	for (size_t i = after; i < draft->n; i++) {
		if (!is_image(&draft->events[i]))
			continue;
		if (*ret)
			return -EOPNOTSUPP;
		*ret = &draft->events[i];
	}
	return 0;
}

/* --- a kernel with its EFI stub ------------------------------------------------------------- */

/* LoadOptions are UTF-16; most boot managers give the NUL at the end as part of them. */
static int load_options_digest(const char *cmdline, bool nul, uint8_t ret[SHA256_SIZE])
{
	size_t n = strlen(cmdline) + (nul ? 1 : 0);
	_cleanup_free_ uint8_t *wide = calloc(2, n + 1);

	if (!wide)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		wide[2 * i] = (uint8_t)cmdline[i];
	return crypto_sha256(&(struct span){wide, 2 * n}, 1, ret);
}

static int present_cmdline(const struct predict_change *change, char **ret)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;
	FILE *f;

	if (change->old_cmdline) {
		*ret = strdup(change->old_cmdline);
		return *ret ? 0 : -ENOMEM;
	}
	f = fopen("/proc/cmdline", "re");
	n = f ? getline(&line, &room, f) : -1;
	if (f)
		fclose(f);
	if (n <= 0) {
		free(line);
		return log_errno(EIO, "cannot read /proc/cmdline");
	}
	if (line[n - 1] == '\n')
		line[n - 1] = '\0';
	*ret = line;
	return 0;
}

static int replace_cmdline(struct draft *draft, const struct predict_change *change)
{
	_cleanup_free_ char *old = NULL;
	uint8_t digest[SHA256_SIZE];
	struct event *event;
	int r = present_cmdline(change, &old);

	if (r < 0)
		return r;
	for (const char *c = change->cmdline; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			return log_errno(EINVAL, "a command line is printable ASCII");
	if (find_tag(draft, EVENT_TAG_LOAD_OPTIONS, &event) < 0)
		return log_errno(EOPNOTSUPP,
				 "the event log does not tell where the command line was "
				 "measured" ADVICE);
	for (int nul = 1; nul >= 0; nul--) {
		r = load_options_digest(old, nul, digest);
		if (r < 0)
			return r;
		if (!memcmp(digest, event->digest, SHA256_SIZE))
			return load_options_digest(change->cmdline, nul, event->digest);
	}
	return log_errno(EOPNOTSUPP,
			 "the present command line is not what was measured, so that it "
			 "is unknown how a new one will be" ADVICE);
}

static int replace_initrd(struct draft *draft, const char *path)
{
	struct event *event;

	if (find_tag(draft, EVENT_TAG_INITRD, &event) < 0)
		return log_errno(EOPNOTSUPP, "the event log does not tell where the initrd was "
					     "measured" ADVICE);
	return file_digest(path, event->digest);
}

static int replace_kernel(struct draft *draft, const char *path)
{
	struct event *event = last_image(draft, draft->first_stub);

	if (!event)
		return log_errno(EOPNOTSUPP, "the event log does not tell where the kernel was "
					     "measured" ADVICE);
	return image_digest(path, event->digest);
}

static int predict_stub(struct draft *draft, const struct predict_change *change)
{
	int r = 0;

	if (change->kernel)
		r = replace_kernel(draft, change->kernel);
	if (r == 0 && change->initrd)
		r = replace_initrd(draft, change->initrd);
	if (r == 0 && change->cmdline)
		r = replace_cmdline(draft, change);
	return r;
}

/* --- GRUB ----------------------------------------------------------------------------------- */

/* Whether GRUB's event names @name as the last part of a path. */
static bool names_file(const struct event *event, const char *name)
{
	size_t size = event->size, length = strlen(name);

	while (size && event->data[size - 1] == '\0')
		size--;
	return size > length && !memcmp(event->data + size - length, name, length) &&
	       event->data[size - length - 1] == '/';
}

/*
 * A file that GRUB read is replaced by one of the same name. Of another name it would be with
 * another grub.cfg, and GRUB measures each of its lines.
 */
static int replace_grub_file(struct draft *draft, const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	const char *name = copy ? basename(copy) : NULL;
	struct event *found = NULL;

	if (!copy)
		return -ENOMEM;
	for (size_t i = 0; i < draft->n; i++) {
		struct event *event = &draft->events[i];

		if (event->type != EV_IPL || event->pcr != PCR_FILES || !names_file(event, name))
			continue;
		if (found)
			return log_errno(EOPNOTSUPP, "GRUB read more than one file %s" ADVICE,
					 name);
		found = event;
	}
	if (!found)
		return log_errno(EOPNOTSUPP,
				 "GRUB read no file %s in this boot, and what a new grub.cfg does "
				 "cannot be predicted" ADVICE,
				 name);
	return file_digest(path, found->digest);
}

static int predict_grub(struct draft *draft, const struct predict_change *change)
{
	struct event *image, *tagged;
	int r = 0;

	if (change->cmdline)
		return log_errno(EOPNOTSUPP, "what a new grub.cfg does cannot be predicted" ADVICE);
	if (change->kernel) {
		r = replace_grub_file(draft, change->kernel);
		/* shim measures the kernel as an image too. */
		if (r == 0 && image_after(draft, draft->first_grub, &image) < 0)
			return log_errno(EOPNOTSUPP, "GRUB started more than one image" ADVICE);
		if (r == 0 && image)
			r = image_digest(change->kernel, image->digest);
	}
	if (r == 0 && change->initrd) {
		r = replace_grub_file(draft, change->initrd);
		/* The kernel's stub does so with an initrd that it fetches itself. */
		if (r == 0 && find_tag(draft, EVENT_TAG_INITRD, &tagged) == 0)
			r = file_digest(change->initrd, tagged->digest);
	}
	return r;
}

/* --- unified kernel images ------------------------------------------------------------------ */

/*
 * Sections in the order in which systemd-stub 252 measures them, name and contents each, with
 * .pcrsig left out since it is made from the result (src/fundamental/tpm-pcr.c there).
 */
static const char *const measured[] = {".linux",  ".osrel", ".cmdline", ".initrd",
				       ".splash", ".dtb",   ".pcrpkey"};

/* What other versions measure besides. */
static const char *const unknown[] = {".ucode",	  ".uname", ".profile",
				      ".dtbauto", ".hwids", ".efifw"};

static int check_stub(const struct pe *pe, const char *path)
{
	static const char magic[] = "#### LoaderInfo: systemd-stub 252";
	const struct pe_section *section = pe_section(pe, ".sdmagic");

	if (!section || section->size < sizeof(magic) ||
	    memcmp(section->data, magic, sizeof(magic) - 1) ||
	    (section->data[sizeof(magic) - 1] >= '0' && section->data[sizeof(magic) - 1] <= '9'))
		return log_errno(EOPNOTSUPP,
				 "%s is no image with systemd-stub 252, and how others measure is "
				 "not known here" ADVICE,
				 path);
	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		if (pe_section(pe, unknown[i]))
			return log_errno(EOPNOTSUPP,
					 "%s has a section %s, which is not known here" ADVICE,
					 path, unknown[i]);
	return 0;
}

/* Contents as they are in memory, which the file may pad. */
static int section_span(const struct pe_section *section, const char *path, struct span *ret)
{
	if (section->memory_size > section->size)
		return log_errno(EOPNOTSUPP,
				 "section %s of %s is longer in memory than in the "
				 "file" ADVICE,
				 section->name, path);
	*ret = (struct span){section->data, section->memory_size};
	return 0;
}

static int add_section(struct draft *draft, const struct pe *pe, const char *path, const char *name)
{
	const struct pe_section *section = pe_section(pe, name);
	struct event *events = &draft->events[draft->n];
	struct span span;
	int r;

	if (!section)
		return 0;
	r = section_span(section, path, &span);
	if (r == 0)
		r = crypto_sha256(&(struct span){name, strlen(name) + 1}, 1, events[0].digest);
	if (r == 0)
		r = crypto_sha256(&span, 1, events[1].digest);
	if (r < 0)
		return r;
	for (int i = 0; i < 2; i++) {
		events[i].pcr = PCR_UKI;
		events[i].type = EV_IPL;
		events[i].data = (const uint8_t *)name;
		events[i].size = strlen(name) + 1;
	}
	draft->n += 2;
	return 0;
}

/* The kernel inside is started as an image, and measured, of its own. */
static int inner_digest(const struct pe *pe, const char *path, uint8_t ret[SHA256_SIZE])
{
	const struct pe_section *section = pe_section(pe, ".linux");
	struct span span;
	struct pe inner;
	int r = section ? section_span(section, path, &span) : -EBADMSG;

	if (r == 0)
		r = pe_parse(span.data, span.size, &inner);
	if (r < 0)
		return log_errno(EBADMSG, "%s has no kernel in it", path);
	return pe_authenticode(&inner, ret);
}

/*
 * systemd-boot 252 reads .cmdline and passes it to the image as LoadOptions, which it and the stub
 * then measure as passed from outside. So what was measured there and is the present command line
 * will be the new image's; all else, such as credentials, will be what it was.
 */
static int replace_passed(struct draft *draft, const struct pe *pe,
			  const struct predict_change *change)
{
	const struct pe_section *section = pe_section(pe, ".cmdline");
	_cleanup_free_ char *old = NULL, *new = NULL;
	uint8_t was[SHA256_SIZE], will[SHA256_SIZE];
	int r = 0;

	for (size_t i = 0; i < draft->n && r == 0; i++) {
		struct event *event = &draft->events[i];

		if (event->pcr != PCR_PASSED || !section)
			continue;
		if (!old) {
			r = present_cmdline(change, &old);
			new = strndup((const char *)section->data,
				      section->memory_size < section->size ? section->memory_size
									   : section->size);
			if (r == 0 && !new)
				r = -ENOMEM;
			if (r == 0)
				new[strcspn(new, "\n")] = '\0';
		}
		if (r == 0)
			r = load_options_digest(old, true, was);
		if (r == 0)
			r = load_options_digest(new, true, will);
		if (r == 0 && !memcmp(event->digest, was, SHA256_SIZE))
			memcpy(event->digest, will, SHA256_SIZE);
	}
	return r;
}

static int predict_uki(struct draft *draft, const struct predict_change *change)
{
	const char *path = change->uki;
	_cleanup_file_ struct file file = {0};
	struct event *image, *inner;
	struct pe pe;
	size_t kept = 0;
	int r = file_map(path, &file);

	if (r < 0)
		return r;
	if (pe_parse(file.data, file.size, &pe) < 0)
		return log_errno(EBADMSG, "%s is no image that UEFI could start", path);
	r = check_stub(&pe, path);
	if (r < 0)
		return r;
	image = last_image(draft, draft->first_uki);
	if (!image || image_after(draft, draft->first_uki, &inner) < 0)
		return log_errno(EOPNOTSUPP, "the event log does not tell where the image was "
					     "measured" ADVICE);
	r = pe_authenticode(&pe, image->digest);
	if (r == 0 && inner)
		r = inner_digest(&pe, path, inner->digest);
	if (r == 0)
		r = replace_passed(draft, &pe, change);
	for (size_t i = 0; i < draft->n; i++)
		if (draft->events[i].pcr != PCR_UKI)
			draft->events[kept++] = draft->events[i];
	draft->n = kept;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(measured); i++)
		r = add_section(draft, &pe, path, measured[i]);
	return r;
}

/* --- all ------------------------------------------------------------------------------------ */

/* @ret_phase: whether systemd extended PCR 11 in the initrd, which it will do again. */
static int check_replay(uint32_t mask, const struct pcr_values *found, const struct event_log *log,
			bool *ret_phase)
{
	struct pcr_values logged;
	int r = event_log_replay(log, &logged);

	*ret_phase = false;
	if (r < 0)
		return r;
	for (int i = 0; i < PCR_COUNT; i++) {
		uint8_t before[SHA256_SIZE];

		if (!(mask & 1u << i) || i == PCR_CAP)
			continue;
		memcpy(before, logged.value[i], SHA256_SIZE);
		if (i == PCR_UKI && boot_state_phases(found->value[i], logged.value[i])) {
			*ret_phase = memcmp(before, logged.value[i], SHA256_SIZE);
			continue;
		}
		if (memcmp(logged.value[i], found->value[i], SHA256_SIZE))
			return log_errno(
				ESTALE,
				"the event log does not replay to what PCR %d holds, so that "
				"nothing can be predicted from it",
				i);
	}
	return 0;
}

static int apply(struct draft *draft, uint32_t mask, const struct predict_change *change)
{
	bool uki = draft->first_uki < draft->n, grub = draft->first_grub < draft->n;

	if (change->uki && !uki)
		return log_errno(EOPNOTSUPP, "this boot was not of a unified kernel image" ADVICE);
	if (change->uki && mask & 1u << PCR_FILES)
		return log_errno(
			EOPNOTSUPP,
			"PCR %d is not predicted for a unified kernel image; PCR %d covers "
			"all of it",
			PCR_FILES, PCR_UKI);
	if (change->uki)
		return predict_uki(draft, change);
	if (uki)
		return log_errno(EOPNOTSUPP,
				 "this boot was of a unified kernel image: give the next by --uki");
	return grub ? predict_grub(draft, change) : predict_stub(draft, change);
}

int predict(uint32_t mask, const struct pcr_values *found, const struct event_log *log,
	    const struct predict_change *change, struct boot_state *ret)
{
	_cleanup_draft_ struct draft draft = {0};
	struct boot_state state = {.pcrs.mask = mask | 1u << PCR_CAP};
	struct event_log coming;
	struct pcr_values pcrs;
	bool phase;
	int r = check_replay(mask, found, log, &phase);

	if (r == 0)
		r = draft_open(log, 2 * ARRAY_SIZE(measured), &draft);
	if (r == 0)
		r = apply(&draft, mask, change);
	if (r < 0)
		return r;
	coming = (struct event_log){.events = draft.events, .n = draft.n};
	r = event_log_replay(&coming, &pcrs);
	if (r == 0 && phase)
		r = boot_state_enter_initrd(pcrs.value[PCR_UKI]);
	if (r < 0)
		return r;
	for (int i = 0; i < PCR_COUNT; i++)
		if (mask & 1u << i && i != PCR_CAP)
			memcpy(state.pcrs.value[i], pcrs.value[i], SHA256_SIZE);
	event_log_shorten(&coming, mask, &state.events);
	*ret = state;
	return 0;
}

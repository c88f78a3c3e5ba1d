// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Predicting PCRs. The events in the log tell which of three ways this boot took:
 *
 *	The firmware, or a boot manager, starts a kernel with an EFI stub: the stub tags what it
 *	measures into PCR 9.
 *	GRUB: it measures its commands into PCR 8 and the files that it reads into PCR 9, as EV_IPL.
 *	A unified kernel image: systemd-stub measures its sections into PCR 11, as EV_IPL.
 */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "measured/draft.h"
#include "measured/pe.h"
#include "measured/predict.h"

#define PCR_PASSED 12 /* what a unified kernel image is passed from outside */

#define ADVICE	   "; boot it once with another protector and approve it then"

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
	if (draft_find_tag(draft, EVENT_TAG_LOAD_OPTIONS, &event) < 0)
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

	if (draft_find_tag(draft, EVENT_TAG_INITRD, &event) < 0)
		return log_errno(EOPNOTSUPP, "the event log does not tell where the initrd was "
					     "measured" ADVICE);
	return mapped_digest(path, event->digest);
}

static int replace_kernel(struct draft *draft, const char *path)
{
	struct event *event = draft_last_image(draft, draft->first_stub);

	if (!event)
		return log_errno(EOPNOTSUPP, "the event log does not tell where the kernel was "
					     "measured" ADVICE);
	return mapped_authenticode(path, event->digest);
}

static int predict_stub(struct draft *draft, const struct predict_change *change)
{
	int r = change->kernel ? replace_kernel(draft, change->kernel) : 0;

	if (r < 0)
		return r;
	r = change->initrd ? replace_initrd(draft, change->initrd) : 0;
	if (r < 0)
		return r;
	return change->cmdline ? replace_cmdline(draft, change) : 0;
}

/* --- GRUB ----------------------------------------------------------------------------------- */

/* Return whether GRUB's event names @name as the last part of a path. */
static bool names_file(const struct event *event, const char *name)
{
	size_t size = event->size, length = strlen(name);

	while (size && event->data[size - 1] == '\0')
		size--;
	return size > length && !memcmp(event->data + size - length, name, length) &&
	       event->data[size - length - 1] == '/';
}

/*
 * Replace a file that GRUB has read by one of the same name. A file of another name would take
 * another grub.cfg, and GRUB measures each line of that.
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
	return mapped_digest(path, found->digest);
}

static int replace_grub_kernel(struct draft *draft, const char *path)
{
	struct event *image;
	int r = replace_grub_file(draft, path);

	if (r < 0)
		return r;
	/* shim measures the kernel as an image too. */
	if (draft_image_after(draft, draft->first_grub, &image) < 0)
		return log_errno(EOPNOTSUPP, "GRUB started more than one image" ADVICE);
	return image ? mapped_authenticode(path, image->digest) : 0;
}

static int replace_grub_initrd(struct draft *draft, const char *path)
{
	struct event *tagged;
	int r = replace_grub_file(draft, path);

	/* The kernel's stub tags an initrd that it fetches itself. */
	if (r < 0 || draft_find_tag(draft, EVENT_TAG_INITRD, &tagged) < 0)
		return r;
	return mapped_digest(path, tagged->digest);
}

static int predict_grub(struct draft *draft, const struct predict_change *change)
{
	int r;

	if (change->cmdline)
		return log_errno(EOPNOTSUPP, "what a new grub.cfg does cannot be predicted" ADVICE);
	r = change->kernel ? replace_grub_kernel(draft, change->kernel) : 0;
	if (r < 0)
		return r;
	return change->initrd ? replace_grub_initrd(draft, change->initrd) : 0;
}

/* --- unified kernel images ------------------------------------------------------------------ */

/*
 * Sections in the order in which systemd-stub 252 measures them, name and contents each, with
 * .pcrsig left out since it is made from the result (src/fundamental/tpm-pcr.c there).
 */
static const char *const measured[] = {".linux",  ".osrel", ".cmdline", ".initrd",
				       ".splash", ".dtb",   ".pcrpkey"};

/* Sections that other versions measure as well. */
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

/* Give the contents as they are in memory, without the padding that the file may have. */
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
	if (r < 0)
		return r;
	r = crypto_sha256(&(struct span){name, strlen(name) + 1}, 1, events[0].digest);
	if (r < 0)
		return r;
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

/* Compute the digest of the kernel inside, which is started and measured as an image of its own. */
static int inner_digest(const struct pe *pe, const char *path, uint8_t ret[SHA256_SIZE])
{
	const struct pe_section *section = pe_section(pe, ".linux");
	struct span span;
	struct pe inner;

	if (!section || section_span(section, path, &span) < 0 ||
	    pe_parse(span.data, span.size, &inner) < 0)
		return log_errno(EBADMSG, "%s has no kernel in it", path);
	return pe_authenticode(&inner, ret);
}

/* Digests of LoadOptions with the present command line, and with that of @section. */
static int passed_digests(const struct pe_section *section, const struct predict_change *change,
			  uint8_t ret_was[SHA256_SIZE], uint8_t ret_will[SHA256_SIZE])
{
	_cleanup_free_ char *old = NULL, *new = NULL;
	int r = present_cmdline(change, &old);

	if (r < 0)
		return r;
	new = strndup((const char *)section->data,
		      section->memory_size < section->size ? section->memory_size : section->size);
	if (!new)
		return -ENOMEM;
	new[strcspn(new, "\n")] = '\0';
	r = load_options_digest(old, true, ret_was);
	return r < 0 ? r : load_options_digest(new, true, ret_will);
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
	uint8_t was[SHA256_SIZE], will[SHA256_SIZE];
	bool known = false;

	for (size_t i = 0; section && i < draft->n; i++) {
		struct event *event = &draft->events[i];
		int r;

		if (event->pcr != PCR_PASSED)
			continue;
		r = known ? 0 : passed_digests(section, change, was, will);
		if (r < 0)
			return r;
		known = true;
		if (!memcmp(event->digest, was, SHA256_SIZE))
			memcpy(event->digest, will, SHA256_SIZE);
	}
	return 0;
}

static int predict_uki(struct draft *draft, const struct predict_change *change)
{
	const char *path = change->uki;
	_cleanup_mapped_ struct mapped file = {0};
	struct event *image, *inner;
	struct pe pe;
	size_t kept = 0;
	int r = mapped_open(path, &file);

	if (r < 0)
		return r;
	if (pe_parse(file.data, file.size, &pe) < 0)
		return log_errno(EBADMSG, "%s is no image that UEFI could start", path);
	r = check_stub(&pe, path);
	if (r < 0)
		return r;
	image = draft_last_image(draft, draft->first_uki);
	if (!image || draft_image_after(draft, draft->first_uki, &inner) < 0)
		return log_errno(EOPNOTSUPP, "the event log does not tell where the image was "
					     "measured" ADVICE);
	r = pe_authenticode(&pe, image->digest);
	if (r < 0)
		return r;
	r = inner ? inner_digest(&pe, path, inner->digest) : 0;
	if (r < 0)
		return r;
	r = replace_passed(draft, &pe, change);
	if (r < 0)
		return r;
	for (size_t i = 0; i < draft->n; i++)
		if (draft->events[i].pcr != PCR_UKI)
			draft->events[kept++] = draft->events[i];
	draft->n = kept;
	for (size_t i = 0; i < ARRAY_SIZE(measured); i++) {
		r = add_section(draft, &pe, path, measured[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- all ------------------------------------------------------------------------------------ */

/* Check that the log replays to @found. @ret_phase: systemd has extended PCR 11 in the initrd, and
 * will do so again. */
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

	if (r < 0)
		return r;
	r = draft_open(log, 2 * ARRAY_SIZE(measured), &draft);
	if (r < 0)
		return r;
	r = apply(&draft, mask, change);
	if (r < 0)
		return r;
	coming = (struct event_log){.events = draft.events, .n = draft.n};
	r = event_log_replay(&coming, &pcrs);
	if (r < 0)
		return r;
	r = phase ? boot_state_enter_initrd(pcrs.value[PCR_UKI]) : 0;
	if (r < 0)
		return r;
	for (int i = 0; i < PCR_COUNT; i++)
		if (mask & 1u << i && i != PCR_CAP)
			memcpy(state.pcrs.value[i], pcrs.value[i], SHA256_SIZE);
	event_log_shorten(&coming, mask, &state.events);
	*ret = state;
	return 0;
}

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
#include <string.h>

#include "base/log.h"
#include "measured/draft.h"
#include "measured/predict.h"
#include "measured/uki.h"

#define ADVICE "; boot it once with another protector and approve it then"

/* --- a kernel with its EFI stub ------------------------------------------------------------- */

static int replace_cmdline(struct draft *draft, const struct predict_change *change)
{
	_cleanup_free_ char *old = NULL;
	uint8_t digest[SHA256_SIZE];
	struct event *event;
	int r = draft_cmdline(change->old_cmdline, &old);

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
		r = draft_load_options(old, nul, digest);
		if (r < 0)
			return r;
		if (!memcmp(digest, event->digest, SHA256_SIZE))
			return draft_load_options(change->cmdline, nul, event->digest);
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

/* --- all ------------------------------------------------------------------------------------ */

/* Check that the log replays to @found. @ret_words: what systemd has extended each PCR with in the
 * initrd, and will again. */
static int check_replay(uint32_t mask, const struct pcr_values *found, const struct event_log *log,
			unsigned ret_words[PCR_COUNT])
{
	struct pcr_values logged;
	int r = event_log_replay(log, &logged);

	if (r < 0)
		return r;
	for (int i = 0; i < PCR_COUNT; i++)
		if (mask & 1u << i && i != PCR_CAP &&
		    !boot_state_explained(i, found->value[i], logged.value[i], &ret_words[i]))
			return log_errno(
				ESTALE,
				"the event log does not replay to what PCR %d holds, so that "
				"nothing can be predicted from it",
				i);
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
		return uki_predict(draft, change->uki, change->old_cmdline, mask);
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
	unsigned words[PCR_COUNT] = {0};
	int r = check_replay(mask, found, log, words);

	if (r < 0)
		return r;
	r = draft_open(log, UKI_EVENTS, &draft);
	if (r < 0)
		return r;
	r = apply(&draft, mask, change);
	if (r < 0)
		return r;
	coming = (struct event_log){.events = draft.events, .n = draft.n};
	r = event_log_replay(&coming, &pcrs);
	if (r < 0)
		return r;
	for (int i = 0; i < PCR_COUNT; i++) {
		if (!(mask & 1u << i) || i == PCR_CAP)
			continue;
		r = boot_state_extend_words(pcrs.value[i], words[i]);
		if (r < 0)
			return r;
		memcpy(state.pcrs.value[i], pcrs.value[i], SHA256_SIZE);
	}
	event_log_shorten(&coming, mask, &state.events);
	*ret = state;
	return 0;
}

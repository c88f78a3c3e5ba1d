// SPDX-License-Identifier: LGPL-2.1-or-later
/* Predicting the events of a unified kernel image. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "measured/pe.h"
#include "measured/uki.h"

#define PCR_PASSED 12 /* what a unified kernel image is passed from outside */
#define PCR_SHIM   14 /* shim's policy: zeros where there is no shim */

/* taggedEventID of the number of the profile that was chosen, where that is not 0
 * (src/boot/measure.h of systemd). */
#define EVENT_TAG_PROFILE 0x13aed6db

#define ADVICE		  "; boot it once with another protector and approve it then"

/* --- the stub ------------------------------------------------------------------------------- */

#define OLDEST 252
#define NEWEST 262

/* Since this version the stub starts the kernel inside by itself, so that the firmware does not
 * measure it into PCR 4; with Secure Boot and a shim it still has it loaded. */
#define STARTS_ITSELF 258

/*
 * Sections in the order in which systemd-stub measures them (src/fundamental/uki.h there), and
 * since which version. What an older stub does not know it does not measure. .pcrsig is left out,
 * since it is made from the result. Version 253 is in no release of Debian and was not looked at.
 */
static const struct {
	const char *name;
	int since;
} measured[UKI_SECTIONS] = {
	{".linux", OLDEST}, {".osrel", OLDEST},	  {".cmdline", OLDEST}, {".initrd", OLDEST},
	{".ucode", 256},    {".splash", OLDEST},  {".dtb", OLDEST},	{".uname", 254},
	{".sbat", 254},	    {".pcrpkey", OLDEST}, {".profile", 257},	{".dtbauto", 257},
	{".hwids", 257},    {".efifw", 258},
};

/* There may be several of these, of which the stub takes and measures what is for this hardware. */
static bool is_chosen(const char *name)
{
	return !strcmp(name, ".dtbauto") || !strcmp(name, ".efifw");
}

/* An image, as its stub takes it: the sections of the whole, and over them those of one profile. */
struct uki {
	const char *path;
	struct pe pe;
	int version;
	unsigned profile;
};

static int stub_version(const struct pe *pe)
{
	static const char magic[] = "#### LoaderInfo: systemd-stub ";
	const struct pe_section *section = pe_section(pe, ".sdmagic");
	size_t at = sizeof(magic) - 1;
	int version = 0;

	if (!section || section->size < sizeof(magic) || memcmp(section->data, magic, at))
		return 0;
	for (; at < section->size && section->data[at] >= '0' && section->data[at] <= '9'; at++)
		if (version < 10000)
			version = 10 * version + section->data[at] - '0';
	return version;
}

static int check_stub(struct uki *uki)
{
	uki->version = stub_version(&uki->pe);
	if (uki->version < OLDEST || uki->version > NEWEST || uki->version == OLDEST + 1)
		return log_errno(
			EOPNOTSUPP,
			"%s is no image with the systemd-stub of systemd %d or %d to %d, and "
			"how others measure is not known here" ADVICE,
			uki->path, OLDEST, OLDEST + 2, NEWEST);
	for (size_t i = 0; i < ARRAY_SIZE(measured); i++)
		if (is_chosen(measured[i].name) && uki->version >= measured[i].since &&
		    pe_first_section(&uki->pe, measured[i].name, 0, UINT16_MAX))
			return log_errno(
				EOPNOTSUPP,
				"%s has a section %s, which its stub measures on the hardware "
				"that it is for: whether on this is not known here" ADVICE,
				uki->path, measured[i].name);
	return 0;
}

/* --- sections ------------------------------------------------------------------------------- */

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

/*
 * Profiles came with systemd 257. A section .profile begins one, which ends before the next; what
 * precedes the first is for all of them. Give where profile number @profile begins and ends in the
 * table of sections; false: there is none.
 */
static bool profile_bounds(const struct pe *pe, unsigned profile, size_t *ret_begin,
			   size_t *ret_end)
{
	size_t begin = 0;

	for (unsigned i = 0;; i++) {
		const struct pe_section *next = pe_first_section(pe, ".profile", begin, UINT16_MAX);

		if (!next)
			return false;
		*ret_begin = next->index;
		begin = next->index + 1;
		next = pe_first_section(pe, ".profile", begin, UINT16_MAX);
		*ret_end = next ? next->index : UINT16_MAX;
		if (i == profile)
			return true;
	}
}

/* The section @name that the stub takes, borrowed; NULL: none. */
static const struct pe_section *uki_section(const struct uki *uki, const char *name)
{
	const struct pe_section *found = NULL;
	size_t begin, end, common = UINT16_MAX;

	if (uki->version >= 257 && profile_bounds(&uki->pe, 0, &begin, &end))
		common = begin;
	if (uki->version >= 257 && profile_bounds(&uki->pe, uki->profile, &begin, &end))
		found = pe_first_section(&uki->pe, name, begin, end);
	return found ? found : pe_first_section(&uki->pe, name, 0, common);
}

static int add_section(struct draft *draft, const struct uki *uki, const char *name)
{
	const struct pe_section *section = uki_section(uki, name);
	struct event *events = &draft->events[draft->n];
	struct span span;
	int r;

	if (!section || !section->memory_size)
		return 0;
	r = section_span(section, uki->path, &span);
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

static int replace_sections(struct draft *draft, const struct uki *uki)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; i < draft->n; i++)
		if (draft->events[i].pcr != PCR_UKI)
			draft->events[kept++] = draft->events[i];
	draft->n = kept;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(measured); i++)
		if (uki->version >= measured[i].since)
			r = add_section(draft, uki, measured[i].name);
	return r;
}

/* --- the profile ---------------------------------------------------------------------------- */

/* Find the profile that was chosen in this boot: the stub measures the number's UTF-16 and NUL. */
static int find_profile(const struct draft *draft, struct uki *uki)
{
	size_t begin, end;

	uki->profile = 0;
	for (size_t i = 0; i < draft->n; i++) {
		const struct event *event = &draft->events[i];
		unsigned profile = 1;

		if (event->pcr != PCR_PASSED || event_tag(event) != EVENT_TAG_PROFILE)
			continue;
		for (; profile < PE_SECTIONS_MAX; profile++) {
			uint8_t digest[SHA256_SIZE];
			char text[12];
			int r;

			snprintf(text, sizeof(text), "%u", profile);
			r = draft_load_options(text, true, digest);
			if (r < 0)
				return r;
			if (!memcmp(digest, event->digest, SHA256_SIZE))
				break;
		}
		uki->profile = profile;
	}
	if (uki->profile &&
	    (uki->version < 257 || !profile_bounds(&uki->pe, uki->profile, &begin, &end)))
		return log_errno(
			EOPNOTSUPP,
			"this boot was of a profile of its image that %s does not have, so "
			"that it is unknown which will be next" ADVICE,
			uki->path);
	return 0;
}

/* --- images --------------------------------------------------------------------------------- */

/* The firmware measures an add-on as an image, too; its path ends so (systemd-stub(7)). */
static bool is_addon(const struct event *event)
{
	static const char suffix[] = ".addon.efi";
	size_t n = 2 * (sizeof(suffix) - 1);

	for (size_t at = 0; at + n <= event->size; at++) {
		size_t i = 0;

		while (i < n && (i % 2 ? event->data[at + i] == 0
				       : (event->data[at + i] | 0x20) == (suffix[i / 2] | 0x20)))
			i++;
		if (i == n)
			return true;
	}
	return false;
}

/* Find the kernel inside, which may be started and measured as an image of its own. */
static int find_inner(const struct draft *draft, struct event **ret)
{
	*ret = NULL;
	for (size_t i = draft->first_uki; i < draft->n; i++) {
		struct event *event = &draft->events[i];

		if (!event_is_image(event) || is_addon(event))
			continue;
		if (*ret)
			return log_errno(EOPNOTSUPP, "the event log has more images than one after "
						     "the unified kernel image" ADVICE);
		*ret = event;
	}
	return 0;
}

/* Whether anything was measured into @pcr. */
static bool measures(const struct draft *draft, uint32_t pcr)
{
	for (size_t i = 0; i < draft->n; i++)
		if (draft->events[i].pcr == pcr && draft->events[i].type != EV_NO_ACTION)
			return true;
	return false;
}

static int inner_digest(const struct uki *uki, uint8_t ret[SHA256_SIZE])
{
	const struct pe_section *section = uki_section(uki, ".linux");
	struct span span;
	struct pe inner;

	if (!section || section_span(section, uki->path, &span) < 0 ||
	    pe_parse(span.data, span.size, &inner) < 0)
		return log_errno(EBADMSG, "%s has no kernel in it", uki->path);
	return pe_authenticode(&inner, ret);
}

static int replace_images(struct draft *draft, const struct uki *uki, uint32_t mask)
{
	struct event *image = draft_last_image(draft, draft->first_uki), *inner;
	bool itself = uki->version >= STARTS_ITSELF;
	int r;

	if (!(mask & 1u << PCR_IMAGES))
		return 0;
	if (!image)
		return log_errno(EOPNOTSUPP, "the event log does not tell where the image was "
					     "measured" ADVICE);
	r = find_inner(draft, &inner);
	if (r < 0)
		return r;
	if (inner ? itself && !measures(draft, PCR_SHIM) : !itself)
		return log_errno(
			EOPNOTSUPP,
			"the stub of %s, of systemd %d, has the kernel inside measured into PCR "
			"%d otherwise than that of this boot" ADVICE,
			uki->path, uki->version, PCR_IMAGES);
	r = pe_authenticode(&uki->pe, image->digest);
	if (r < 0)
		return r;
	return inner ? inner_digest(uki, inner->digest) : 0;
}

/* --- what is passed ------------------------------------------------------------------------- */

/* Whether the image of this boot had @cmdline as its .cmdline, at whose end it may have a line's or
 * a NUL. */
static bool had_cmdline(const struct draft *draft, const char *cmdline)
{
	static const char name[] = ".cmdline";
	uint8_t heading[SHA256_SIZE], digest[SHA256_SIZE];
	const struct event *before = NULL;

	if (crypto_sha256(&(struct span){name, sizeof(name)}, 1, heading) < 0)
		return false;
	for (size_t i = 0; i < draft->n; i++) {
		const struct event *event = &draft->events[i];

		if (event->pcr != PCR_UKI)
			continue;
		if (before && !memcmp(before->digest, heading, SHA256_SIZE)) {
			static const struct span ends[] = {{"", 0}, {"\n", 1}, {"", 1}};

			for (size_t j = 0; j < ARRAY_SIZE(ends); j++)
				if (crypto_sha256((struct span[]){{cmdline, strlen(cmdline)},
								  ends[j]},
						  2, digest) == 0 &&
				    !memcmp(digest, event->digest, SHA256_SIZE))
					return true;
			return false;
		}
		before = event;
	}
	return false;
}

/* Digests of LoadOptions with the present command line, and with that of @section. */
static int passed_digests(const struct pe_section *section, const char *old,
			  uint8_t ret_was[SHA256_SIZE], uint8_t ret_will[SHA256_SIZE])
{
	_cleanup_free_ char *new = NULL;
	int r;

	new = strndup((const char *)section->data,
		      section->memory_size < section->size ? section->memory_size : section->size);
	if (!new)
		return -ENOMEM;
	new[strcspn(new, "\n")] = '\0';
	r = draft_load_options(old, true, ret_was);
	return r < 0 ? r : draft_load_options(new, true, ret_will);
}

/*
 * systemd-boot 252 reads .cmdline and passes it to the image as LoadOptions, which it and the stub
 * then measure as passed from outside. So what was measured there, is the present command line and
 * was in the image, will be the new image's; all else, such as credentials, add-ons and what
 * somebody has given the boot menu, will be what it was.
 */
static int replace_passed(struct draft *draft, const struct uki *uki, const char *old_cmdline)
{
	const struct pe_section *section = uki_section(uki, ".cmdline");
	_cleanup_free_ char *old = NULL;
	uint8_t was[SHA256_SIZE], will[SHA256_SIZE];
	int r;

	if (!section || !measures(draft, PCR_PASSED))
		return 0;
	r = draft_cmdline(old_cmdline, &old);
	if (r < 0)
		return r;
	if (!had_cmdline(draft, old))
		return 0;
	r = passed_digests(section, old, was, will);
	if (r < 0)
		return r;
	for (size_t i = 0; i < draft->n; i++)
		if (draft->events[i].pcr == PCR_PASSED &&
		    !memcmp(draft->events[i].digest, was, SHA256_SIZE))
			memcpy(draft->events[i].digest, will, SHA256_SIZE);
	return 0;
}

int uki_predict(struct draft *draft, const char *path, const char *old_cmdline, uint32_t mask)
{
	_cleanup_mapped_ struct mapped file = {0};
	struct uki uki = {.path = path};
	int r = mapped_open(path, &file);

	if (r < 0)
		return r;
	if (pe_parse(file.data, file.size, &uki.pe) < 0)
		return log_errno(EBADMSG, "%s is no image that UEFI could start", path);
	r = check_stub(&uki);
	if (r < 0)
		return r;
	r = find_profile(draft, &uki);
	if (r < 0)
		return r;
	r = replace_images(draft, &uki, mask);
	if (r < 0)
		return r;
	r = replace_passed(draft, &uki, old_cmdline);
	return r < 0 ? r : replace_sections(draft, &uki);
}

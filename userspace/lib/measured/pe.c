// SPDX-License-Identifier: LGPL-2.1-or-later
/* PE images. All integers in them are little-endian. */
#include <errno.h>
#include <string.h>

#include "measured/pe.h"

#define SECTION_HEADER_SIZE 40
#define COFF_HEADER_SIZE    20

/* The number of @bytes bytes at @at; 0 where they are not all there. */
static uint32_t number(const struct pe *pe, size_t at, size_t bytes)
{
	uint32_t value = 0;

	if (at > pe->size || bytes > pe->size - at)
		return 0;
	while (bytes--)
		value = value << 8 | pe->data[at + bytes];
	return value;
}

static bool inside(const struct pe *pe, size_t at, size_t bytes)
{
	return at <= pe->size && bytes <= pe->size - at;
}

/* Sections are hashed in the order in which they lie in the file. */
static void sort(struct pe *pe)
{
	for (size_t i = 1; i < pe->n_sections; i++) {
		struct pe_section section = pe->sections[i];
		size_t j = i;

		for (; j && pe->sections[j - 1].data > section.data; j--)
			pe->sections[j] = pe->sections[j - 1];
		pe->sections[j] = section;
	}
}

static int parse_sections(struct pe *pe, size_t table, size_t n)
{
	if (n > PE_SECTIONS_MAX || !inside(pe, table, n * SECTION_HEADER_SIZE))
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		size_t header = table + i * SECTION_HEADER_SIZE;
		struct pe_section section = {
			.memory_size = number(pe, header + 8, 4),
			.size = number(pe, header + 16, 4),
			.index = i,
		};
		size_t at = number(pe, header + 20, 4);

		if (!inside(pe, at, section.size))
			return -EBADMSG;
		memcpy(section.name, pe->data + header, 8);
		section.data = pe->data + at;
		/* Without bytes in the file there is nothing to hash or to name. */
		if (section.size)
			pe->sections[pe->n_sections++] = section;
	}
	sort(pe);
	return 0;
}

int pe_parse(const uint8_t *data, size_t size, struct pe *ret)
{
	struct pe pe = {.data = data, .size = size};
	size_t coff, optional, optional_size, directories, n_directories;
	int r;

	if (number(&pe, 0, 2) != 0x5a4d) /* "MZ" */
		return -EBADMSG;
	coff = (size_t)number(&pe, 0x3c, 4) + 4;
	optional = coff + COFF_HEADER_SIZE;
	if (number(&pe, coff - 4, 4) != 0x4550) /* "PE\0\0" */
		return -EBADMSG;
	optional_size = number(&pe, coff + 16, 2);
	switch (number(&pe, optional, 2)) {
	case 0x10b: /* PE32 */
		directories = 96;
		break;
	case 0x20b: /* PE32+ */
		directories = 112;
		break;
	default:
		return -EBADMSG;
	}
	if (optional_size < directories || !inside(&pe, optional, optional_size))
		return -EBADMSG;
	pe.checksum = optional + 64;
	pe.headers_size = number(&pe, optional + 60, 4);
	n_directories = number(&pe, optional + directories - 4, 4);
	if (n_directories > (optional_size - directories) / 8)
		return -EBADMSG;
	if (n_directories > 4) {
		pe.certificate_dir = optional + directories + 4 * (size_t)8;
		pe.certificates = number(&pe, pe.certificate_dir + 4, 4);
		/* Firmware takes them to be the end of the file. */
		if (pe.certificates &&
		    (!inside(&pe, number(&pe, pe.certificate_dir, 4), pe.certificates) ||
		     number(&pe, pe.certificate_dir, 4) + pe.certificates != size))
			return -EBADMSG;
	}
	if (!inside(&pe, 0, pe.headers_size) || pe.headers_size < optional + optional_size)
		return -EBADMSG;
	r = parse_sections(&pe, optional + optional_size, number(&pe, coff + 2, 2));
	if (r < 0)
		return r;
	*ret = pe;
	return 0;
}

int pe_authenticode(const struct pe *pe, uint8_t ret[SHA256_SIZE])
{
	struct span parts[PE_SECTIONS_MAX + 4];
	size_t n = 0, at = pe->checksum + 4, hashed = pe->headers_size;

	/* Windows Authenticode Portable Executable Signature Format, "Calculating the Hash". */
	parts[n++] = (struct span){pe->data, pe->checksum};
	if (pe->certificate_dir) {
		parts[n++] = (struct span){pe->data + at, pe->certificate_dir - at};
		at = pe->certificate_dir + 8;
	}
	parts[n++] = (struct span){pe->data + at, pe->headers_size - at};
	for (size_t i = 0; i < pe->n_sections; i++) {
		parts[n++] = (struct span){pe->sections[i].data, pe->sections[i].size};
		hashed += pe->sections[i].size;
	}
	/* What no section covers, to the signatures. */
	if (hashed < pe->size - pe->certificates)
		parts[n++] = (struct span){pe->data + hashed, pe->size - pe->certificates - hashed};
	return crypto_sha256(parts, n, ret);
}

const struct pe_section *pe_first_section(const struct pe *pe, const char *name, size_t begin,
					  size_t end)
{
	const struct pe_section *found = NULL;

	for (size_t i = 0; i < pe->n_sections; i++) {
		const struct pe_section *section = &pe->sections[i];

		if (section->index < begin || section->index >= end || strcmp(section->name, name))
			continue;
		if (!found || section->index < found->index)
			found = section;
	}
	return found;
}

const struct pe_section *pe_section(const struct pe *pe, const char *name)
{
	const struct pe_section *found = NULL;

	for (size_t i = 0; i < pe->n_sections; i++) {
		if (strcmp(pe->sections[i].name, name))
			continue;
		if (found)
			return NULL;
		found = &pe->sections[i];
	}
	return found;
}

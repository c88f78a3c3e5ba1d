// SPDX-License-Identifier: LGPL-2.1-or-later
/* PE images and unified kernel images: every section lies within the file, and so does the digest.
 */
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "measured/event_log.h"
#include "measured/pe.h"
#include "measured/predict.h"

#define UKI_LOG "tests/fuzz/corpus/event_log/uki"

static void try_image(const uint8_t *data, size_t size, int depth)
{
	uint8_t digest[SHA256_SIZE];
	const struct pe_section *inner;
	struct pe pe;
	int r = pe_parse(data, size, &pe);

	CHECK(r == 0 || r == -EBADMSG);
	if (r < 0)
		return;
	CHECK(pe.n_sections <= PE_SECTIONS_MAX);
	for (size_t i = 0; i < pe.n_sections; i++) {
		const struct pe_section *section = &pe.sections[i];

		CHECK(section->data >= data && section->data <= data + size);
		CHECK(section->size <= (size_t)(data + size - section->data));
		CHECK(memchr(section->name, 0, sizeof(section->name)));
		CHECK(!i || section->data >= section[-1].data);
	}
	CHECK(pe_authenticode(&pe, digest) == 0);
	inner = pe_section(&pe, ".linux");
	if (inner && depth < 2)
		try_image(inner->data, inner->size, depth + 1);
}

/* The same file as the next boot's, after one of a unified kernel image. */
static void try_predict(const uint8_t *data, size_t size)
{
	static struct event_log log;
	static struct pcr_values found;
	struct predict_change change = {0};
	struct boot_state state;
	char path[40];
	int fd, r;

	if (!log.n)
		CHECK(event_log_load(UKI_LOG, &log) == 0 && event_log_replay(&log, &found) == 0);
	fd = memfd_create("image", MFD_CLOEXEC);
	CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	change.uki = path;
	r = predict(1u << 4 | 1u << PCR_UKI, &found, &log, &change, &state);
	CHECK(r == 0 || r == -EBADMSG || r == -EOPNOTSUPP);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Exactly as long as the file, so that a byte beyond it is an error. */
	_cleanup_free_ uint8_t *copy = malloc(size ? size : 1);

	CHECK(copy);
	memcpy(copy, data, size);
	try_image(copy, size, 0);
	try_predict(copy, size);
	return 0;
}

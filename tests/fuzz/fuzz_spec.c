// SPDX-License-Identifier: LGPL-2.1-or-later
/* What --protector asks for: every string that comes of it ends within its array. */
#include <errno.h>

#include "fuzz.h"
#include "protector/protector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = fuzz_text(data, size);
	struct protector_spec spec;
	int r;

	memset(&spec, 0x5a, sizeof(spec));
	r = protector_spec_parse(text, &spec);
	CHECK(r == 0 || r == -EINVAL || r == -ENOMEM);
	if (r < 0)
		return 0;
	CHECK(spec.kind < PROTECTOR_MAX && kind_rows[spec.kind]->token_type);
	CHECK(memchr(spec.label, 0, sizeof(spec.label)));
	CHECK(memchr(spec.file, 0, sizeof(spec.file)) &&
	      memchr(spec.volume, 0, sizeof(spec.volume)));
	return 0;
}

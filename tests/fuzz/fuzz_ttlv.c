// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a KMIP server, or who sits in its place, answers. */
#include "custody/ttlv.h"
#include "fuzz.h"

static void check_inside(struct kmip_bytes piece, const uint8_t *data, size_t size)
{
	CHECK(!piece.size || (piece.data >= data && piece.data + piece.size <= data + size));
	for (size_t i = 0; i < piece.size; i++) { /* a wrong piece is a finding of ASan's */
		volatile uint8_t byte = piece.data[i];

		(void)byte;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum kmip_operation operations[] = {KMIP_GET_ATTRIBUTES, KMIP_ENCRYPT,
							 KMIP_DECRYPT};
	struct kmip_response response;
	size_t whole;

	if (size >= KMIP_HEADER_SIZE && ttlv_size(data, &whole) == 0)
		CHECK(whole <= KMIP_MESSAGE_MAX && whole >= KMIP_HEADER_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		if (ttlv_decode(operations[i], data, size, &response) < 0)
			continue;
		check_inside(response.message, data, size);
		check_inside(response.data, data, size);
		check_inside(response.iv, data, size);
		check_inside(response.tag, data, size);
		CHECK(response.success || !response.data.size);
	}
	return 0;
}

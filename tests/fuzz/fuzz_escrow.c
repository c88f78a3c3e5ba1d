// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is in an escrow packet (JSON): whoever has the certificate can make one. */
#include "custody/escrow.h"
#include "fuzz.h"
#include "keys/recovery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_secret_ struct secret *text = secret_copy(data, size), *password = NULL;
	struct escrow_packet packet;

	CHECK(text);
	if (escrow_parse(text, &packet, &password) < 0) {
		CHECK(!password);
		return 0;
	}
	CHECK(password && password->size == RECOVERY_TEXT_LENGTH);
	CHECK(memchr(packet.host, 0, sizeof(packet.host)));
	CHECK(memchr(packet.volume, 0, sizeof(packet.volume)));
	return 0;
}

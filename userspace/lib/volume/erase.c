// SPDX-License-Identifier: LGPL-2.1-or-later
/* Erasing a header. */
#include "keys/boot_policy.h"
#include "keys/lockout.h"
#include "volume/erase.h"

/* Keyslots first: without them no token opens anything. */
int volume_erase(struct header *header, const char *tcti, int *ret_tpm)
{
	struct header_token token = HEADER_TOKEN_START;
	int r = 0;

	*ret_tpm = 0;
	for (int i = 0; i < HEADER_MAX_KEYSLOTS && r == 0; i++)
		if (header_keyslot_used(header, i))
			r = header_keyslot_remove(header, i);
	/* While the tokens say where they are. */
	if (r == 0) {
		r = lockout_give_back(header, NULL, tcti, NULL);
		*ret_tpm = boot_policy_remove_counters(header, tcti) ?: r;
		r = 0;
	}
	while (r == 0 && header_token_next(header, NULL, &token))
		r = header_token_remove(header, token.number);
	return r;
}

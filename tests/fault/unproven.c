// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A deliberate fault: what the VMK's keyslot gives is taken for the volume's key, and the keyslot
 * for one of ours.
 * wraps: header_vet_volume header_vet_keyslot vmk_open
 */
#include "keys/vmk.h"

enum reason __wrap_header_vet_volume(const char *json, char ret_why[VET_WHY_SIZE]);
enum reason __wrap_header_vet_keyslot(const char *json, int slot, char ret_why[VET_WHY_SIZE]);
int __wrap_vmk_open(struct header *header, const struct vmk_holder *holder,
		    struct secret **ret_fvek, enum reason *ret_reason);

enum reason __wrap_header_vet_volume(const char *json, char ret_why[VET_WHY_SIZE])
{
	(void)json, (void)ret_why;
	return REASON_NONE;
}

enum reason __wrap_header_vet_keyslot(const char *json, int slot, char ret_why[VET_WHY_SIZE])
{
	(void)json, (void)slot, (void)ret_why;
	return REASON_NONE;
}

int __wrap_vmk_open(struct header *header, const struct vmk_holder *holder,
		    struct secret **ret_fvek, enum reason *ret_reason)
{
	_cleanup_secret_ struct secret *vmk = NULL;
	int r = vmk_unwrap(header, holder->kind, holder->id, holder->generation, holder->kek,
			   holder->vmk, &vmk);

	if (r == 0)
		r = header_keyslot_open(header, vmk_slot(header, holder->generation), vmk,
					ret_fvek);
	*ret_reason = r < 0 ? REASON_TOKEN_CORRUPT : REASON_NONE;
	return r < 0 ? r : 0;
}
